"""Versions as Envoy clusters: one per version, and one that falls back to the default version for each other version.

Pure. Also the names by which routes refer to them. Called by the router, the routes and the read back.
"""

from pathlib import Path
from typing import Final

from croupier.adapters.routing.envoy.bootstrap import METADATA, TYPE, Json
from croupier.adapters.routing.envoy.mirroring import AT_ONCE, COMPARER, copies_cluster
from croupier.control.ports import Backend, Endpoint, TrafficTable, VersionKey
from croupier.core.rollout.routes import ServiceRoutes

IN_A_ROW: Final = 25_000
"""Failures below HTTP that eject an instance: more than the edge has sockets that can close at one moment."""


def cluster_name(key: VersionKey, fallback: str | None = None) -> str:
    """``payments@1.1.0``; with the default version to fall back to, ``payments@1.1.0|1.0.0``."""
    return f"{key.service}@{key.version}" + (f"|{fallback}" if fallback else "")


def target(routes: ServiceRoutes, version: str) -> str:
    """The cluster that serves a share of this version: the default version alone, any other with the default behind."""
    fallback = routes.default if routes.default != version else None
    return cluster_name(VersionKey(routes.service, version), fallback)


def named_versions(routes: ServiceRoutes) -> tuple[str, ...]:
    """Every version that the routes name, also at weight 0, sorted."""
    found = {version for share in routes.shares for version, _ in share.weights}
    found |= {routes.mirrored.version} if routes.mirrored else set()
    return tuple(sorted(found | routes.pins.targets | ({routes.default} if routes.default else set())))


def render_clusters(table: TrafficTable, comparer: Path | None = None) -> list[Json]:
    """All clusters of the table, sorted by name. A version at weight 0 may lack a backend: it has no instances then.
    ``comparer`` is the socket of the process that compares answers.
    """
    backends = {backend.key: backend for backend in table.backends}
    for routed in table.services:
        for version in named_versions(routed.routes):
            key = VersionKey(routed.routes.service, version)
            backends.setdefault(key, Backend(key, ()))
    clusters = [_version_cluster(backend) for backend in backends.values()]
    for routed in table.services:
        default = routed.routes.default
        clusters += [
            _fallback_cluster(VersionKey(routed.routes.service, version), default)
            for version in named_versions(routed.routes)
            if default and version != default
        ]
        if routed.routes.mirrored is not None:
            key = VersionKey(routed.routes.service, routed.routes.mirrored.version)
            clusters.append(_copies_cluster(backends[key]))
    if comparer is not None and any(_compares(routed.routes) for routed in table.services):
        clusters.append(_comparer_cluster(comparer))
    return sorted(clusters, key=lambda cluster: str(cluster["name"]))


def _version_cluster(backend: Backend) -> Json:
    name = cluster_name(backend.key)
    return {
        "@type": f"{TYPE}config.cluster.v3.Cluster",
        "name": name,
        # Dots would end the cluster's name in Envoy's own per-cluster metrics.
        "alt_stat_name": name.replace(".", "_"),
        "type": "STATIC",
        # Several attempts may each take so long before somebody else answers.
        "connect_timeout": "0.5s",
        "lb_policy": "LEAST_REQUEST",
        "circuit_breakers": _breakers(),
        "outlier_detection": _unreachable_only(),
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": f"{TYPE}extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http_protocol_options": {}},
                # Shorter than the keep-alive of usual servers (2 s and more), else a request can meet a closing
                # connection, and one that is already written cannot be sent again.
                "common_http_protocol_options": {"idle_timeout": "1s"},
            }
        },
        "load_assignment": {
            "cluster_name": name,
            # One reachable instance is enough: a version's players spill over to another version only when none is.
            "policy": {"overprovisioning_factor": 1_000_000},
            "endpoints": [{"lb_endpoints": [_endpoint(backend.key, endpoint) for endpoint in backend.endpoints]}],
        },
    }


