"""Which samples answer an SLI: the names under which exporters publish it, at the instances or at the edge. Pure."""

from dataclasses import dataclass

from croupier.core.gates import LatencySli, Matchers, Sli


@dataclass(frozen=True, slots=True)
class Feed:
    """The samples of one name; of a histogram's buckets only those of one edge (in the exporter's unit)."""

    name: str
    edge: float | None = None


@dataclass(frozen=True, slots=True)
class Feeds:
    """What an SLI is read from. ``good`` and ``total`` are spellings in order of preference; for counters both are the
    same.
    """

    total: tuple[Feed, ...]
    good: tuple[Feed, ...]
    at_edge: bool = False

    @property
    def all(self) -> tuple[Feed, ...]:
        return tuple(dict.fromkeys(self.total + self.good))


EDGE_METRICS = ("edge_requests_total", "edge_request_duration_seconds")
"""What Envoy counts for every service, labelled ``service`` and ``version`` (requests also ``code``)."""

_EDGE_REQUESTS = "envoy_croupier_edge_requests"
_EDGE_DURATION = "envoy_croupier_edge_duration"
_MS_PER_S = 1000


def is_edge(sli: Sli) -> bool:
    """Whether the metric is counted by Envoy rather than by the instances."""
    return sli.metric.startswith("edge_")


def edge_labels(sli: Sli) -> frozenset[str]:
    """What Envoy labels the SLI's metric by."""
    return frozenset({"service", "version"} if isinstance(sli, LatencySli) else {"service", "version", "code"})


def feeds_of(sli: Sli) -> Feeds | None:
    """``None`` for an edge metric that does not exist."""
    if isinstance(sli, LatencySli):
        name = histogram_name(sli.metric)
        if not is_edge(sli):
            return Feeds((Feed(f"{name}_count"),), (Feed(f"{name}_bucket", sli.threshold_s),))
        if name != "edge_request_duration_seconds":
            return None
        bucket = Feed(f"{_EDGE_DURATION}_bucket", sli.threshold_s * _MS_PER_S)
        return Feeds((Feed(f"{_EDGE_DURATION}_count"),), (bucket,), at_edge=True)
    if not is_edge(sli):
        feeds = tuple(Feed(name) for name in spellings(sli.metric))
        return Feeds(feeds, feeds)
    if sli.metric not in spellings("edge_requests_total"):
        return None
    feeds = tuple(Feed(name) for name in spellings(_EDGE_REQUESTS))
    return Feeds(feeds, feeds, at_edge=True)


def spellings(counter: str) -> tuple[str, str]:
    """With and without ``_total``, as asked for first: exporters and people differ."""
    return counter, counter.removesuffix("_total") if counter.endswith("_total") else f"{counter}_total"


def histogram_name(metric: str) -> str:
    """The family's name, also when one of its samples was named."""
    return metric.removesuffix("_bucket").removesuffix("_count")


def at_edge_of(service: str, version: str) -> Matchers:
    """The edge counts all versions; these are one version's."""
    return (("service", (service,)), ("version", (version,)))
