"""The routes that Envoy serves, parsed from what it matches on; only names come from metadata, contradictions fail.

Pure, the inverse of ``routes``. Called by the router with the dynamic route configuration of Envoy's own config dump.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from croupier.adapters.routing.envoy.bootstrap import METADATA, Json
from croupier.adapters.routing.envoy.clusters import target
from croupier.adapters.routing.envoy.mirroring import without_copies
from croupier.adapters.routing.envoy.override_routes import is_ours
from croupier.adapters.routing.envoy.pinned import chosen, is_pin, versions_of
from croupier.adapters.routing.envoy.routes import COOKIE_PATTERN, SALT_PATTERN
from croupier.core.rollout.pins import PinnedId, Pins
from croupier.core.rollout.routes import ServiceRoutes, Share
from croupier.core.segments import BUCKETS, AttributeMatch, Segment
from croupier.errors import Corrupt

_COOKIE: Final = re.compile(re.escape(COOKIE_PATTERN).replace(re.escape("{}"), "(.+)"))
_QUOTED: Final = re.compile(r"\\(.)", re.DOTALL)


def parse_routes(config: Json) -> Mapping[str, ServiceRoutes]:
    """Service -> routes. Raises ``Corrupt`` where Envoy matches on what ``render_routes`` would not have written."""
    try:
        groups: dict[tuple[str, str], list[Json]] = {}
        routed, ids = chosen(config["virtual_hosts"][0])
        for route in routed:
            if "metadata" in route:
                key = (_names(route)["service"], _path(route))
                groups.setdefault(key, []).append(route)
            else:
                _expect(is_ours(route), "a route that is no player's leads elsewhere than it says")
        served: dict[str, ServiceRoutes] = {}
        for (service, path), routes in groups.items():
            parsed = _service_routes(service, routes, ids.get(service, ()))
            _expect(served.setdefault(service, parsed) == parsed, f"{service} is routed differently at {path}")
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise Corrupt(f"Envoy serves routes that are not ours: {error!r}.", hint=_HINT) from error
    return served


_HINT: Final = "Apply the traffic table again, and find out who else writes to the run directory."


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Corrupt(f"Envoy's routes contradict themselves: {otherwise}.", hint=_HINT)


def _names(route: Json) -> Json:
    names: Json = route["metadata"]["filter_metadata"][METADATA]
    return names


def _path(route: Json) -> str:
    match = route["match"]
    return str(match.get("path_separated_prefix") or match["prefix"])


def _service_routes(service: str, routes: Sequence[Json], ids: tuple[PinnedId, ...]) -> ServiceRoutes:
    pinned = [route for route in routes if is_pin(route)]
    plain, mirrored = without_copies(service, [route for route in routes if not is_pin(route)])
    *share_routes, last = plain
    default = _names(last).get("default")
    _expect("headers" not in last["match"], f"{service}'s last route is not for everybody")
    if default is None:
        _expect(last["direct_response"]["status"] == 503, f"{service} has no default version, yet answers")
    unsplit = ServiceRoutes(service=service, shares=(), default=default)
    shares = tuple(_share(unsplit, route) for route in share_routes)
    if default is not None:
        expected = target(unsplit, replace(unsplit, shares=shares).guests or default)
        _expect(last["route"]["cluster"] == expected, f"{service} leads guests elsewhere than to {expected}")
    salts = {_salt(route) for route in share_routes}
    _expect(len(salts) < 2, f"{service} has several salts")
    _expect(all(share.segment for share in shares[:-1]), f"{service} has shares that nobody can reach")
    salt, pins = salts.pop() if salts else "", Pins(versions_of(unsplit, pinned), ids)
    return replace(unsplit, shares=shares, salt=salt, pins=pins, mirrored=mirrored)


def _share(routes: ServiceRoutes, route: Json) -> Share:
    *segment_headers, player = route["match"]["headers"]
    hashed = route["route"]["hash_policy"][0]["header"]
    name, pattern = hashed["header_name"], hashed["regex_rewrite"]["pattern"]["regex"]
    asks = player["name"] == name and player["string_match"] == _present(pattern)
    if pattern == SALT_PATTERN:
        asks = asks and player["invert_match"] is True and player["treat_missing_header_as_empty"] is True
    _expect(asks, f"{routes.service} splits by {name} without asking for it")
    segment = _segment(routes.service, segment_headers, _names(route).get("segment"))
    action = route["route"]
    if "cluster" in action:
        return Share(weights=((_version(routes, action["cluster"]), BUCKETS),), segment=segment)
    weighted = action["weighted_clusters"]
    _expect(weighted["use_hash_policy"] is True, f"{routes.service} splits by chance")
    weights = tuple((_version(routes, item["name"]), int(item["weight"])) for item in weighted["clusters"])
    return Share(weights=weights, segment=segment)


def _present(pattern: str) -> Json:
    """What the route must ask for so that the hash has something to hash: a header (not empty), or a cookie in it."""
    return {"exact": ""} if pattern == SALT_PATTERN else {"safe_regex": {"regex": pattern}}


def _version(routes: ServiceRoutes, cluster: str) -> str:
    version = cluster.removeprefix(f"{routes.service}@").partition("|")[0]
    _expect(target(routes, version) == cluster, f"{routes.service} leads to {cluster}")
    return version


def _segment(service: str, headers: Sequence[Json], names: Mapping[str, Any] | None) -> Segment | None:
    named = names["matches"] if names else []
    _expect([m["header"] for m in named] == [h["name"] for h in headers], f"{service}'s segment matches other headers")
    if names is None:
        return None
    matches = tuple(
        AttributeMatch(attribute=name["attribute"], values=_values(header["string_match"]))
        for name, header in zip(named, headers, strict=True)
    )
    return Segment(name=names["name"], matches=matches)


def _values(string_match: Json) -> tuple[str, ...]:
    if "exact" in string_match:
        return (string_match["exact"],)
    # A quoted "|" is two characters, so splitting between whole (quoted or plain) characters is exact.
    characters = re.findall(r"\\.|[^\\]", string_match["safe_regex"]["regex"], re.DOTALL)
    values = [""]
    for character in characters:
        if character == "|":
            values.append("")
        else:
            values[-1] += _QUOTED.sub(r"\1", character)
    return tuple(values)


def _salt(route: Json) -> str:
    rewrite = route["route"]["hash_policy"][0]["header"]["regex_rewrite"]
    pattern, written = rewrite["pattern"]["regex"], rewrite["substitution"]
    if cookie := _COOKIE.fullmatch(pattern):
        _expect(written.endswith(":\\1") and pattern == COOKIE_PATTERN.format(cookie[1]), "the hash is not of a cookie")
        written = written.removesuffix("\\1")
    else:
        _expect(pattern == SALT_PATTERN, "the hash is not salted as ours")
    prefix = _QUOTED.sub(r"\1", written)
    _expect(prefix.endswith(":"), "the hash is not salted as ours")
    return prefix.removesuffix(":")
