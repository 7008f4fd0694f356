"""``croupier page``: a link that signs you in to the page, so that no token has to be pasted. Used by the demo, too."""

from typing import TYPE_CHECKING

import typer

from croupier.cli.connection import Connection
from croupier.cli.output import Json, out, print_json

if TYPE_CHECKING:
    from croupier.cli.client import Client


def page(context: typer.Context, as_json: Json = False) -> None:
    """Print a link that opens the page signed in. It works once, within 5 minutes."""
    connection: Connection = context.obj
    with connection.open() as client:
        link = sign_in_link(client)
    if as_json:
        print_json({"url": link})
    else:
        out.print(link, markup=False)


def sign_in_link(client: "Client") -> str:
    """A fresh link for the client's token."""
    return str(client.post(f"{client.url.rstrip('/')}/login/tickets", {})["url"])
