"""Envoy's static half: listener, admin socket, limits, the edge's metrics, and where clusters and routes are read from.

Pure. Everything that changes at run time is in the two files of ``clusters`` and ``routes``. The metric names below
are the contract with whoever scrapes the admin socket. Called by the supervisor.
"""

from pathlib import Path
from typing import Any, Final

from croupier.adapters.routing.envoy.overrides import not_asked, render_overrides
from croupier.adapters.routing.envoy.players import filter_source
from croupier.adapters.routing.envoy.settings import EnvoySettings

Json = dict[str, Any]

LISTENER: Final = "edge"
PREVIEW: Final = "preview"
"""The listener of the preview address, where there is one."""
METADATA: Final = "croupier"
"""Namespace of our metadata on routes (service, segment) and endpoints (version)."""

REQUESTS_COUNTER: Final = "envoy_croupier_edge_requests"
"""Counter, labels service, version, code: requests ended, WebSockets included."""
DURATION_HISTOGRAM: Final = "envoy_croupier_edge_duration"
"""Histogram, milliseconds, labels service, version: from first byte received to last byte sent; no WebSockets."""
STATS_PATH: Final = "/stats/prometheus?usedonly&filter=%5Ecroupier_edge%5C."
"""What to GET from the admin socket for exactly these two."""
DURATION_BUCKETS_MS: Final = (5, 10, 25, 50, 100, 150, 200, 250, 300, 400, 500, 750, 1000, 2500, 5000)

TYPE: Final = "type.googleapis.com/envoy."
"""What the names of Envoy's types begin with."""
INTERNAL_HEADERS: Final = ("x-croupier-", "x-envoy-")
"""Prefixes of headers that mean something to us or to Envoy, and so must not come from clients."""

_LARGEST_REGEX: Final = 20_000
"""RE2 instructions. By default it is 100, and Envoy refuses all routes for one long path or one segment of many values;
it works in linear time, and only we write them.
"""
_STAT_PREFIX: Final = "croupier_edge"


def render_bootstrap(settings: EnvoySettings) -> Json:
    """The bootstrap file's content."""
    return {
        "node": {"id": "edge", "cluster": "croupier"},
        "admin": {
            "address": {"pipe": {"path": str(settings.admin_socket), "mode": 0o600}},
            "allow_paths": [
                {"prefix": "/stats"},
                {"exact": "/ready"},
                {"prefix": "/config_dump"},
                {"prefix": "/drain_listeners"},
            ],
        },
        "layered_runtime": {
            "layers": [{"name": "limits", "static_layer": {"re2.max_program_size.error_level": _LARGEST_REGEX}}]
        },
        # Counters are live; histograms are merged at each flush, and gates decide on them.
        "stats_flush_interval": "1s",
        "stats_config": {
            "histogram_bucket_settings": [
                {"match": {"prefix": f"{_STAT_PREFIX}."}, "buckets": list(map(float, DURATION_BUCKETS_MS))}
            ]
        },
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": {
                        "@type": f"{TYPE}extensions.resource_monitors.downstream_connections.v3"
                        ".DownstreamConnectionsConfig",
                        "max_active_downstream_connections": settings.max_connections,
                    },
                }
            ]
        },
        "dynamic_resources": {"cds_config": _file_source(settings.cds_file)},
        "static_resources": {
            "listeners": [_listener(settings), *([_preview(settings)] if settings.preview_port else [])],
        },
    }


def _file_source(path: Path) -> Json:
    # Each kind of resource has a folder of its own: a rename in a watched folder re-reads every source that watches it.
    return {
        "resource_api_version": "V3",
        "path_config_source": {"path": str(path), "watched_directory": {"path": str(path.parent)}},
    }


def _listener(settings: EnvoySettings) -> Json:
    return {
        "name": LISTENER,
        "address": {"socket_address": {"address": settings.listen_host, "port_value": settings.port}},
        # With SO_REUSEPORT a second Envoy on this port would silently take part of the players; without it, it fails.
        "enable_reuse_port": False,
        "connection_balance_config": {"exact_balance": {}},
        "per_connection_buffer_limit_bytes": 32_768,
        "filter_chains": [
            {"filters": [{"name": "http", "typed_config": _http_connection_manager(settings)}]},
        ],
    }


