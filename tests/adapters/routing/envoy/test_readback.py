"""parse(render(routes)) == routes for any routes, on paper and through a real Envoy."""

import asyncio
import copy
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from croupier.adapters.routing.envoy import EnvoyRouter, EnvoySettings
from croupier.adapters.routing.envoy.checks import check_table
from croupier.adapters.routing.envoy.clusters import named_versions
from croupier.adapters.routing.envoy.readback import parse_routes
from croupier.adapters.routing.envoy.routes import render_routes
from croupier.control.ports import Backend, RoutedService, TrafficTable, VersionKey
from croupier.core.releases import Affinity, IdKind, IdSource, ProcessTemplate, Service, Where
from croupier.core.rollout.pins import NO_PINS, PinnedId, Pins
from croupier.core.rollout.routes import ServiceRoutes, Share, canary_routes
from croupier.core.rollout.shadow.mirror import Allowed, How, Mirror, Mirrored, TextMatch
from croupier.core.segments import AttributeMatch, Segment
from croupier.errors import Corrupt

SETTINGS = EnvoySettings(run_dir=Path("/run/edge"), port=8080)

name_start = string.ascii_letters + string.digits
names = st.builds(str.__add__, st.sampled_from(name_start), st.text(name_start + "._+~-", max_size=12))
text = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=12)
values = text.map(str.strip)
attributes = st.text(min_size=1, max_size=8)
headers = st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=12).map("x-a".__add__)


@st.composite
def shares(draw: st.DrawFn, versions: list[str], attribute_names: list[str], *, last: bool) -> Share:
    chosen = draw(st.lists(st.sampled_from(versions), min_size=1, max_size=3, unique=True))
    cuts = sorted(draw(st.lists(st.integers(0, 10_000), min_size=len(chosen) - 1, max_size=len(chosen) - 1)))
    weights = tuple(high - low for low, high in zip([0, *cuts], [*cuts, 10_000], strict=True))
    match = st.builds(
        AttributeMatch,
        attribute=st.sampled_from(attribute_names),
        values=st.lists(values, min_size=1, max_size=4).map(tuple),
    )
    segment = st.builds(Segment, name=text, matches=st.lists(match, max_size=3).map(tuple))
    return Share(tuple(zip(chosen, weights, strict=True)), None if last else draw(segment))


@st.composite
def pins_of(draw: st.DrawFn, versions: list[str], affinity: Affinity) -> Pins:
    kinds = [kind.name for kind in affinity.kinds if kind.learnable]
    pinned = st.builds(PinnedId, st.sampled_from(kinds or [""]), id_texts, st.sampled_from(versions))
    ids = {(pin.kind, pin.id): pin for pin in draw(st.lists(pinned, max_size=4) if kinds else st.just([]))}
    return Pins(tuple(sorted(draw(st.sets(st.sampled_from(versions))))), tuple(sorted(ids.values())))


plain = st.text(name_start + "._~-", min_size=1, max_size=8)
id_texts = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)
sources = (
    st.builds(IdSource, st.just(Where.HEADER), headers)
    | st.builds(IdSource, st.just(Where.QUERY), plain)
    | st.builds(
        lambda before, behind: IdSource(Where.PATH, "/".join(("", *before, "{id}", *behind))),
        st.lists(plain, max_size=3),
        st.lists(plain, max_size=2),
    )
)
texts = st.builds(TextMatch, st.sampled_from([How.EXACT, How.PREFIX]), values.filter(bool)) | st.builds(
    TextMatch, st.just(How.REGEX), st.sampled_from(["a|b", "/x/[0-9]+", ".*é"])
)
allowances = st.builds(
    Allowed,
    methods=st.lists(st.sampled_from(["GET", "HEAD", "POST", "PUT"]), min_size=1, unique=True).map(tuple),
    path=st.none() | texts,
    headers=st.dictionaries(headers, texts, max_size=2).map(lambda found: tuple(found.items())),
)
mirrors = st.builds(
    Mirror,
    name=names,
    share_bp=st.integers(1, 10_000),
    allowed=st.lists(allowances, min_size=1, max_size=2).map(tuple),
    withheld=st.lists(headers, max_size=2, unique=True).map(tuple),
    sample_bp=st.just(0) | st.integers(1, 10_000),
)


@st.composite
def routed_services(draw: st.DrawFn, name: str) -> RoutedService:
    attribute_headers = draw(st.dictionaries(attributes, headers, min_size=1, max_size=3))
    versions = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    count = draw(st.integers(0, 3))
    kinds = draw(st.dictionaries(text, st.lists(sources, min_size=1, max_size=3, unique=True), min_size=1, max_size=2))
    affinity = draw(st.none() | st.just(Affinity(tuple(IdKind(kind, tuple(them)) for kind, them in kinds.items()))))
    drawn = [draw(shares(versions, list(attribute_headers), last=i == count - 1)) for i in range(count)]
    copied = st.builds(Mirrored, st.sampled_from(versions), st.lists(mirrors, min_size=1, max_size=2).map(tuple))
    routes = ServiceRoutes(
        service=name,
        shares=tuple(drawn),
        default=draw(st.none() | st.sampled_from(versions)) if drawn else None,
        salt=draw(text) if drawn else "",
        mirrored=draw(st.none() | copied) if drawn else None,
        pins=draw(pins_of(versions, affinity)) if affinity and drawn else NO_PINS,
    )
    prefixes = draw(st.lists(st.sampled_from(["", "/v1", "/v1/x"]), min_size=1, unique=True))
    service = Service(
        name=name,
        prefixes=tuple(f"/{name}{end}" for end in prefixes),
        process=ProcessTemplate(command=("unused",)),
        identity_header=draw(headers),
        attribute_headers=tuple(attribute_headers.items()),
        affinity=affinity,
        identity_cookie=draw(st.none() | st.sampled_from(["pid", "a.b", "x_y", "p|q^$", "~id"])),
    )
    return RoutedService(service, routes)


