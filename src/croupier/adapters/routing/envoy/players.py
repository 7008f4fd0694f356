"""Who a request is from, where the edge finds that out itself: tokens it verifies, and the headers that follow.

Pure. What clients say of themselves is removed first; then a verified session token fills the headers that services
read, and twins of them that only the edge reads. A visitor's cookie fills the twins alone: it decides the version, and
is no login. Called by the bootstrap, the routes and the router; ``docs/how-to/verify-players-at-the-edge.md`` says why.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from croupier.core.releases import Service
from croupier.core.segments.visitors import VISITOR_COOKIE, VISITOR_ISSUER

Json = dict[str, Any]

FILTER: Final = "croupier.players"
TYPE_URL: Final = "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication"

_PLAYER: Final = "x-croupier-player"
_ATTRIBUTE: Final = "x-croupier-verified-"
_CACHED_TOKENS: Final = 20_000
"""Verified once, then known until they expire: a signature costs twenty times as much as the rest of a request."""


@dataclass(frozen=True, slots=True)
class Visitors:
    """Players before their login, told apart by a signed cookie. Of the file of keys Envoy gets the public halves."""

    key_file: Path
    cookie: str = VISITOR_COOKIE


@dataclass(frozen=True, slots=True)
class Players:
    """How the edge tells players apart.

    A token is read from ``Authorization: Bearer`` and then from ``cookie``; its issuer must be ``issuer``, and one of
    ``audiences`` (if any) must be among its own. ``player_claim`` goes to ``player_header``; ``claims`` are pairs of a
    claim (dots lead into objects) and the header that services read it from.
    """

    jwks_file: Path
    issuer: str
    audiences: tuple[str, ...] = ()
    cookie: str | None = None
    player_claim: str = "sub"
    player_header: str = "x-player-id"
    claims: tuple[tuple[str, str], ...] = ()
    visitors: Visitors | None = None

    @property
    def filled(self) -> tuple[str, ...]:
        """Headers that a verified token fills, and so nobody else may."""
        return tuple(dict.fromkeys([self.player_header.lower(), *(header.lower() for _, header in self.claims)]))

    @property
    def twins(self) -> tuple[str, ...]:
        """Headers that only the edge reads; they end there."""
        return (_PLAYER, *(f"{_ATTRIBUTE}{header.lower()}" for _, header in self.claims))


def player_header(service: Service, players: Players | None) -> str:
    """The header that this service's players are told apart by at the edge."""
    return _PLAYER if players else service.identity_header.lower()


def identity_cookie(service: Service, players: Players | None) -> str | None:
    """The cookie that this service's players are told apart by, if it is one; verified players need none."""
    return None if players else service.identity_cookie


def attribute_header(header: str, players: Players | None) -> str:
    """The header that a segment matches on; one that no token fills never comes, so nobody is in the segment."""
    return f"{_ATTRIBUTE}{header.lower()}" if players else header.lower()


def unverified(service: Service, players: Players) -> tuple[str, ...]:
    """Headers that segments of this service would match on and that no token fills."""
    return tuple(header for _, header in service.attribute_headers if header.lower() not in players.filled)


def filter_source(source: Json) -> Json:
    """Where Envoy reads the filter from: a file that it watches, so that keys change without a new listener."""
    return {"name": FILTER, "config_discovery": {"config_source": source, "type_urls": [TYPE_URL]}}


def render_filter(players: Players, jwks: str, visitors_jwks: str = "") -> Json:
    """The filter's configuration, with the keys. A token that is missing, wrong or too old makes a guest of nobody but
    its bearer: the request goes on without a player, and the service says 401 where it wants a login.
    """
    where: dict[str, Json] = {"bearer": {"from_headers": [{"name": "authorization", "value_prefix": "Bearer "}]}}
    if players.cookie:
        where["cookie"] = {"from_cookies": [players.cookie]}
    session = [(players.player_claim, players.player_header), *players.claims]
    twins = _to_twins(players)
    providers = {
        name: {**_provider(players.issuer, jwks, [*session, *twins]), **place} for name, place in where.items()
    }
    if players.audiences:
        for provider in providers.values():
            provider["audiences"] = list(players.audiences)
    if players.visitors:
        visitor = _provider(VISITOR_ISSUER, visitors_jwks, [("sub", _PLAYER), *_attributes(players)])
        providers["visitor"] = {**visitor, "from_cookies": [players.visitors.cookie]}
    # The first that is valid counts: a session outranks a visitor's cookie.
    requirements: list[Json] = [{"provider_name": name} for name in providers]
    return {
        "@type": TYPE_URL,
        "providers": providers,
        "rules": [
            {
                "match": {"prefix": "/"},
                "requires": {"requires_any": {"requirements": [*requirements, {"allow_missing_or_failed": {}}]}},
            }
        ],
    }


def _to_twins(players: Players) -> list[tuple[str, str]]:
    return [(players.player_claim, _PLAYER), *_attributes(players)]


def _attributes(players: Players) -> list[tuple[str, str]]:
    return [(claim, f"{_ATTRIBUTE}{header.lower()}") for claim, header in players.claims]


def _provider(issuer: str, jwks: str, claims: list[tuple[str, str]]) -> Json:
    return {
        "issuer": issuer,
        "local_jwks": {"inline_string": jwks},
        "forward": True,
        "require_expiration": True,
        # Without this the version would be the one chosen before the player was known.
        "clear_route_cache": True,
        "jwt_cache_config": {"jwt_cache_size": _CACHED_TOKENS},
        "claim_to_headers": [{"claim_name": claim, "header_name": header.lower()} for claim, header in claims],
    }
