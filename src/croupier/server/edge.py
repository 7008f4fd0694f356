"""The settings by which the edge tells players apart: what they may say, and how pairs of claim and header are read.

Called by the settings, and by ``app`` for the adapter.
"""

import re
from collections.abc import Iterable
from typing import Final

from croupier.adapters.manifests.headers import header, identity_header
from croupier.adapters.manifests.misread import Misread

EDGE_PLAYERS: Final = (
    "edge_issuer",
    "edge_audiences",
    "edge_token_cookie",
    "edge_player_claim",
    "edge_player_header",
    "edge_claims",
    "edge_visitors",
    "edge_visitor_cookie",
)
"""Settings that say nothing without a file of keys."""
_CLAIM: Final = re.compile(r"[A-Za-z0-9_:/-]+(?:\.[A-Za-z0-9_:/-]+)*")
_COOKIE: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^`|~_-]{1,100}")


def read_claims(texts: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Pairs of a claim and its header."""
    pairs = (text.partition("=") for text in texts)
    return tuple((claim.strip(), name.strip().lower()) for claim, _, name in pairs)


def players_mistake(claim: str, name: str, claims: Iterable[str]) -> str:
    """What is wrong with the headers that tokens fill, and what to write; empty where nothing is."""
    taken: dict[str, str] = {}
    pairs = [("edge_player_claim", claim, name, identity_header)]
    pairs += [("edge_claims", *pair, header) for pair in read_claims(claims)]
    for field, source, target, reader in pairs:
        if not _CLAIM.fullmatch(source) or not target:
            return f"{field}: '{source[:60]}' names no claim and header. Write market=x-market."
        try:
            reader(target)
        except Misread as misread:
            return f"{field}: {misread.message} {misread.hint}".rstrip()
        if target.lower() in _NOT_TO_FILL:
            return f"{field}: '{target}' cannot be filled by a token. Write a header of its own, such as x-market."
        if other := taken.get(target.lower()):
            return f"{field}: '{target}' is filled by {other} already. Give each claim a header of its own."
        taken[target.lower()] = source
    return ""


def is_cookie(name: str) -> bool:
    """Whether a cookie can have this name."""
    return bool(_COOKIE.fullmatch(name))


_NOT_TO_FILL: Final = {
    "authorization",
    "cookie",
    "host",
    "connection",
    "upgrade",
    "content-length",
    "transfer-encoding",
}
