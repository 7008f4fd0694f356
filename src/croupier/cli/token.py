"""``croupier token create|list|revoke``: who may talk to the control plane. Only admins may ask."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from croupier.cli.connection import Connection, segment
from croupier.cli.output import Json, Reason, note, out, plain, print_json, print_line, print_table, when
from croupier.errors import Conflict, NotFound, Transient

if TYPE_CHECKING:
    from croupier.cli.client import Client

app = typer.Typer(
    help="Let applications and people in, and shut them out.", no_args_is_help=True, rich_markup_mode=None
)

Role: TypeAlias = Literal["client", "reporter", "viewer", "operator", "admin"]
_MOST = 10_000


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Whose it is, as the journal shows it, for example shop.")],
    role: Annotated[
        Role,
        typer.Option(
            help="Clients ask for flags and nothing else, reporters push metrics and nothing else; viewers read, "
            "operators act, admins make tokens."
        ),
    ] = "client",
    environment: Annotated[
        str | None, typer.Option("--environment", "-e", help="Of a client: only this one's flags.")
    ] = None,
    service: Annotated[
        list[str] | None,
        typer.Option(
            "--service",
            "-s",
            help="Of a reporter: it speaks for this service only (its service.name); repeat it for more.",
        ),
    ] = None,
    *,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Make a token. It is printed this once, alone on standard output: croupier token create shop > shop.token"""
    body = {"name": name, "role": role, "environment": environment, "services": service, "reason": reason}
    connection: Connection = context.obj
    with connection.open() as client:
        made = client.post("tokens", {key: value for key, value in body.items() if value is not None})
        known = {item["name"] for item in client.pages("services", _MOST)} if service else set()
    unknown = [each for each in service or () if each not in known]
    if made["token"] is None:  # the request was repeated, since the first answer did not arrive
        raise Transient(
            "The token was made, but its text was lost on the way.",
            hint=f"Make another one, and revoke this one: croupier token revoke {made['id']}",
        )
    if as_json:
        print_json(made)
        return
    print_line(made["token"])
    for each in unknown:
        note(f"There is no service '{each}' yet, so the token speaks for nobody until there is.")
    note(f"{name} is {_role(made)}. Nobody can read this token again; to shut it out: croupier token revoke {name}")


@app.command("list")
def list_(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Revoked ones, too.")] = False,
    as_json: Json = False,
) -> None:
    """Tokens that let somebody in: whose, and what for. Never a secret."""
    connection: Connection = context.obj
    with connection.open() as client:
        tokens = client.pages("tokens", _MOST)
    found = [item for item in tokens if everything or item["revokedAt"] is None]
    if as_json:
        print_json(found)
        return
    rows = [
        (item["id"], item["name"], item["role"], _bound(item), when(item["createdAt"]), when(item["revokedAt"]))
        for item in found
    ]
    columns = ("TOKEN", "NAME", "ROLE", "FOR", "MADE", "REVOKED")
    shown = len(columns) if everything else -1
    print_table(columns[:shown], [row[:shown] for row in rows])


@app.command()
def revoke(
    context: typer.Context,
    token: Annotated[str, typer.Argument(help="Its id, or a name that only one token has.", metavar="TOKEN")],
    as_json: Json = False,
) -> None:
    """Shut a token out, for good. Other control planes of the same database follow within seconds."""
    connection: Connection = context.obj
    with connection.open() as client:
        done = client.delete(f"tokens/{segment(_meant(client, token))}")
    if as_json:
        print_json(done)
    else:
        out.print(f"{plain(done['name'])} ({done['id']}) is shut out.")


def _meant(client: "Client", token: str) -> str:
    """The id of the one token that is meant."""
    tokens = client.pages("tokens", _MOST)
    if any(item["id"] == token for item in tokens):
        return token
    named = [item["id"] for item in tokens if item["name"] == token and item["revokedAt"] is None]
    if not named:
        raise NotFound(f"No token that lets somebody in has the id or the name '{token}'.", hint="croupier token list")
    if len(named) > 1:
        raise Conflict(f"{len(named)} tokens are named '{token}'.", hint=f"Name one by its id: {', '.join(named)}.")
    return str(named[0])


def _bound(token: dict[str, Any]) -> str | None:
    """The environment or the services that it is for."""
    return token["environment"] or ", ".join(token.get("services") or ()) or None


def _role(made: dict[str, Any]) -> str:
    bound = _bound(made)
    where = f" for {bound}" if bound else ""
    return f"{'an' if made['role'][0] in 'ao' else 'a'} {made['role']}{where}"
