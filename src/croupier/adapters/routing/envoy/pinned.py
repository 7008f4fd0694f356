"""Pins as Envoy matches them: an id that names its version by its end, any other one in a hash map. And back again.

Pure. What a request costs depends on the number of versions, never on that of ids. Called by ``routes`` and
``readback``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from croupier.adapters.routing.envoy.bootstrap import METADATA, TYPE, Json
from croupier.adapters.routing.envoy.carrying import carries, header, keyed, quoted, sought
from croupier.adapters.routing.envoy.clusters import target
from croupier.control.ports import RoutedService
from croupier.core.releases import IdKind, IdSource, Service, Where
from croupier.core.rollout.pins import PinnedId
from croupier.core.rollout.routes import ServiceRoutes

_ROUTE: Final = f"{TYPE}config.route.v3.Route"
_ROUTES: Final = f"{TYPE}config.route.v3.RouteList"
_PATHS: Final = ("prefix", "path_separated_prefix")
_ALL: Final = "routes"


def kinds_of(service: Service) -> tuple[IdKind, ...]:
    """The service's kinds of ids, each with the places that carry them."""
    return service.affinity.kinds if service.affinity else ()


def named_routes(path: Json, routed: RoutedService, forwarding: Json) -> Iterator[Json]:
    """Routes for ids that name their version: they come before those that go by weights."""
    for kind in kinds_of(routed.service):
        for source in kind.sources:
            for version in routed.routes.pins.versions:
                yield {
                    "match": {**path, **carries(source, version)},
                    "route": {"cluster": target(routed.routes, version), **forwarding},
                    "metadata": _about(routed.service.name, kind, source, version),
                }


def is_pin(route: Json) -> bool:
    """Whether it is one of those."""
    return "pin" in route["metadata"]["filter_metadata"][METADATA]


def versions_of(routes: ServiceRoutes, pinned: Sequence[Json]) -> tuple[str, ...]:
    """The versions that ids may name, from the routes of one path. Raises ``ValueError`` where they contradict."""
    by_source: dict[tuple[str, IdSource], list[str]] = {}
    for route in pinned:
        kind, source, version = _named(route["metadata"]["filter_metadata"][METADATA]["pin"])
        asked = {key: value for key, value in route["match"].items() if key not in _PATHS}
        if asked != carries(source, version) or route["route"]["cluster"] != target(routes, version):
            raise ValueError(f"{routes.service} leads ids of {version} elsewhere")
        by_source.setdefault((kind, source), []).append(version)
    found = {tuple(versions) for versions in by_source.values()}
    if len(found) > 1:
        raise ValueError(f"{routes.service} knows other versions for one source of ids than for another")
    return found.pop() if found else ()


def matching(
    routes: Sequence[Json], prefixes: Sequence[tuple[str, RoutedService]], timeout: Json, retries: Json
) -> Json:
    """How a virtual host chooses among ``routes``: as they stand, but for ids that go elsewhere by themselves."""
    pinned = [(prefix, routed) for prefix, routed in prefixes if routed.routes.pins.ids]
    if not pinned:
        return {"routes": list(routes)}
    everything = _action(_ALL, {"@type": _ROUTES, "routes": list(routes)})
    own = {item.service.name: _trees(item, timeout) for _, item in pinned}
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
        known: dict[tuple[str, IdSource], _Known] = {}
        rest = matcher["on_match"]
        while "matcher" in rest:
            _read(rest["matcher"]["matcher_tree"], known)
            rest = rest["matcher"]["on_no_match"]
        if rest != everything:
            raise ValueError("requests without a pin are routed differently where there are pins")
        for service, pins in _agreed(known).items():
            if ids.setdefault(service, pins) != pins:
                raise ValueError(f"{service} has other pins on another path")
    return everything["action"]["typed_config"]["routes"], ids