def _copies_cluster(backend: Backend) -> Json:
    cluster, name = _version_cluster(backend), copies_cluster(backend.key)
    few: Json = {"max_connections": AT_ONCE, "max_pending_requests": AT_ONCE, "max_requests": AT_ONCE}
    return {
        **cluster,
        "name": name,
        "alt_stat_name": name.replace(".", "_"),
        "circuit_breakers": {"thresholds": [{"priority": "DEFAULT", **few}]},
        "load_assignment": {**cluster["load_assignment"], "cluster_name": name},
    }


def _compares(routes: ServiceRoutes) -> bool:
    return routes.mirrored is not None and any(mirror.sample_bp for mirror in routes.mirrored.mirrors)


def _comparer_cluster(socket: Path) -> Json:
    limits: Json = {"max_connections": AT_ONCE, "max_pending_requests": AT_ONCE, "max_requests": AT_ONCE}
    return {
        "@type": f"{TYPE}config.cluster.v3.Cluster",
        "name": COMPARER,
        "type": "STATIC",
        "connect_timeout": "1s",
        "circuit_breakers": {"thresholds": [{"priority": "DEFAULT", **limits}]},
        "load_assignment": {
            "cluster_name": COMPARER,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"pipe": {"path": str(socket)}}}}]}],
        },
    }


def _endpoint(key: VersionKey, endpoint: Endpoint) -> Json:
    return {
        "endpoint": {"address": {"socket_address": {"address": endpoint.host, "port_value": endpoint.port}}},
        "metadata": {"filter_metadata": {METADATA: {"version": key.version}}},
    }


def _breakers() -> Json:
    """Far above what one machine serves, so that they stop a flood and are never a version's limit by accident."""
    limits: Json = {"max_connections": 10_000, "max_pending_requests": 10_000, "max_requests": 10_000}
    # Of a version that died all requests are sent again until the control plane has taken its instances out.
    budget = {"budget_percent": {"value": 20.0}, "min_retry_concurrency": 500}
    return {"thresholds": [{"priority": "DEFAULT", **limits, "retry_budget": budget}]}


def _unreachable_only() -> Json:
    """Ejects an instance that fails below HTTP, and never for an answer: a 5xx is for the gates to see.

    To Envoy a WebSocket that the service closes is such a failure, and so is an answer cut off in the middle. A table
    that ends closes hundreds at one moment: its players, and the rounds that have to end there, must not be led to
    another version for it. So it takes more in a row, without one connection that works, than sockets can be open; only
    a flood of requests reaches that. Until then each is sent again by itself. Envoy's panic routing stays on: where
    nobody is left, the ejected ones are asked all the same.
    """
    return {
        "split_external_local_origin_errors": True,
        "consecutive_local_origin_failure": IN_A_ROW,
        "enforcing_consecutive_local_origin_failure": 100,
        "enforcing_local_origin_success_rate": 0,
        "enforcing_consecutive_5xx": 0,
        "enforcing_consecutive_gateway_failure": 0,
        "enforcing_success_rate": 0,
        "enforcing_failure_percentage": 0,
        "enforcing_failure_percentage_local_origin": 0,
        "interval": "0.5s",
        "base_ejection_time": "1s",
        "max_ejection_time": "1s",
        "max_ejection_percent": 100,
    }


def _fallback_cluster(key: VersionKey, default: str) -> Json:
    name = cluster_name(key, default)
    members = [cluster_name(key), cluster_name(VersionKey(key.service, default))]
    return {
        "@type": f"{TYPE}config.cluster.v3.Cluster",
        "name": name,
        "alt_stat_name": name.replace(".", "_"),
        "connect_timeout": "1s",
        "lb_policy": "CLUSTER_PROVIDED",
        "circuit_breakers": _breakers(),
        "cluster_type": {
            "name": "envoy.clusters.aggregate",
            "typed_config": {"@type": f"{TYPE}extensions.clusters.aggregate.v3.ClusterConfig", "clusters": members},
        },
    }
