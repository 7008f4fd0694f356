"""``croupier rollout token``: a token with which requests reach a rollout's canary, before or beside its players."""

from typing import Annotated

import typer

from croupier.cli import meant
from croupier.cli.connection import segment
from croupier.cli.output import Json, Reason, note, print_json, when
from croupier.core.smoke.override import LONGEST_S
from croupier.errors import Rejected


def token(
    context: typer.Context,
    rollout: Annotated[str, typer.Argument(help="The rollout, for example payments-3.", metavar="ROLLOUT")],
    for_: Annotated[str, typer.Option("--for", help="How long it lives: 5m, an hour at the most.")] = "5m",
    stable: Annotated[bool, typer.Option("--stable", help="For the stable version instead of the canary.")] = False,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Make a token for the canary and print it. Requests with it in the header croupier-version reach that version
    through the edge, are marked (x-croupier-smoke: 1) and count in no gate. That it was made is recorded. Where several
    services move as one it leads to the canary of each.
    """
    with meant.opened(context, rollout) as client:
        found = client.get(f"rollouts/{segment(rollout)}")
        version = found["stable"] if stable else found["canary"]
        if version is None:
            raise Rejected(f"{rollout} has no stable version: it is the first deployment.")
        asked = {"version": version, "seconds": seconds(for_), "reason": reason}
        if found.get("together") and found["active"] and not stable:
            asked["together"] = True
        made = client.post(f"services/{segment(found['service'])}/version-tokens", asked)
    if as_json:
        print_json(made)
        return
    typer.echo(made["token"])
    each = {made["service"]: made["version"], **made.get("together", {})}
    named = ", ".join(f"{service} {version}" for service, version in each.items())
    note(f"for {named} until {when(made['expiresAt'])}; send it as {made['header']}: TOKEN")


def seconds(text: str) -> float:
    """The duration that was written. Raises ``Rejected``."""
    from croupier.adapters.manifests.misread import Misread
    from croupier.adapters.manifests.quantities import duration

    try:
        lasts = duration(text)
    except Misread as misread:
        raise Rejected(f"--for: {misread.message}", hint=misread.hint) from None
    if not 0 < lasts <= LONGEST_S:
        raise Rejected(f"--for: a token lives an hour at the most, and not {text}.", hint="Write 5m, or 1h.")
    return lasts
