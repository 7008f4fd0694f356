"""A reading without the groups that were set aside, and of one of them alone.

What a group did before does not count against the others any more, and what it does now not for them.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from croupier.core.gates import Counts, Reading
from croupier.core.gates.sli import Group
from croupier.core.rollout.groups.acted import covers


def without(reading: Reading, scopes: Collection[Group]) -> Reading:
    """The reading of all groups that none of the scopes covers; its whole is that of those that are left."""
    if not scopes:
        return reading
    return replace(
        reading,
        canary=_without(reading.canary, scopes),
        baseline=None if reading.baseline is None else _without(reading.baseline, scopes),
        recent=None if reading.recent is None else _without(reading.recent, scopes),
        instances=(),  # they are of everything
    )


def only(reading: Reading, scope: Group) -> Reading:
    """The reading of the groups that the scope covers, as one whole."""
    return replace(
        reading,
        canary={(): _sum(_covered(reading.canary, (scope,)))},
        baseline=None if reading.baseline is None else {(): _sum(_covered(reading.baseline, (scope,)))},
        recent=None,
        parts=(),  # as above
        instances=(),
    )


def rest(counts: Mapping[Group, Counts], scopes: Collection[Group]) -> Counts:
    """The whole without the groups that the scopes cover."""
    return counts.get((), Counts(0, 0)).without(_sum(_covered(counts, scopes)))


def _without(counts: Mapping[Group, Counts], scopes: Collection[Group]) -> Mapping[Group, Counts]:
    others = {group: each for group, each in counts.items() if not any(covers(scope, group) for scope in scopes)}
    return {**others, (): rest(counts, scopes)} if () in counts else others


def _covered(counts: Mapping[Group, Counts], scopes: Collection[Group]) -> Iterable[Counts]:
    return (each for group, each in counts.items() if any(covers(scope, group) for scope in scopes))


def _sum(counts: Iterable[Counts]) -> Counts:
    counts = tuple(counts)
    return Counts(sum(each.good for each in counts), sum(each.total for each in counts))
