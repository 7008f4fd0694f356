from pathlib import Path

from croupier.adapters.routing.envoy import EnvoySettings
from croupier.adapters.routing.envoy.clusters import IN_A_ROW, cluster_name, named_versions, render_clusters, target
from croupier.control.ports import Backend, Endpoint, RoutedService, TrafficTable, VersionKey
from croupier.core.releases import ProcessTemplate, Service
from croupier.core.rollout.routes import canary_routes, stable_routes

SERVICE = Service(name="payments", prefixes=("/payments",), process=ProcessTemplate(command=("unused",)))
ROUTES = canary_routes("payments", "1.0.0", "1.1.0", 0, salt="s")


def test_every_version_but_the_default_falls_back_to_it() -> None:
    assert named_versions(ROUTES) == ("1.0.0", "1.1.0")
    assert target(ROUTES, "1.0.0") == "payments@1.0.0"
    assert target(ROUTES, "1.1.0") == "payments@1.1.0|1.0.0"
    assert cluster_name(VersionKey("a", "1")) == "a@1"


def test_a_table_becomes_its_versions_and_their_fallbacks() -> None:
    backends = tuple(
        Backend(VersionKey("payments", version), (Endpoint("127.0.0.1", port),))
        for version, port in (("1.1.0", 2), ("1.0.0", 1))
    )
    clusters = {c["name"]: c for c in render_clusters(TrafficTable((RoutedService(SERVICE, ROUTES),), backends))}
    assert list(clusters) == ["payments@1.0.0", "payments@1.1.0", "payments@1.1.0|1.0.0"]
    fallback = clusters["payments@1.1.0|1.0.0"]["cluster_type"]["typed_config"]["clusters"]
    assert fallback == ["payments@1.1.0", "payments@1.0.0"]
    endpoint = clusters["payments@1.1.0"]["load_assignment"]["endpoints"][0]["lb_endpoints"][0]
    assert endpoint["metadata"]["filter_metadata"]["croupier"] == {"version": "1.1.0"}


def test_without_a_default_nothing_falls_back() -> None:
    table = TrafficTable((RoutedService(SERVICE, stable_routes("payments", None)),), ())
    assert render_clusters(table) == []


def test_all_sockets_of_the_edge_may_close_at_one_moment_and_eject_nobody() -> None:
    assert EnvoySettings(run_dir=Path("/x"), port=1).max_connections < IN_A_ROW
