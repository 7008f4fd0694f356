"""A traffic table as Envoy's route configuration: what is said once per service becomes matches, weights and hashes.

Pure. ``readback`` is its inverse. For each prefix there is one route per share, then one for requests without a player.
Called by the router.
"""

import json
import re
from collections.abc import Iterator
from typing import Final

from croupier.adapters.routing.envoy.bootstrap import LISTENER, METADATA, TYPE, Json
from croupier.adapters.routing.envoy.clusters import target
from croupier.adapters.routing.envoy.mirroring import with_copies
from croupier.adapters.routing.envoy.override_routes import asked_routes, refusal
from croupier.adapters.routing.envoy.overrides import kept_inside
from croupier.adapters.routing.envoy.pinned import matching, named_routes
from croupier.adapters.routing.envoy.players import (
    Players,
    attribute_header,
    identity_cookie,
    player_header,
)
from croupier.adapters.routing.envoy.settings import EnvoySettings
from croupier.control.ports import RoutedService, TrafficTable
from croupier.core.releases import Service
from croupier.core.rollout.routes import ServiceRoutes, Share
from croupier.core.segments import Segment

SALT_PATTERN: Final = "^"
"""Matches the empty beginning, so that the salt is put before every value, whatever bytes it has."""
COOKIE_PATTERN: Final = "^(?:.*; *)?{}=([^; ][^;]*).*$"
"""Matches all cookies of a request, and takes the value of one out of them."""
SENT_AGAIN_BYTES: Final = 262_144
"""A request with a longer body is not sent again: until somebody has answered, the edge has to keep all of it."""
_ELSEWHERE: Final = 4
"""So many attempts go to instances of the request's own version, and one more to the default version."""


def render_routes(table: TrafficTable, settings: EnvoySettings) -> Json:
    """The one RouteConfiguration. The longest prefix comes first, so that it wins."""
    prefixes = [(prefix, routed) for routed in table.services for prefix in routed.service.prefixes]
    prefixes.sort(key=lambda item: (-len(item[0]), item[0]))
    routes = [route for prefix, routed in prefixes for route in _prefix_routes(prefix, routed, settings)]
    routes.append({"match": {"prefix": "/"}, **_answer(404, "No service has this path.")})
    forwarding = _forwarding(settings)
    if settings.override_jwks is not None:
        running = [backend.key for backend in table.backends]
        asked = (
            route
            for prefix, routed in prefixes
            for route in asked_routes(_path(prefix), routed.service.name, running, settings.request_timeout_s)
        )
        routes = [refusal(), *asked, *routes]
    return {
        "@type": f"{TYPE}config.route.v3.RouteConfiguration",
        "name": LISTENER,
        "validate_clusters": True,
        # Twins of the headers are for this table only: services must not take a visitor's cookie for a login.
        "request_headers_to_remove": [*(settings.players.twins if settings.players else ()), *kept_inside(settings)],
        "virtual_hosts": [
            {
                "name": LISTENER,
                "domains": ["*"],
                "request_body_buffer_limit": SENT_AGAIN_BYTES,
                **matching(routes, prefixes, {"timeout": forwarding["timeout"]}, forwarding["retry_policy"]),
            }
        ],
    }


def _path(prefix: str) -> Json:
    return {"prefix": "/"} if prefix == "/" else {"path_separated_prefix": prefix}


