from pathlib import Path
from typing import Any

from croupier.adapters.routing.envoy import EnvoySettings
from croupier.adapters.routing.envoy.routes import canonical, render_routes
from croupier.control.ports import RoutedService, TrafficTable
from croupier.core.releases import ProcessTemplate, Service
from croupier.core.rollout.routes import ServiceRoutes, canary_routes, stable_routes
from croupier.core.segments import AttributeMatch, Segment

SETTINGS = EnvoySettings(run_dir=Path("/run/edge"), port=8080, request_timeout_s=2.5)


def rendered(*routes: ServiceRoutes, **prefixes: tuple[str, ...]) -> list[dict[str, Any]]:
    services = tuple(
        RoutedService(
            Service(
                name=one.service,
                prefixes=prefixes.get(one.service, (f"/{one.service}",)),
                process=ProcessTemplate(command=("unused",)),
                identity_header="X-Player",
                attribute_headers=(("market", "X-Market"),),
            ),
            one,
        )
        for one in routes
    )
    hosts = render_routes(TrafficTable(services, ()), SETTINGS)["virtual_hosts"]
    found: list[dict[str, Any]] = hosts[0]["routes"]
    return found


def test_the_longest_prefix_is_asked_first_and_the_rest_is_404() -> None:
    routes = rendered(stable_routes("a", "1"), stable_routes("b", "1"), a=("/", "/x/y"), b=("/x",))
    paths = [route["match"].get("path_separated_prefix") or route["match"]["prefix"] for route in routes]
    assert paths == ["/x/y", "/x/y", "/x", "/x", "/", "/", "/"]
    assert routes[-1]["direct_response"]["status"] == 404


def test_the_canary_comes_first_by_hash_and_falls_back() -> None:
    split = rendered(canary_routes("a", "1", "2", 500, salt="r\\1"))[0]["route"]
    assert split["weighted_clusters"] == {
        "use_hash_policy": True,
        "clusters": [{"name": "a@2|1", "weight": 500}, {"name": "a@1", "weight": 9_500}],
    }
    header = split["hash_policy"][0]["header"]
    assert header["header_name"] == "x-player"
    assert header["regex_rewrite"] == {"pattern": {"regex": "^"}, "substitution": "r\\\\1:"}
    assert split["timeout"] == "2.5s"


def test_nothing_is_sent_again_that_an_instance_may_have_seen() -> None:
    for route in rendered(canary_routes("a", "1", "2", 500, salt="s"))[:-1]:
        assert route["route"]["retry_policy"]["retry_on"] == "connect-failure,refused-stream,reset-before-request"


def test_header_names_are_matched_in_lower_case() -> None:
    segment = Segment("s", (AttributeMatch("market", ("DE",)),))
    headers = rendered(canary_routes("a", "1", "2", 1, salt="s", segment=segment))[0]["match"]["headers"]
    assert [header["name"] for header in headers] == ["x-market", "x-player"]


def test_equal_resources_have_equal_text() -> None:
    assert canonical({"b": 1, "a": ["ä"]}) == canonical({"a": ["ä"], "b": 1}) == '{"a":["ä"],"b":1}'
