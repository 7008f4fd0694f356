"""``croupier profile …``: the domains with defaults of their own, and the reason of each default. Needs no control
plane.
"""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from croupier.cli.output import Json, print_json, print_table
from croupier.errors import NotFound

if TYPE_CHECKING:
    from croupier.adapters.manifests.profiles import ProfileFile

app = typer.Typer(help="Show the profiles: what is usual for a domain.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """Every profile, and what it is for."""
    from croupier.adapters.manifests.profiles import profile_file
    from croupier.adapters.manifests.words import PROFILES

    found = [profile_file(name) for name in PROFILES]
    if as_json:
        print_json([{"name": each.profile.name, "about": each.about, "digest": each.profile.digest} for each in found])
    else:
        print_table(("PROFILE", "FOR"), [(each.profile.name, each.about) for each in found])


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="The profile, for example payments.", metavar="PROFILE")],
    as_json: Json = False,
) -> None:
    """One profile: its file, with the reason of each default."""
    from croupier.adapters.manifests.profiles import profile_file
    from croupier.adapters.manifests.words import PROFILES

    if name not in PROFILES:
        raise NotFound(f"There is no profile '{name}'.", hint=f"There are: {', '.join(PROFILES)}.")
    found = profile_file(name)
    if as_json:
        print_json(_as_object(found))
    else:
        typer.echo(found.text.rstrip())


def _as_object(found: "ProfileFile") -> dict[str, Any]:
    from croupier.adapters.manifests.profiles import plain_data

    data = plain_data(found.text)
    return {**data, "digest": found.profile.digest}
