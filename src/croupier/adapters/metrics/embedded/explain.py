"""Why a metric cannot answer an SLI, with what exists instead, in words that a person can act on. Pure."""

import math
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from croupier.adapters.metrics.embedded.feed import EDGE_METRICS, feeds_of, histogram_name, spellings
from croupier.adapters.metrics.embedded.page import Page, edge_of, parse_labels
from croupier.adapters.metrics.embedded.target import is_edge_at
from croupier.core.gates import EventsSli, LatencySli, RatioSli, Sli

_MOST_NAMED = 12
_VAGUE = ("untyped", "unknown")


def missing(sli: Sli, who: str, pages: Sequence[Page]) -> str | None:
    """Why these pages (of ``who``) hold nothing for the SLI; ``None`` when the family and, for latency, the edge
    exist.
    """
    feeds = feeds_of(sli)
    if feeds is None:
        return f"the edge exports no metric {sli.metric!r}; it has {_listed(EDGE_METRICS)}"
    if why := uncountable(sli, who, pages):
        return why
    present = [page for page in pages if any(page.has(feed.name) for feed in feeds.total)]
    if not present:
        # The edge counts a thing from its first request on; until then there is none.
        return None if feeds.at_edge else _no_such_metric(sli, who, pages)
    return _no_such_edge(sli, who, present) if isinstance(sli, LatencySli) else None


def uncountable(sli: Sli, who: str, pages: Sequence[Page]) -> str | None:
    """Why a metric that is there under this name is of the wrong kind."""
    kinds = {name: kind for page in pages for name, kind in page.kinds().items()}
    if isinstance(sli, LatencySli):
        name = histogram_name(sli.metric)
        kind = kinds.get(name, "histogram")
        return None if kind in {"histogram", *_VAGUE} else f"{name!r} of {who} is a {kind}, not a histogram"
    found = [name for name in spellings(sli.metric) if name in kinds]
    if not found or any(kinds[name] in {"counter", *_VAGUE} for name in found):
        return None
    kind = kinds[found[0]]
    hint = f"name its counter {found[0] + '_count'!r}" if kind in {"histogram", "summary"} else "name a counter"
    return f"{found[0]!r} of {who} is a {kind}, which cannot be counted; {hint}"


def blind(sli: Sli, who: str, pages: Sequence[Page]) -> str | None:
    """As ``missing``, and also when the SLI asks for labels that the metric does not have."""
    if why := missing(sli, who, pages):
        return why
    feeds = feeds_of(sli)
    if feeds is None or feeds.at_edge:
        return None
    samples = [labels for page in pages for _, labels, _ in page.samples(feed.name for feed in feeds.total)]
    seen = {name for labels in samples for name in parse_labels(labels)}
    if not samples:
        return None  # labelled, and nothing has happened yet
    for name, accepted in _asked(sli):
        if name not in seen and "" not in accepted:
            return f"{sli.metric!r} of {who} has no label {name!r}; it has {_listed(seen)}{_meant(name, seen)}"
    return None


def _asked(sli: Sli) -> Iterable[tuple[str, tuple[str, ...]]]:
    match sli:
        case RatioSli():
            return (*sli.total, *sli.good)
        case LatencySli() | EventsSli():
            return sli.match


def _no_such_metric(sli: Sli, who: str, pages: Sequence[Page]) -> str:
    kinds = {name: kind for page in pages for name, kind in page.kinds().items()}
    name = histogram_name(sli.metric)
    if isinstance(sli, LatencySli):
        names = {name for name, kind in kinds.items() if kind == "histogram"}
    else:
        names = {name for page in pages for name in page.names()}
    return f"{who} exports no metric {sli.metric!r}{_meant(name, names)}"


def _no_such_edge(sli: LatencySli, who: str, pages: Sequence[Page]) -> str | None:
    feeds = feeds_of(sli)
    if feeds is None:
        return None
    [bucket] = feeds.good
    all_labels = [labels for page in pages for _, labels, _ in page.samples((bucket.name,))]
    if not all_labels or any(is_edge_at(labels, bucket.edge or 0.0) for labels in all_labels):
        return None
    unit = sli.threshold_s / bucket.edge if bucket.edge else 1.0
    edges = sorted({edge for labels in all_labels if (edge := edge_of(labels)) is not None and edge < math.inf})
    there = _listed([f"{edge * unit:g}" for edge in edges], keep_order=True)
    return f"{sli.metric!r} of {who} has no bucket edge at {sli.threshold_s:g} s; its edges are {there} s"


def _meant(name: str, names: Iterable[str]) -> str:
    close = get_close_matches(name, sorted(names), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def _listed(names: Iterable[str], *, keep_order: bool = False) -> str:
    some = list(names) if keep_order else sorted(names)
    more = f" and {len(some) - _MOST_NAMED} more" if len(some) > _MOST_NAMED else ""
    return ", ".join(some[:_MOST_NAMED]) + more if some else "none"
