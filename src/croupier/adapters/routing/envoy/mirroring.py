"""Copies of requests as Envoy makes them: for each route of a service, routes before it for what is copied. And back.

Pure. A copy's route differs from the player's in nothing but its condition and its copies: whoever is mirrored gets the
same version, in the same time. Called by ``routes``, ``readback`` and ``clusters``.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from croupier.adapters.routing.envoy.bootstrap import METADATA, Json
from croupier.control.ports import VersionKey
from croupier.core.rollout.routes import ServiceRoutes
from croupier.core.rollout.shadow.mirror import COMPARE_HEADER, SHADOW_HEADER, Allowed, How, Mirror, Mirrored, TextMatch

COMPARER: Final = "croupier#compare"
"""The cluster of the process that compares answers."""
AT_ONCE: Final = 100
"""Copies on their way to one version at a time; further ones are dropped, so that a slow version costs little."""

_COPIED: Final = "copied"
_QUERY: Final = r"(\?.*)?"


def copies_cluster(key: VersionKey) -> str:
    """The version's instances for copies: with limits of its own, and nobody to fall back to."""
    return f"{key.service}@{key.version}#copies"


def with_copies(route: Json, routes: ServiceRoutes) -> Iterator[Json]:
    """The route, and before it those for requests that are copied."""
    if routes.mirrored is not None and "route" in route:
        yield from _copies(route, routes.service, routes.mirrored)
    yield route


def without_copies(service: str, served: Sequence[Json]) -> tuple[list[Json], Mirrored | None]:
    """The inverse, for the routes of one path of a service. Raises ``ValueError`` where they are not made like this."""
    plain = [route for route in served if _COPIED not in _about(route)]
    if len(plain) == len(served):
        return plain, None
    mirrored = _read(next(_about(route)[_COPIED] for route in served if _COPIED in _about(route)))
    routes = ServiceRoutes(service, (), None, mirrored=mirrored)
    if [each for route in plain for each in with_copies(route, routes)] != list(served):
        raise ValueError(f"{service} copies other requests than it says")
    return plain, mirrored


def _about(route: Json) -> Json:
    about: Json = route["metadata"]["filter_metadata"][METADATA]
    return about


def _copies(route: Json, service: str, mirrored: Mirrored) -> Iterator[Json]:
    about = {**_about(route), _COPIED: _written(mirrored)}
    for mirror in mirrored.mirrors:
        for allowed in mirror.allowed:
            for methods, compared in ((allowed.safe, bool(mirror.sample_bp)), (allowed.unsafe, False)):
                policies = _policies(mirror, VersionKey(service, mirrored.version), compared=compared)
                if methods and policies:
                    conditions = [*_conditions(methods, allowed), *route["match"].get("headers", ())]
                    yield {
                        **route,
                        "match": {**route["match"], "headers": conditions},
                        "route": {**route["route"], "request_mirror_policies": policies},
                        "metadata": {"filter_metadata": {METADATA: about}},
                    }


def _conditions(methods: Sequence[str], allowed: Allowed) -> Iterator[Json]:
    regex = {"safe_regex": {"regex": "|".join(methods)}}
    yield {"name": ":method", "string_match": {"exact": methods[0]} if len(methods) == 1 else regex}
    if allowed.path is not None:
        yield {"name": ":path", "string_match": _of_path(allowed.path)}
    for name, match in allowed.headers:
        yield {"name": name, "string_match": _of_text(match)}


def _of_path(match: TextMatch) -> Json:
    """The header has the query, too, which does not count."""
    if match.how is How.PREFIX:
        return {"prefix": match.text}
    text = re.escape(match.text) if match.how is How.EXACT else f"(?:{match.text})"
    return {"safe_regex": {"regex": text + _QUERY}}


def _of_text(match: TextMatch) -> Json:
    return {"safe_regex": {"regex": match.text}} if match.how is How.REGEX else {match.how.value: match.text}


def _policies(mirror: Mirror, key: VersionKey, *, compared: bool) -> list[Json]:
    marks = [_set(SHADOW_HEADER, "1")]
    taken = [{"remove": name} for name in mirror.withheld]
    to_version = [_policy(copies_cluster(key), mirror.share_bp, [*marks, *taken])] if mirror.share_bp else []
    asking = [*marks, _set(COMPARE_HEADER, key.service), *taken]
    return [*to_version, *([_policy(COMPARER, mirror.sample_bp, asking)] if compared else [])]


def _policy(cluster: str, share_bp: int, mutations: list[Json]) -> Json:
    return {
        "cluster": cluster,
        "runtime_fraction": {"default_value": {"numerator": share_bp, "denominator": "TEN_THOUSAND"}},
        # With the suffix, what a version says of its own address would differ from what players get.
        "disable_shadow_host_suffix_append": True,
        "request_headers_mutations": mutations,
    }


def _set(header: str, value: str) -> Json:
    return {"append": {"header": {"key": header, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}


def _written(mirrored: Mirrored) -> Json:
    return {"version": mirrored.version, "mirrors": [_mirror(mirror) for mirror in mirrored.mirrors]}


def _mirror(mirror: Mirror) -> Json:
    return {
        "name": mirror.name,
        "share": mirror.share_bp,
        "sample": mirror.sample_bp,
        "withheld": list(mirror.withheld),
        "allowed": [
            {
                "methods": list(each.methods),
                "path": [each.path.how.value, each.path.text] if each.path else [],
                "headers": [[name, match.how.value, match.text] for name, match in each.headers],
            }
            for each in mirror.allowed
        ],
    }


def _read(written: Mapping[str, Any]) -> Mirrored:
    return Mirrored(written["version"], tuple(_read_mirror(each) for each in written["mirrors"]))


def _read_mirror(written: Mapping[str, Any]) -> Mirror:
    allowed = tuple(
        Allowed(
            tuple(each["methods"]),
            TextMatch(How(each["path"][0]), each["path"][1]) if each["path"] else None,
            tuple((name, TextMatch(How(how), text)) for name, how, text in each["headers"]),
        )
        for each in written["allowed"]
    )
    share, sample = int(written["share"]), int(written["sample"])
    return Mirror(written["name"], share, allowed, tuple(written["withheld"]), sample)
