"""How people write request headers, and which of them can never tell players apart.

Raises ``Misread`` with the reason. Called by the fields.
"""

import re
from typing import Final

from croupier.adapters.manifests.misread import Misread, quoted
from croupier.adapters.manifests.words import text

_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^`|~-]{1,100}")
_COOKIE: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^`|~_-]{1,100}")
_INTERNAL: Final = ("x-croupier-", "x-envoy-")
_ADDRESS: Final = re.compile(
    r"(.*-)?(ip|ipv4|ipv6|addr|forwarded-for|(client|remote|peer|source|viewer)-?(address|host))"
    r"|(x-)?forwarded|via|x-azure-(client|socket)ip"
)
"""Where proxies and content networks write whom a request came from: x-real-ip, cf-connecting-ip, remote-addr, ..."""
_NOT_PLAYERS: Final = {
    "authorization": "it changes with every login, and the player's version with it",
    "cookie": "all cookies together change with every page",
    "set-cookie": "it is no header of a request",
    "x-request-id": "it changes with every request",
    "x-correlation-id": "it changes with every request",
    "traceparent": "it changes with every request",
    "idempotency-key": "it changes with every payment",
    "user-agent": "many players have the same one",
    "accept": "many players have the same one",
    "accept-language": "many players have the same one",
    "accept-encoding": "many players have the same one",
    "referer": "it changes with every page",
    "origin": "all players have the same one",
    "host": "all players have the same one",
}
_ACCOUNT: Final = "Write the header that carries the account's id, such as x-player-id."


def header(value: object) -> str:
    """A request header, in lower case. Addresses are refused: who is in a segment would be decided by IP."""
    found = _name(value)
    if _ADDRESS.fullmatch(found):
        raise Misread(
            f"'{found}' is an address, and says nothing of a player: many are behind one, and one has many.",
            "Write a header that says something of the player, such as x-market.",
        )
    return found


def identity_header(value: object) -> str:
    """The header that tells one player from another: never an address, nor what changes or is shared."""
    found = _name(value)
    if _ADDRESS.fullmatch(found):
        raise Misread(
            f"'{found}' is an address, not a player: many players are behind one address and would move together, and "
            "one player has many and would change versions on the way.",
            _ACCOUNT,
        )
    if found in _NOT_PLAYERS:
        raise Misread(f"'{found}' cannot tell players apart: {_NOT_PLAYERS[found]}.", _ACCOUNT)
    return found


def cookie(value: object) -> str:
    """The name of a cookie; upper and lower case differ."""
    found = text(value)
    if not _COOKIE.fullmatch(found):
        raise Misread(f"{quoted(found)} cannot be the name of a cookie.", "Write for example player_id.")
    return found


def _name(value: object) -> str:
    found = text(value)
    if not _HEADER.fullmatch(found):
        hint = (
            f"Write {better}."
            if _HEADER.fullmatch(better := found.replace("_", "-"))
            else "Write for example x-market."
        )
        raise Misread(f"{quoted(found)} is no name of a header that passes the edge.", hint)
    if found.lower().startswith(_INTERNAL):
        raise Misread(f"'{found}' is internal: the edge removes it from every request.", "Name it otherwise.")
    return found.lower()


def header_value(value: object) -> str:
    """A value that a request header can have, such as a market: printable, without spaces at its ends."""
    found = text(value)
    if found != found.strip() or not found.isprintable():
        raise Misread(f"{quoted(found)} cannot be the value of a header.", f"Write {quoted(' '.join(found.split()))}.")
    return found