def _preview(settings: EnvoySettings) -> Json:
    """As the players' listener, to other routes, and counted nowhere: it is no player's."""
    http = _http_connection_manager(settings)
    http |= {
        "stat_prefix": PREVIEW,
        "rds": {"route_config_name": PREVIEW, "config_source": _file_source(settings.preview_file)},
        "access_log": [],
    }
    return {
        **_listener(settings),
        "name": PREVIEW,
        "address": {"socket_address": {"address": settings.preview_host, "port_value": settings.preview_port}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": http}]}],
    }


def _http_connection_manager(settings: EnvoySettings) -> Json:
    return {
        "@type": f"{TYPE}extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": LISTENER,
        "rds": {"route_config_name": LISTENER, "config_source": _file_source(settings.rds_file)},
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "use_remote_address": True,
        "server_name": "croupier",
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "common_http_protocol_options": {
            "headers_with_underscores_action": "REJECT_REQUEST",
            "max_headers_count": 60,
            "idle_timeout": "120s",
        },
        "http2_protocol_options": {
            "max_concurrent_streams": 100,
            "initial_stream_window_size": 65_536,
            "initial_connection_window_size": 1_048_576,
        },
        "max_request_headers_kb": 16,
        "request_headers_timeout": "10s",
        "request_timeout": "60s",
        "stream_idle_timeout": f"{settings.stream_idle_s:g}s",
        "early_header_mutation_extensions": [
            {
                "name": "strip-internal-headers",
                "typed_config": {
                    "@type": f"{TYPE}extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
                    "mutations": [
                        *(
                            {"remove_on_match": {"key_matcher": {"prefix": prefix, "ignore_case": True}}}
                            for prefix in INTERNAL_HEADERS
                        ),
                        # The filter removes them, too, but only once the route is chosen.
                        *({"remove": header} for header in (settings.players.filled if settings.players else ())),
                    ],
                },
            }
        ],
        "local_reply_config": _local_replies(),
        "http_filters": [
            *([render_overrides(settings.override_jwks)] if settings.override_jwks else []),
            *([filter_source(_file_source(settings.ecds_file))] if settings.players else []),
            {
                "name": "envoy.filters.http.router",
                "typed_config": {
                    "@type": f"{TYPE}extensions.filters.http.router.v3.Router",
                    "suppress_envoy_headers": True,
                },
            },
        ],
        "access_log": _access_logs(),
    }


def _local_replies() -> Json:
    """Answers of Envoy's own are RFC 9457 problems, and tell strangers nothing of what is behind."""
    problem = {"type": "about:blank", "status": "%RESPONSE_CODE%"}
    as_problem = {"content_type": "application/problem+json"}
    return {
        "mappers": [
            {
                # Any response flag: something between Envoy and an instance failed, so trying again may help.
                "filter": {
                    "and_filter": {
                        "filters": [
                            {"response_flag_filter": {}},
                            _code_filter("GE", 500),
                        ]
                    }
                },
                "headers_to_add": [
                    {"header": {"key": "retry-after", "value": "1"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
                ],
                "body_format_override": {
                    "json_format": {**problem, "title": "The service did not answer."},
                    **as_problem,
                },
            }
        ],
        "body_format": {"json_format": {**problem, "title": "%LOCAL_REPLY_BODY%"}, **as_problem},
    }


def _code_filter(op: str, code: int) -> Json:
    return {
        "status_code_filter": {
            "comparison": {"op": op, "value": {"default_value": code, "runtime_key": f"croupier.code_{op}_{code}"}}
        }
    }


def _access_logs() -> list[Json]:
    """Metrics by service and by the version that answered; ``docs/explanation/traffic.md`` says why not by cluster."""
    service = {"name": "service", "value_format": f"%METADATA(ROUTE:{METADATA}:service)%"}
    version = {"name": "version", "value_format": f"%UPSTREAM_METADATA({METADATA}:version)%"}
    code = {"name": "code", "value_format": "%RESPONSE_CODE%"}
    config = f"{TYPE}extensions.access_loggers.stats.v3.Config"
    return [
        {
            "name": "requests",
            "filter": not_asked(),
            "typed_config": {
                "@type": config,
                "stats_scope": {"prefix": _STAT_PREFIX, "max_counters": 10_000},
                "counters": [{"stat": {"name": "requests", "tags": [service, version, code]}, "value_fixed": 1}],
            },
        },
        {
            "name": "durations",
            # A WebSocket "lasts" until it closes; that is no latency.
            "filter": {
                "and_filter": {
                    "filters": [
                        not_asked(),
                        {"or_filter": {"filters": [_code_filter("LE", 100), _code_filter("GE", 102)]}},
                    ]
                }
            },
            "typed_config": {
                "@type": config,
                "stats_scope": {"prefix": _STAT_PREFIX, "max_histograms": 1_000},
                "histograms": [
                    {
                        "stat": {"name": "duration", "tags": [service, version]},
                        "unit": "Milliseconds",
                        "value_format": "%DURATION%",
                    }
                ],
            },
        },
    ]