def _trees(routed: RoutedService, timeout: Json) -> list[Json]:
    """What to look up, one after the other: for each source of ids that there are, its maps."""
    trees: list[Json] = []
    for kind in kinds_of(routed.service):
        pins = [pin for pin in routed.routes.pins.ids if pin.kind == kind.name]
        for source in kind.learnable:
            maps: dict[str, Json] = {}
            for pin in pins:
                route = {
                    "@type": _ROUTE,
                    "match": {"prefix": "/"},
                    "route": {"cluster": target(routed.routes, pin.version), **timeout},
                    "metadata": _about(routed.service.name, kind, source, pin.version, id=pin.id),
                }
                for map_, key in keyed(source, pin.id):
                    maps.setdefault(map_, {})[key] = _action("pin", route)
            trees += [{"input": sought(source), map_: {"map": ways}} for map_, ways in maps.items()]
    return trees


def _chained(trees: Sequence[Json], everything: Json) -> Json:
    """Look into one map after the other, then go by the routes."""
    chain = everything
    for tree in reversed(trees):
        chain = {"matcher": {"matcher_tree": tree, "on_no_match": chain}}
    return chain


def _under(prefix: str) -> Json:
    """The same paths as the routes of this prefix match."""
    regex = "/.*" if prefix == "/" else f"{quoted(prefix)}([/?].*)?"
    return {
        "single_predicate": {
            "input": header(":path"),
            "value_match": {"safe_regex": {"google_re2": {}, "regex": regex}},
        }
    }


def _action(name: str, config: Json) -> Json:
    return {"action": {"name": name, "typed_config": config}}


def _about(service: str, kind: IdKind, source: IdSource, version: str, **more: str) -> Json:
    pin = {"kind": kind.name, "in": source.where.value, "name": source.name, "version": version, **more}
    return {"filter_metadata": {METADATA: {"service": service, "pin": pin}}}


def _named(pin: Json) -> tuple[str, IdSource, str]:
    return str(pin["kind"]), IdSource(Where(pin["in"]), str(pin["name"])), str(pin["version"])


@dataclass
class _Known:
    """What the maps of one source lead where, by service, and by which keys."""

    pins: set[tuple[str, PinnedId]] = field(default_factory=set)
    keys: set[tuple[str, str]] = field(default_factory=set)


def _read(tree: Json, known: dict[tuple[str, IdSource], _Known]) -> None:
    for map_ in tree.keys() - {"input"}:
        for key, way in tree[map_]["map"].items():
            route = way["action"]["typed_config"]
            about = route["metadata"]["filter_metadata"][METADATA]
            service, id_ = str(about["service"]), str(about["pin"]["id"])
            kind, source, version = _named(about["pin"])
            # The default version has a cluster of its own, any other one falls back to it: its name begins so.
            if route["route"]["cluster"].partition("|")[0] != f"{service}@{version}" or tree["input"] != sought(source):
                raise ValueError(f"{service} leads {id_} elsewhere")
            found = known.setdefault((kind, source), _Known())
            found.pins.add((service, PinnedId(kind, id_, version)))
            found.keys.add((map_, key))


def _agreed(known: Mapping[tuple[str, IdSource], _Known]) -> dict[str, tuple[PinnedId, ...]]:
    """The ids by service, if all sources of a kind know the same ones, by the keys that they are written by."""
    by_kind: dict[str, set[tuple[str, PinnedId]]] = {}
    for (kind, source), found in known.items():
        keys = {each for _, pin in found.pins for each in keyed(source, pin.id)}
        if by_kind.setdefault(kind, found.pins) != found.pins or keys != found.keys:
            raise ValueError(f"ids of the kind {kind} are known by {source} otherwise than they are written")
    ids: dict[str, list[PinnedId]] = {}
    for service, pin in sorted(set().union(*by_kind.values())):
        ids.setdefault(service, []).append(pin)
    return {service: tuple(pins) for service, pins in ids.items()}
