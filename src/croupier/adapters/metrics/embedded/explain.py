"""Why a metric cannot answer an SLI, with what exists instead, in words that a person can act on. Pure.

What a counter shows proves what exists and never what does not: an error that a healthy version has not had yet has no
series. So a name (metric, bucket edge, label) that is not there is wrong, and a value that is not there is only
doubtful, but for one case: where ``PLENTY`` events were counted and not a single one of them is good, it is the gate's
word for "good" that is wrong (or the version that is broken), and every canary would be condemned by it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from croupier.adapters.metrics.embedded.feed import (
    EDGE_METRICS,
    edge_labels,
    feeds_of,
    histogram_name,
    is_edge,
    spellings,
)
from croupier.adapters.metrics.embedded.page import Page, edge_of, parse_labels
from croupier.adapters.metrics.embedded.target import is_edge_at
from croupier.adapters.metrics.never_good import never_good
from croupier.core.gates import EventsSli, LatencySli, Matchers, RatioSli, Sli

_MOST_NAMED = 12
_NEAR = 0.8
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


def blind(sli: Sli, by: tuple[str, ...], who: str, pages: Sequence[Page]) -> str | None:
    """As ``missing``, and also when the SLI, or its groups ``by``, ask for labels that the metric does not have, or
    when it calls nothing good of plenty. What the edge counts is labelled by us, and a code that it never saw may come.
    """
    if why := missing(sli, who, pages):
        return why
    if is_edge(sli):
        return unlabelled(sli, by, who, [edge_labels(sli)])
    counted = _counted(sli, pages)
    if why := unlabelled(sli, by, who, [labels for labels, _ in counted]):
        return why
    return _never_good(sli, who, counted) if isinstance(sli, RatioSli) else None


def unlabelled(sli: Sli, by: tuple[str, ...], who: str, series: Iterable[Iterable[str]]) -> str | None:
    """Why the SLI, or its groups ``by``, ask for a label that none of the series has. Series are given by the names of
    their labels; where there are none, nothing has happened yet, and nobody knows.
    """
    seen = {name for labels in series for name in labels}
    needed = [name for name, accepted in _asked(sli) if "" not in accepted]
    for name in (*needed, *by) if seen else ():
        if name not in seen:
            return f"{sli.metric!r} of {who} has no label {name!r}; it has {_listed(seen)}{_meant(name, seen)}"
    return None


def doubtful(sli: Sli, who: str, pages: Sequence[Page]) -> str | None:
    """Why the SLI may be misspelt, where it may as well be that something has not happened yet: no series has what it
    narrows to, or a value is unknown and nearly one that is known and left out.
    """
    labels_seen = [labels for labels, _ in _counted(sli, pages)]
    for name, accepted in _narrowed(sli) if labels_seen else ():
        there = {labels.get(name, "") for labels in labels_seen}
        unknown = sorted(set(accepted) - there)
        near = [value for value in unknown if get_close_matches(value, sorted(there - set(accepted)), 1, _NEAR)]
        if near or not there.intersection(accepted):
            return f"{name}={(near or unknown)[0]!r} was never counted; {_known(sli, who, name, there)}"
    return None


def _counted(sli: Sli, pages: Sequence[Page]) -> list[tuple[Mapping[str, str], float]]:
    """The labels and values of the instances' series that the SLI's total is taken from."""
    feeds = feeds_of(sli)
    if feeds is None or feeds.at_edge:
        return []
    found = [sample for page in pages for sample in page.samples(feed.name for feed in feeds.total)]
    return [(parse_labels(labels), value) for _, labels, value in found if value >= 0]


def _never_good(sli: RatioSli, who: str, counted: Sequence[tuple[Mapping[str, str], float]]) -> str | None:
    def other(name: str, accepted: Sequence[str], there: set[str]) -> str:
        meant = _meant(accepted[0], there) if len(accepted) == 1 else ""
        return f"{name} is never {_listed(map(repr, accepted))}; {_known(sli, who, name, there)}{meant}"

    return never_good(sli, who, counted, other)


def _known(sli: Sli, who: str, name: str, values: Iterable[str]) -> str:
    return f"{sli.metric!r} of {who} has {name} {_listed(map(repr, values))}"


def _narrowed(sli: Sli) -> Matchers:
    """What the SLI counts at all."""
    return sli.total if isinstance(sli, RatioSli) else _matched(sli)


def _asked(sli: Sli) -> Matchers:
    return (*sli.total, *sli.good) if isinstance(sli, RatioSli) else _matched(sli)


def _matched(sli: Sli) -> Matchers:
    return sli.match if isinstance(sli, LatencySli | EventsSli) else ()


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
