"""Pins as Envoy matches them: an id that names its version by a suffix, any other one in a hash map. And back again.

Pure. What a request costs depends on the number of versions, never on that of ids. Called by ``routes`` and
``readback``.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from croupier.adapters.routing.envoy.bootstrap import METADATA, TYPE, Json
from croupier.adapters.routing.envoy.clusters import target
from croupier.control.ports import RoutedService
from croupier.core.releases import Service
from croupier.core.rollout.pins import PinnedId
from croupier.core.rollout.routes import ServiceRoutes
from croupier.core.segments.named import MARK

_ROUTE: Final = f"{TYPE}config.route.v3.Route"
_ROUTES: Final = f"{TYPE}config.route.v3.RouteList"
_INPUT: Final = "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput"
_ALL: Final = "routes"


def kinds_of(service: Service) -> tuple[tuple[str, str], ...]:
    """The service's kinds of ids, each with its header as Envoy knows it."""
    return tuple((kind, header.lower()) for kind, header in (service.affinity.kinds if service.affinity else ()))


def named_routes(path: Json, routed: RoutedService, forwarding: Json) -> Iterator[Json]:
    """Routes for ids that name their version: they come before those that go by weights."""
    for version in routed.routes.pins.versions:
        for kind, header in kinds_of(routed.service):
            yield {
                "match": {**path, "headers": [{"name": header, "string_match": {"suffix": f"{MARK}{version}"}}]},
                "route": {"cluster": target(routed.routes, version), **forwarding},
                "metadata": _about(routed.service.name, kind=kind, version=version),
            }


def is_pin(route: Json) -> bool:
    """Whether it is one of those."""
    return "pin" in route["metadata"]["filter_metadata"][METADATA]


def versions_of(routes: ServiceRoutes, pinned: Sequence[Json]) -> tuple[str, ...]:
    """The versions that ids may name, from the routes of one path. Raises ``ValueError`` where they contradict."""
    by_kind: dict[str, list[str]] = {}
    for route in pinned:
        about = route["metadata"]["filter_metadata"][METADATA]["pin"]
        (header,) = route["match"]["headers"]
        version = str(about["version"])
        if header["string_match"] != {"suffix": f"{MARK}{version}"} or route["route"]["cluster"] != target(
            routes, version
        ):
            raise ValueError(f"{routes.service} leads ids of {version} elsewhere")
        by_kind.setdefault(str(about["kind"]), []).append(version)
    found = {tuple(versions) for versions in by_kind.values()}
    if len(found) > 1:
        raise ValueError(f"{routes.service} knows other versions for one kind of ids than for another")
    return found.pop() if found else ()


def matching(
    routes: Sequence[Json], prefixes: Sequence[tuple[str, RoutedService]], timeout: Json, retries: Json
) -> Json:
    """How a virtual host chooses among ``routes``: as they stand, but for ids that go elsewhere by themselves."""
    pinned = [(prefix, routed) for prefix, routed in prefixes if routed.routes.pins.ids]
    if not pinned:
        return {"routes": list(routes)}
    everything = _action(_ALL, {"@type": _ROUTES, "routes": list(routes)})
    own = {item.service.name: _maps(item, timeout) for _, item in pinned}
    matchers = [
        {"predicate": _under(prefix), "on_match": _chained(own[routed.service.name], everything)}
        for prefix, routed in pinned
    ]
    # Said once for all: thousands of routes that each repeat it would be megabytes.
    return {"matcher": {"matcher_list": {"matchers": matchers}, "on_no_match": everything}, "retry_policy": retries}


def chosen(host: Json) -> tuple[Sequence[Json], Mapping[str, tuple[PinnedId, ...]]]:
    """The inverse: routes, and the ids by service. Raises ``KeyError``, ``TypeError`` or ``ValueError`` for others."""
    if "matcher" not in host:
        return host["routes"], {}
    everything = host["matcher"]["on_no_match"]
    ids: dict[str, tuple[PinnedId, ...]] = {}
    for matcher in host["matcher"]["matcher_list"]["matchers"]:
        found: dict[str, list[PinnedId]] = {}
        rest = matcher["on_match"]
        while "matcher" in rest:
            for id_, way in rest["matcher"]["matcher_tree"]["exact_match_map"]["map"].items():
                _read(id_, way["action"]["typed_config"], found)
            rest = rest["matcher"]["on_no_match"]
        if rest != everything:
            raise ValueError("requests without a pin are routed differently where there are pins")
        for service, pins in found.items():
            known = ids.setdefault(service, tuple(sorted(pins)))
            if known != tuple(sorted(pins)):
                raise ValueError(f"{service} has other pins on another path")
    return everything["action"]["typed_config"]["routes"], ids


def _maps(routed: RoutedService, timeout: Json) -> list[tuple[str, Json]]:
    """For each kind of ids that there are: its header, and the way of each id."""
    maps: list[tuple[str, Json]] = []
    for kind, header in kinds_of(routed.service):
        ways = {
            pin.id: _action(
                "pin",
                {
                    "@type": _ROUTE,
                    "match": {"prefix": "/"},
                    "route": {"cluster": target(routed.routes, pin.version), **timeout},
                    "metadata": _about(routed.service.name, kind=kind, version=pin.version),
                },
            )
            for pin in routed.routes.pins.ids
            if pin.kind == kind
        }
        if ways:
            maps.append((header, ways))
    return maps


def _chained(maps: Sequence[tuple[str, Json]], everything: Json) -> Json:
    """Look into one map after the other, then go by the routes."""
    chain = everything
    for header, ways in reversed(maps):
        tree = {"input": _header(header), "exact_match_map": {"map": ways}}
        chain = {"matcher": {"matcher_tree": tree, "on_no_match": chain}}
    return chain


def _under(prefix: str) -> Json:
    """The same paths as the routes of this prefix match."""
    quoted = "".join(f"\\{each}" if each in r".$()*+?[]^{|}\\" else each for each in prefix)
    regex = "/.*" if prefix == "/" else f"{quoted}([/?].*)?"
    return {
        "single_predicate": {
            "input": _header(":path"),
            "value_match": {"safe_regex": {"google_re2": {}, "regex": regex}},
        }
    }


def _header(name: str) -> Json:
    return {"name": "header", "typed_config": {"@type": _INPUT, "header_name": name}}


def _action(name: str, config: Json) -> Json:
    return {"action": {"name": name, "typed_config": config}}


def _about(service: str, *, kind: str, version: str) -> Json:
    return {"filter_metadata": {METADATA: {"service": service, "pin": {"kind": kind, "version": version}}}}


def _read(id_: str, route: Json, found: dict[str, list[PinnedId]]) -> None:
    about = route["metadata"]["filter_metadata"][METADATA]
    service, pin = str(about["service"]), about["pin"]
    # The default version has a cluster of its own, any other one falls back to it: either way its name begins so.
    if not str(route["route"]["cluster"]).partition("|")[0] == f"{service}@{pin['version']}":
        raise ValueError(f"{service} leads {id_} elsewhere")
    found.setdefault(service, []).append(PinnedId(str(pin["kind"]), id_, str(pin["version"])))
