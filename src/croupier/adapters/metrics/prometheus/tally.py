"""From series to good and total per group, for each version that a question names. Pure; called by the source."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from croupier.adapters.metrics.embedded.feed import spellings
from croupier.adapters.metrics.embedded.tally import MOST, matches
from croupier.adapters.metrics.embedded.target import is_edge_at
from croupier.adapters.metrics.prometheus.ask import Unanswered
from croupier.adapters.metrics.prometheus.growth import grown, resets_of
from croupier.adapters.metrics.prometheus.native import edge_near, no_edge
from croupier.adapters.metrics.prometheus.plan import Role
from croupier.adapters.metrics.prometheus.samples import Series, Target
from croupier.adapters.metrics.prometheus.scrapes import Scrapes
from croupier.core.gates import Counts, Group, LatencySli, PromqlSli, RatioSli, Sli

Found = Sequence[tuple[Role, Series]]
"""The series of one version."""


@dataclass(slots=True)
class _Sum:
    good: int = 0
    total: int = 0
    bad: int = 0

    def counts(self, sli: Sli) -> Counts:
        if self.total > MOST:
            raise Unanswered(f"{sli.metric!r} counts {self.total:g} events, which no counter can")
        if self.bad > self.total:
            raise Unanswered(f"{self.bad} bad events are not a part of {self.total} in total; see 'bad' of the gate")
        good = self.total - self.bad if isinstance(sli, PromqlSli) else self.good
        return Counts(min(good, self.total), self.total)


@dataclass(slots=True)
class Tally:
    """What one version counted: by group, and by instance."""

    groups: dict[Group, Counts] = field(default_factory=dict)
    parts: dict[Target, Counts] = field(default_factory=dict)


def chosen(sli: Sli, versions: Mapping[str, Found]) -> dict[str, Found]:
    """The series that are counted: the first spelling of a counter, and histograms of one kind in all versions."""
    if isinstance(sli, PromqlSli):
        return dict(versions)
    if not isinstance(sli, LatencySli):
        return {version: _spelled(sli.metric, found) for version, found in versions.items()}
    at_edge = {version: _at_edge(sli, found) for version, found in versions.items()}
    for roles in ((Role.TOTAL, Role.GOOD), (Role.BOTH,)):
        if all(_whole(found, roles) for found in at_edge.values()):
            return {
                version: [(role, one) for role, one in found if role in roles] for version, found in at_edge.items()
            }
    if not any(role in {Role.GOOD, Role.BOTH} for found in at_edge.values() for role, _ in found):
        raise Unanswered(f"{sli.metric!r} has no bucket edge at {sli.threshold_s:g} s")
    raise Unanswered(
        f"not all instances have {sli.metric!r} as the same kind of histogram with an edge at {sli.threshold_s:g} s"
    )


def tally(
    sli: Sli,
    found: Found,
    by: tuple[str, ...],
    scrapes: Mapping[Target, Scrapes],
    span: tuple[float, float],
    edge: float | None,
) -> Tally:
    """Counts over ``(start, end]`` for ``()`` and, with ``by``, for each group that has series."""
    resets = resets_of(scrapes, (one for _, one in found))
    sums: dict[Group, _Sum] = {(): _Sum()}
    parts: dict[Target, _Sum] = {}
    for role, one in found:
        added = _added(sli, role, one, grown(one, scrapes[one.target], resets.get(one.target, ()), span, edge))
        groups: list[Group] = [()]
        if by:
            groups.append(tuple((name, one.labels.get(name, "")) for name in by))
        for part in (*(sums.setdefault(group, _Sum()) for group in groups), parts.setdefault(one.target, _Sum())):
            part.good += added.good
            part.total += added.total
            part.bad += added.bad
    return Tally(
        {group: part.counts(sli) for group, part in sums.items()},
        {target: part.counts(sli) for target, part in parts.items()},
    )


def threshold(sli: Sli, versions: Mapping[str, Found]) -> float | None:
    """The edge up to which native histograms are counted, the same in all versions."""
    if not isinstance(sli, LatencySli):
        return None
    natives = [one for found in versions.values() for role, one in found if role is Role.BOTH]
    if not natives:
        return None
    edge = edge_near(natives, sli.threshold_s)
    if edge is None:
        raise Unanswered(no_edge(sli))
    return edge


def _added(sli: Sli, role: Role, one: Series, growth: tuple[int, int]) -> _Sum:
    good, total = growth
    match role:
        case Role.BOTH:
            return _Sum(good, total)
        case Role.GOOD:
            return _Sum(good=total)
        case Role.BAD:
            return _Sum(bad=total)
        case Role.TOTAL:
            return _Sum(total if isinstance(sli, RatioSli) and matches(one.labels, sli.good) else 0, total)


def _spelled(metric: str, found: Found) -> Found:
    for name in spellings(metric):
        if named := [(role, one) for role, one in found if one.name == name]:
            return named
    return []


def _at_edge(sli: LatencySli, found: Found) -> Found:
    """Without buckets of other edges, and without what only has the histogram's name."""
    return [
        (role, one)
        for role, one in found
        if (role is Role.TOTAL)
        or (role is Role.BOTH and one.native)
        or (role is Role.GOOD and is_edge_at(f'{{le="{one.labels.get("le", "")}"}}', sli.threshold_s))
    ]


def _whole(found: Found, roles: Iterable[Role]) -> bool:
    """Whether every instance has each of these."""
    everybody = {one.target for _, one in found}
    return all({one.target for role, one in found if role is wanted} == everybody for wanted in roles)
