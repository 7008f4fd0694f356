"""What one sample says: the counts of a group, and the strata in which the whole is compared."""

from collections.abc import Sequence
from typing import Final

from croupier.core.gates.model import Gate
from croupier.core.gates.sequential.bets import Arm, Pair
from croupier.core.gates.sequential.counterpart import COMPARED
from croupier.core.gates.sli import Counts, Group, Reading

ALL: Final[Group] = ()
NONE: Final = Counts(0, 0)


def of(reading: Reading, group: Group) -> tuple[Counts, Counts]:
    """The group's counts of canary and baseline, nothing where it was not seen."""
    baseline = reading.baseline.get(group, NONE) if reading.baseline is not None else NONE
    return reading.canary.get(group, NONE), baseline


def groups_of(reading: Reading) -> list[Group]:
    """The groups that either version has, in a fixed order: sums come out the same whenever they are made again."""
    return sorted({*reading.canary, *(reading.baseline or {})} - {ALL})


def strata(reading: Reading) -> list[Pair]:
    """The whole, group by group: another mix of players is no fault. What has no counterpart is compared together."""
    pairs = [pair(*of(reading, group)) for group in groups_of(reading)]
    met = [each for each in pairs if each.canary.total and each.baseline.total]
    canary, baseline = of(reading, ALL)
    rest = Pair(_rest(canary, [each.canary for each in met]), _rest(baseline, [each.baseline for each in met]))
    return [*met, rest]


def informative(gate: Gate, reading: Reading, *, alone: bool) -> bool:
    """Whether the sample says something of the canary: most of it had a counterpart or, where it is ``alone``, an
    objective to meet.
    """
    canary, baseline = of(reading, ALL)
    if gate.objective is not None and alone:
        return canary.total > 0
    if not gate.by:
        return canary.total > 0 and baseline.total > 0
    compared = sum(each.canary.total for each in strata(reading) if each.baseline.total)
    return compared > 0 and compared >= COMPARED * canary.total


def arm(counts: Counts) -> Arm:
    """The counts as bets take them."""
    return Arm(counts.bad, counts.total)


def pair(canary: Counts, baseline: Counts) -> Pair:
    """Both versions' counts as bets take them."""
    return Pair(arm(canary), arm(baseline))


def _rest(whole: Counts, parts: Sequence[Arm]) -> Arm:
    return Arm(
        max(0, whole.bad - sum(part.bad for part in parts)), max(0, whole.total - sum(part.total for part in parts))
    )
