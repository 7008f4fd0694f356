"""Requests that ask for a version themselves: the filter that verifies their token (``croupier-version``).

Pure. Envoy verifies it before a route is chosen, and tells the routes (``override_routes``) what it names. Services see
``x-croupier-smoke: 1`` on such requests, and the edge counts none of them. Called by the bootstrap and the routes.
"""

from typing import Any, Final

from croupier.adapters.routing.envoy.settings import EnvoySettings
from croupier.core.smoke.override import ASKED, AUDIENCE, ISSUER, MARK, TOKEN_HEADER

Json = dict[str, Any]

FILTER: Final = "croupier.overrides"
_TYPE: Final = "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication"
_CACHED_TOKENS: Final = 100


def render_overrides(jwks: str) -> Json:
    """The filter. Only requests that carry the header come near it, so that players' requests cost nothing."""
    carries = {"prefix": "/", "headers": [{"name": TOKEN_HEADER, "present_match": True}]}
    provider = {
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "local_jwks": {"inline_string": jwks},
        "from_headers": [{"name": TOKEN_HEADER}],
        # Services never see the token; what is left of the header after this is a token that is not valid.
        "forward": False,
        "require_expiration": True,
        "clock_skew_seconds": 5,
        "clear_route_cache": True,
        "jwt_cache_config": {"jwt_cache_size": _CACHED_TOKENS},
        "claim_to_headers": [
            {"claim_name": "versions", "header_name": ASKED},
            {"claim_name": "smoke", "header_name": MARK},
        ],
    }
    either = {"requirements": [{"provider_name": "override"}, {"allow_missing_or_failed": {}}]}
    return {
        "name": FILTER,
        "typed_config": {
            "@type": _TYPE,
            "providers": {"override": provider},
            "rules": [{"match": carries, "requires": {"requires_any": either}}],
        },
    }


def not_asked() -> Json:
    """An access log's filter: requests that asked for a version are nobody's play."""
    return {"header_filter": {"header": {"name": MARK, "present_match": True, "invert_match": True}}}


def kept_inside(settings: EnvoySettings) -> tuple[str, ...]:
    """Headers of ours that no service is to see."""
    return (ASKED, TOKEN_HEADER) if settings.override_jwks is not None else ()
