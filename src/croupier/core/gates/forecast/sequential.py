"""The sequential rule played on counts that may come: after how many seconds it would blame the canary.

The same bets, stakes, trickle and cap as in ``sequential.trials``. Bets are linear in the counts, so what a bad event
of either version is worth to each of them is asked once, and a sample is a few multiplications: the rule itself, at a
twentieth of its price. Where a version has few events in a sample their number matters as well: there the counts are
drawn, wait and are bet on as they are. A test holds the two together.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from croupier.core.gates.forecast.chance import Chance, Draw, poisson
from croupier.core.gates.forecast.flow import Flow, Stretch
from croupier.core.gates.forecast.found import Found
from croupier.core.gates.model import Gate, SequentialRule
from croupier.core.gates.sequential.bets import Arm, Pair, against_baseline, against_objective
from croupier.core.gates.sequential.capital import STAKED, Capital, trickled
from croupier.core.gates.sequential.evidence import Trial
from croupier.core.gates.sequential.terms import Terms, terms
from croupier.core.gates.sequential.trials import begin, with_new_groups
from croupier.core.gates.sequential.waiting import over
from croupier.core.gates.sli import Counts, Group, Reading

_FINE: Final = 10**9
"""Only the ratio of the versions' events matters to a bet on failures; so many parts tell it finely."""
_PLENTY: Final = 1e100
"""A purse that holds more holds enough."""
_MANY: Final = 8.0
"""So many events in a sample, and how many there are by chance moves a bet by less than a tenth."""

Factors = tuple[tuple[float, ...] | None, ...]


class _Test(NamedTuple):
    """What one bad event of canary and baseline, and the sample as such, are worth to each bet (logarithms)."""

    canary: Sequence[float]
    baseline: Sequence[float]
    sample: Sequence[float]
    limit: float

    def factors(self, canary: int, baseline: int) -> tuple[float, ...]:
        return tuple(
            math.exp(min(canary * ours + baseline * theirs + always, self.limit))
            for ours, theirs, always in zip(self.canary, self.baseline, self.sample, strict=True)
        )


class _Few:
    """The comparison where a version has few events: the good ones of both are drawn, too, and all of them wait as in
    ``sequential.waiting``. In plain numbers; ``_known`` as in ``_Leg``.
    """

    def __init__(self, goods: tuple[Draw, Draw], held: Terms, phi: float, interval_s: float) -> None:
        self._goods, self._held, self._phi, self._interval_s = goods, held, phi, interval_s
        self._known: dict[tuple[int, int, int, int], tuple[float, ...] | None] = {}
        self.begin(fresh=False)

    def begin(self, *, fresh: bool) -> None:
        """Nothing waits; ``fresh``: no bet was made at this weight yet."""
        self._bad, self._total, self._samples, self.fresh = (0, 0), (0, 0), 0, fresh

    def look(self, bad: tuple[int, int]) -> tuple[float, ...] | None:
        """The factors of a bet, if one is made after a look in which so many of canary's and baseline's were bad."""
        (failed, more), (ours, theirs), samples = self._bad, self._total, self._samples + 1
        failed, more = failed + bad[0], more + bad[1]
        ours, theirs = ours + bad[0] + self._goods[0](), theirs + bad[1] + self._goods[1]()
        self._bad, self._total, self._samples = (failed, more), (ours, theirs), samples
        if not over(ours, theirs, samples, samples * self._interval_s):
            return None
        key = failed, ours, more, theirs
        if key not in self._known:
            self._known[key] = self._factors(Pair(Arm(failed, ours), Arm(more, theirs)))
        factors = self._known[key]
        if factors is None:
            self.begin(fresh=self.fresh)
        return factors

    def _factors(self, both: Pair) -> tuple[float, ...] | None:
        gains = against_baseline([both], tolerance=self._held.tolerance, ratios=self._held.ratios)
        return gains and tuple(math.exp(min(gain / self._phi, self._held.limit)) for gain in gains)


class _Leg(NamedTuple):
    """A stretch made ready: ``known`` remembers the factors of counts that came before. ``few`` plays the comparison
    where there are few events.
    """

    start_s: float
    looks: int
    fresh: bool
    means: tuple[float, float]
    canary: Draw
    baseline: Draw
    tests: tuple[_Test | None, _Test | None]
    known: dict[tuple[int, int], Factors]
    few: _Few | None


class _Purse:
    """``Capital`` in plain numbers; the same growth."""

    __slots__ = ("bets", "reserve", "whole")

    def __init__(self, capital: Capital) -> None:
        self.bets = [math.exp(bet) for bet in capital.bets]
        self.reserve = math.exp(capital.reserve)
        self.whole = sum(self.bets) + self.reserve

    def grow(self, factors: tuple[float, ...], trickle: float) -> None:
        moved = self.reserve * trickle / len(self.bets)
        self.bets = [(bet + moved) * factor for bet, factor in zip(self.bets, factors, strict=True)]
        self.reserve *= 1.0 - trickle
        self.whole = sum(self.bets) + self.reserve
        if self.whole > _PLENTY:
            self.bets = [bet * _PLENTY / self.whole for bet in self.bets]
            self.whole = _PLENTY


def trials(gate: Gate, rule: SequentialRule, groups: int) -> tuple[Trial, ...]:
    """The tests before the first sample: of the whole, and of so many groups that appear together."""
    seen: dict[Group, Counts] = {(("group", f"{index:03}"),): Counts(1, 1) for index in range(groups)}
    return with_new_groups(gate, rule, begin(gate, rule, 0.0), Reading(0.0, 0.0, seen, None)).trials