@st.composite
def tables(draw: st.DrawFn) -> TrafficTable:
    services = tuple(draw(routed_services(name)) for name in draw(st.lists(names, max_size=3, unique=True)))
    backends = [Backend(VersionKey(s.service.name, v), ()) for s in services for v in named_versions(s.routes)]
    return TrafficTable(services, tuple(backends))


def wanted(table: TrafficTable) -> dict[str, ServiceRoutes]:
    return {routed.service.name: routed.routes for routed in table.services}


@given(tables())
def test_parsing_inverts_rendering(table: TrafficTable) -> None:
    check_table(table)
    assert parse_routes(render_routes(table, SETTINGS)) == wanted(table)


@pytest.mark.envoy
def test_parsing_inverts_rendering_and_envoy(run_dir: Path, free_port: int) -> None:
    with asyncio.Runner() as runner:
        edge = EnvoyRouter(EnvoySettings(run_dir=run_dir, port=free_port, concurrency=1, linger_s=60))
        runner.run(edge.start())

        @effort(max_examples=60)
        @given(tables())
        def check(table: TrafficTable) -> None:
            runner.run(edge.apply(table))
            assert runner.run(edge.served()) == wanted(table)

        try:
            check()
        finally:
            runner.run(edge.stop(keep_serving=False))


GERMANY = Segment("germany", (AttributeMatch("market", ("DE", "AT")),))
SPLIT = canary_routes("payments", "1.0.0", "1.1.0", 500, salt="r/1", segment=GERMANY)


def rendered() -> dict[str, Any]:
    service = Service(
        name="payments",
        prefixes=("/payments", "/pay"),
        process=ProcessTemplate(command=("unused",)),
        attribute_headers=(("market", "x-market"),),
    )
    backends = tuple(Backend(VersionKey("payments", version), ()) for version in SPLIT.versions)
    return copy.deepcopy(render_routes(TrafficTable((RoutedService(service, SPLIT),), backends), SETTINGS))


CONTRADICTIONS: dict[str, Callable[[list[dict[str, Any]]], object]] = {
    "another canary": lambda routes: routes[0]["route"]["weighted_clusters"]["clusters"][0].update(name="payments@9"),
    "no fallback": lambda routes: routes[0]["route"]["weighted_clusters"]["clusters"][0].update(name="payments@1.1.0"),
    "a sum that is not 10 000": lambda routes: routes[0]["route"]["weighted_clusters"]["clusters"][0].update(weight=7),
    "split by chance": lambda routes: routes[0]["route"]["weighted_clusters"].update(use_hash_policy=False),
    "an unsalted hash": lambda routes: routes[0]["route"]["hash_policy"][0]["header"].pop("regex_rewrite"),
    "another salt": lambda routes: routes[0]["route"]["hash_policy"][0]["header"]["regex_rewrite"].update(
        substitution="r/2:"
    ),
    "no player asked for": lambda routes: routes[0]["match"]["headers"].pop(),
    "another player header": lambda routes: routes[0]["match"]["headers"][-1].update(name="x-other"),
    "another segment header": lambda routes: routes[0]["match"]["headers"][0].update(name="x-brand"),
    "no segment header": lambda routes: routes[0]["match"]["headers"].pop(0),
    "a segment without a name": lambda routes: routes[0]["metadata"]["filter_metadata"]["croupier"].pop("segment"),
    "another default": lambda routes: routes[2]["route"].update(cluster="payments@1.1.0"),
    "a default for some": lambda routes: routes[2]["match"].update(headers=[{"name": "x", "present_match": True}]),
    "a default that is none": lambda routes: routes[2]["metadata"]["filter_metadata"]["croupier"].pop("default"),
    "prefixes that differ": lambda routes: routes[0]["route"]["weighted_clusters"].update(
        clusters=[{"name": "payments@1.1.0|1.0.0", "weight": 600}, {"name": "payments@1.0.0", "weight": 9400}]
    ),
    "nobody's metadata": lambda routes: routes[0].update(metadata={"filter_metadata": {"other": {}}}),
}


@pytest.mark.parametrize("mistake", CONTRADICTIONS)
def test_a_contradiction_is_an_error(mistake: str) -> None:
    config = rendered()
    CONTRADICTIONS[mistake](config["virtual_hosts"][0]["routes"])
    with pytest.raises(Corrupt):
        parse_routes(config)


def test_values_are_what_is_matched_and_not_what_is_remembered() -> None:
    config = rendered()
    for route in (0, 3):
        headers = config["virtual_hosts"][0]["routes"][route]["match"]["headers"]
        headers[0]["string_match"] = {"safe_regex": {"regex": r"D\|E|\\|"}}
    served = parse_routes(config)["payments"].shares[0].segment
    assert served is not None
    assert served.matches[0].values == ("D|E", "\\", "")