def _prefix_routes(prefix: str, routed: RoutedService, settings: EnvoySettings) -> Iterator[Json]:
    service, routes = routed.service, routed.routes
    path = _path(prefix)
    yield from named_routes(path, routed, _forwarding(settings))
    for share in routes.shares:
        yield from with_copies(_share_route(path, share, routed, settings), routes)
    default: Json = {"match": path, "metadata": _metadata({"service": service.name, "default": routes.default})}
    if routes.default is None:
        retry = {"header": {"key": "retry-after", "value": "5"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        title = f"No version of {service.name} serves {'this request' if routes.shares else 'yet'}."
        yield {**default, **_answer(503, title), "response_headers_to_add": [retry]}
    else:
        cluster = target(routes, routes.guests or routes.default)
        yield from with_copies({**default, "route": {"cluster": cluster, **_forwarding(settings)}}, routes)


def _share_route(path: Json, share: Share, routed: RoutedService, settings: EnvoySettings) -> Json:
    service, players = routed.service, settings.players
    segment = _segment_metadata(share.segment, service, players)
    return {
        "match": {
            **path,
            "headers": [*_segment_headers(share.segment, service, players), _has_player(service, players)],
        },
        "route": {
            **_destination(share, routed.routes),
            **_salted(routed.routes.salt, service, players),
            **_forwarding(settings),
        },
        "metadata": _metadata({"service": service.name, "segment": segment}),
    }


def _destination(share: Share, routes: ServiceRoutes) -> Json:
    if len(share.weights) == 1:
        return {"cluster": target(routes, share.weights[0][0])}
    clusters = [{"name": target(routes, version), "weight": weight} for version, weight in share.weights]
    return {"weighted_clusters": {"use_hash_policy": True, "clusters": clusters}}


def _salted(salt: str, service: Service, players: Players | None) -> Json:
    """Envoy's own xxh64 over ``salt + ":" + player``: what ``core.segments.bucket`` computes."""
    prefix = f"{salt}:".replace("\\", "\\\\")
    if cookie := identity_cookie(service, players):
        # The last one that is not empty, where a browser sends two.
        pattern, substitution = COOKIE_PATTERN.format(re.escape(cookie)), f"{prefix}\\1"
    else:
        pattern, substitution = SALT_PATTERN, prefix
    rewrite = {"pattern": {"regex": pattern}, "substitution": substitution}
    return {"hash_policy": [{"header": {"header_name": _header_of_player(service, players), "regex_rewrite": rewrite}}]}


def _has_player(service: Service, players: Players | None) -> Json:
    """The identity is there and not empty: guests with an empty one must not all share one bucket."""
    name = _header_of_player(service, players)
    if cookie := identity_cookie(service, players):
        return {"name": name, "string_match": {"safe_regex": {"regex": COOKIE_PATTERN.format(re.escape(cookie))}}}
    return {"name": name, "string_match": {"exact": ""}, "invert_match": True, "treat_missing_header_as_empty": True}


def _header_of_player(service: Service, players: Players | None) -> str:
    return "cookie" if identity_cookie(service, players) else player_header(service, players)


def _segment_headers(segment: Segment | None, service: Service, players: Players | None) -> list[Json]:
    headers = dict(service.attribute_headers)
    return [
        {"name": attribute_header(headers[match.attribute], players), "string_match": _one_of(match.values)}
        for match in (segment.matches if segment else ())
    ]


def _one_of(values: tuple[str, ...]) -> Json:
    if len(values) == 1:
        return {"exact": values[0]}
    return {"safe_regex": {"regex": "|".join(re.escape(value) for value in values)}}


def _forwarding(settings: EnvoySettings) -> Json:
    """Sent again only while no instance can have seen the request; see ``docs/explanation/traffic.md``."""
    return {
        "timeout": f"{settings.request_timeout_s:g}s",
        "retry_policy": {
            "retry_on": "connect-failure,refused-stream,reset-before-request",
            "num_retries": _ELSEWHERE,
            "retry_back_off": {"base_interval": "0.005s", "max_interval": "0.03s"},
            # First other instances of the same version; at the last attempt the default version.
            "retry_host_predicate": [
                {
                    "name": "envoy.retry_host_predicates.previous_hosts",
                    "typed_config": {"@type": f"{TYPE}extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"},
                }
            ],
            # Who fails at once is never busy, and is drawn again and again before one that serves.
            "host_selection_retry_max_attempts": 200,
            "retry_priority": {
                "name": "envoy.retry_priorities.previous_priorities",
                "typed_config": {
                    "@type": f"{TYPE}extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
                    "update_frequency": _ELSEWHERE,
                },
            },
        },
    }


def _answer(status: int, title: str) -> Json:
    # The listener's local_reply_config makes it application/problem+json.
    return {"direct_response": {"status": status, "body": {"inline_string": title}}}


def _metadata(values: Json) -> Json:
    return {"filter_metadata": {METADATA: {key: value for key, value in values.items() if value is not None}}}


def _segment_metadata(segment: Segment | None, service: Service, players: Players | None) -> Json | None:
    """What matches cannot say: the names. The header is repeated for the read back to hold against the match."""
    if segment is None:
        return None
    headers = dict(service.attribute_headers)
    matches = [
        {"attribute": m.attribute, "header": attribute_header(headers[m.attribute], players)} for m in segment.matches
    ]
    return {"name": segment.name, "matches": matches}


def canonical(resource: object) -> str:
    """The same text for the same resource."""
    return json.dumps(resource, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