def play(
    gate: Gate,
    rule: SequentialRule,
    trial: Trial,
    flow: Flow,
    stretches: Sequence[Stretch],
    *,
    chance: Chance,
    runs: int,
) -> Found:
    """When this group's test would blame a canary with that ``flow``, going on from what the test holds already."""
    legs = tuple(_legs(rule, terms(gate, rule, trial.budget), flow, stretches, chance))
    found = sorted(at for _ in range(runs) if (at := _run(trial, legs, rule.interval_s)) is not None)
    seconds = sum(stretch.seconds for stretch in stretches)
    return Found(tuple(found), runs, seconds, _pace(trial, legs[-1]) * rule.interval_s)


def _run(trial: Trial, legs: Sequence[_Leg], interval_s: float) -> float | None:
    purses = [None if held is None else _Purse(held) for held in (trial.relative, trial.absolute)]
    needed = 1.0 / trial.budget
    for leg in legs:
        if leg.few is not None:
            leg.few.begin(fresh=leg.fresh)
        for look in range(1, leg.looks + 1):
            trickle = trickled(fresh=leg.fresh and look == 1)
            counts = leg.canary(), leg.baseline()
            factors = leg.known.get(counts)
            if factors is None:
                factors = leg.known[counts] = tuple(test and test.factors(*counts) for test in leg.tests)
            if leg.few is not None and purses[0] is not None:
                bet = leg.few.look(counts)
                if bet is not None:
                    purses[0].grow(bet, trickled(fresh=leg.few.fresh))
                    leg.few.begin(fresh=False)
                factors = (None, *factors[1:])
            for purse, factor in zip(purses, factors, strict=True):
                if purse is not None and factor is not None:
                    purse.grow(factor, trickle)
            if min(purse.whole for purse in purses if purse is not None) >= needed:
                return leg.start_s + look * interval_s
    return None


def _legs(
    rule: SequentialRule, held: Terms, flow: Flow, stretches: Sequence[Stretch], chance: Chance
) -> Iterator[_Leg]:
    phi = flow.clumps if rule.clumps is None else rule.clumps
    start_s = 0.0
    for stretch in stretches:
        events = flow.per_s * rule.interval_s
        ours, theirs = events * stretch.weight, events * (1.0 - stretch.weight)
        means = ours * flow.canary, theirs * flow.baseline
        objective = _objective(held, ours, phi) if held.shares and ours > 0.0 else None
        relative = _relative(held, stretch.weight, phi) if ours > 0.0 and theirs > 0.0 else objective
        yield _Leg(
            start_s,
            int(stretch.seconds / rule.interval_s + 1e-9),
            stretch.fresh,
            means,
            poisson(means[0], chance),
            poisson(means[1], chance),
            (relative, objective),
            {},
            _few(held, flow, (ours, theirs), phi, rule.interval_s, chance),
        )
        start_s += stretch.seconds


def _few(
    held: Terms, flow: Flow, events: tuple[float, float], phi: float, interval_s: float, chance: Chance
) -> _Few | None:
    """How to play so few events of canary and baseline; ``None`` where both have many, or one has none."""
    if min(events) <= 0.0 or min(events) >= _MANY:
        return None
    means = events[0] * (1.0 - flow.canary), events[1] * (1.0 - flow.baseline)
    goods = [_good(count, mean, chance) for count, mean in zip(events, means, strict=True)]
    return _Few((goods[0], goods[1]), held, phi, interval_s)


def _good(events: float, mean: float, chance: Chance) -> Draw:
    """Good events in a look: drawn where there are few, else always as many."""
    many = round(mean)
    return poisson(mean, chance) if events < _MANY else lambda: many


def _relative(held: Terms, weight: float, phi: float) -> _Test:
    ours = max(1, round(_FINE * weight))
    theirs = max(1, _FINE - ours)

    def gains(canary: int, baseline: int) -> list[float]:
        pair = Pair(Arm(canary, ours), Arm(baseline, theirs))
        worth = against_baseline([pair], tolerance=held.tolerance, ratios=held.ratios) or ()
        return [gain / phi for gain in worth]

    return _Test(gains(1, 0), gains(0, 1), gains(0, 0), held.limit)


def _objective(held: Terms, events: float, phi: float) -> _Test:
    def gains(bad: int) -> list[float]:
        worth = against_objective(Arm(bad, 1), held.shares, permitted=held.permitted) or ()
        return [gain / phi for gain in worth]

    good, bad = gains(0), gains(1)
    each = [worse - fine for worse, fine in zip(bad, good, strict=True)]
    return _Test(each, [0.0] * len(good), [events * fine for fine in good], held.limit)


def _pace(trial: Trial, leg: _Leg) -> float:
    """About how many samples it takes in the long run: what is needed, over what a mean sample brings the best bet."""
    against = leg.tests[:1] if trial.absolute is None else leg.tests
    growth = min(_growth(test, leg.means) for test in against)
    bets = len(trial.relative.bets)
    return math.log(bets / STAKED / trial.budget) / growth if growth > 0.0 else math.inf


def _growth(test: _Test | None, means: tuple[float, float]) -> float:
    if test is None:
        return 0.0
    return max(
        min(means[0] * ours + means[1] * theirs + always, test.limit)
        for ours, theirs, always in zip(test.canary, test.baseline, test.sample, strict=True)
    )
