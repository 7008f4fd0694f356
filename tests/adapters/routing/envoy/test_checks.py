from dataclasses import replace

import pytest

from croupier.adapters.routing.envoy.checks import check_table
from croupier.control.ports import Backend, Endpoint, RoutedService, TrafficTable, VersionKey
from croupier.core.releases import ProcessTemplate, Service
from croupier.core.rollout.routes import ServiceRoutes, Share, canary_routes, stable_routes
from croupier.core.segments import AttributeMatch, Segment
from croupier.errors import Rejected

SERVICE = Service(
    name="payments",
    prefixes=("/payments", "/api/v1/pay~x"),
    process=ProcessTemplate(command=("unused",)),
    attribute_headers=(("market", "x-market"),),
)
GERMANY = Segment("germany", (AttributeMatch("market", ("DE",)),))
ROUTES = canary_routes("payments", "1.0.0", "1.1.0", 500, salt="s", segment=GERMANY)
BACKENDS = tuple(
    Backend(VersionKey("payments", version), (Endpoint("127.0.0.1", 80), Endpoint("::1", 80)))
    for version in ("1.0.0", "1.1.0-rc.1+build", "1.1.0")
)


def table(
    service: Service = SERVICE, routes: ServiceRoutes = ROUTES, backends: tuple[Backend, ...] = BACKENDS
) -> TrafficTable:
    return TrafficTable((RoutedService(service, routes),), backends)


def segment(*matches: AttributeMatch) -> ServiceRoutes:
    return canary_routes("payments", "1.0.0", "1.1.0", 500, salt="s", segment=Segment("some", matches))


def prefixes(*values: str) -> Service:
    return replace(SERVICE, prefixes=values)


def backend(version: str = "1.0.0", host: str = "127.0.0.1", port: int = 80) -> tuple[Backend, ...]:
    return (*BACKENDS, Backend(VersionKey("other", version), (Endpoint(host, port),)))


WRONG = {
    "no prefix": (table(prefixes()), "no prefix leads to the service"),
    "a relative prefix": (table(prefixes("payments")), "'payments' is no prefix"),
    "a slash at the end": (table(prefixes("/payments/")), "no slash at the end"),
    "a query": (table(prefixes("/pay?x")), "no query"),
    "dots": (table(prefixes("/pay/../x")), r"prefixes\[0\]"),
    "a repeated prefix": (table(prefixes("/a", "/b", "/a")), r"prefixes\[2\]"),
    "an underscore in a header": (table(replace(SERVICE, identity_header="player_id")), "identityHeader"),
    "a semicolon in a cookie": (table(replace(SERVICE, identity_cookie="a;b")), "identityCookie"),
    "a pseudo header": (table(replace(SERVICE, identity_header=":path")), "identityHeader"),
    "an internal header": (table(replace(SERVICE, identity_header="X-Croupier-Player")), "is internal"),
    "an internal attribute": (
        table(replace(SERVICE, attribute_headers=(("market", "x-envoy-market"),))),
        "attributeHeaders.market",
    ),
    "a service that cannot be named": (table(replace(SERVICE, name="pay|ments")), "a service's name"),
    "another service's routes": (table(routes=replace(ROUTES, service="auth")), "the routes are those of auth"),
    "a salt of two lines": (table(routes=replace(ROUTES, salt="a\nb")), "salt has control characters"),
    "a version without a backend": (table(backends=BACKENDS[:1]), "version 1.1.0 has no backend"),
    "two backends": (table(backends=(*BACKENDS, BACKENDS[0])), "version 1.0.0 has more than one backend"),
    "a default without shares": (table(routes=replace(ROUTES, shares=())), "default 1.0.0 without shares"),
    "nothing for the rest": (table(routes=replace(ROUTES, shares=ROUTES.shares[:1])), "exactly the last share"),
    "a share nobody reaches": (table(routes=replace(ROUTES, shares=ROUTES.shares[::-1])), "exactly the last share"),
    "a version twice": (
        table(routes=replace(ROUTES, shares=(Share((("1.0.0", 1), ("1.0.0", 9_999))),))),
        "1.0.0 has more than one weight",
    ),
    "an unknown attribute": (table(routes=segment(AttributeMatch("brand", ("x",)))), "asks for brand"),
    "no value": (table(routes=segment(AttributeMatch("market", ()))), "allows no value of market"),
    "a value no header has": (table(routes=segment(AttributeMatch("market", ("D\nE",)))), "cannot be a header's"),
    "a value that would be trimmed": (
        table(routes=segment(AttributeMatch("market", (" DE",)))),
        "cannot be a header's",
    ),
    "a version that cannot be named": (table(backends=backend(version="1|2")), "a version is"),
    "a host name": (table(backends=backend(host="localhost")), "no IP address"),
    "no port": (table(backends=backend(port=0)), "no TCP port"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_told_with_its_place(mistake: str) -> None:
    wrong, told = WRONG[mistake]
    with pytest.raises(Rejected, match=told) as refused:
        check_table(wrong)
    assert refused.value.problems


def test_all_mistakes_are_told_at_once() -> None:
    wrong = table(replace(SERVICE, identity_header="a_b", prefixes=()), backends=BACKENDS[:1])
    with pytest.raises(Rejected) as refused:
        check_table(wrong)
    assert len(refused.value.problems) == 3


def test_two_services_cannot_have_one_prefix() -> None:
    other = RoutedService(replace(SERVICE, name="auth", prefixes=("/payments",)), stable_routes("auth", None))
    with pytest.raises(Rejected, match=r"auth\.prefixes: /payments already leads to payments"):
        check_table(replace(table(), services=(*table().services, other)))
    with pytest.raises(Rejected, match="listed more than once"):
        check_table(replace(table(), services=table().services * 2))


@pytest.mark.parametrize("right", [table(), table(prefixes("/")), table(routes=stable_routes("payments", None))])
def test_right_tables_pass(right: TrafficTable) -> None:
    check_table(right)
