"""The answer of an experiment, from its plan and what was counted, at any time. Called by the API and the page.

Each treatment is compared with the control, with its part of the error level; the guards likewise, each with the whole
level, since they only tell. A result is withheld where the players are not those that the plan deals.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from croupier.core.experiments import sample_ratio
from croupier.core.experiments.arms import Arm, Dealt
from croupier.core.experiments.evidence import Pair
from croupier.core.experiments.model import Plan, Run
from croupier.core.experiments.tally import Tally
from croupier.core.gates.sequential.bound import interval

_MANY_CROSSED = 0.01
"""Beyond this share of all players, those who were given two variants are no accident."""
_A_FEW = 100


class Verdict(StrEnum):
    """What the counts say of a treatment against the control."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"
    """A difference, if there is one, is smaller than the smallest that matters."""
    OPEN = "open"
    """Not yet."""
    WITHHELD = "withheld"
    """No comparison of these players means anything: see ``Result.withheld``."""


@dataclass(frozen=True, slots=True)
class Counted:
    """One variant: players given it, those who did the goal, their rate with its interval (0 to 1), and the share of
    the players that it should get.
    """

    variant: str
    share: float
    exposed: int
    converted: int
    rate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Compared:
    """A treatment against the control by one event. ``ratio`` is that of their rates less 1 (0.05: 5 % more), with its
    interval, ``difference`` that of the rates; ``None`` where the counts do not bound it. ``log_e`` speaks against "no
    difference", which it convicts at ``needed``. ``left_s`` is how long, at the speed so far, until a difference of
    the smallest size that matters would be found; ``None`` where nothing tells, 0 where it would have been.
    """

    treatment: str
    event: str
    verdict: Verdict
    ratio: float | None
    low: float
    high: float | None
    difference: float | None
    difference_low: float
    difference_high: float
    log_e: float
    needed: float
    left_s: float | None


@dataclass(frozen=True, slots=True)
class Result:
    """Everything that a run says at ``at`` (epoch seconds). ``withheld`` says why there is no answer; ``sample_log_e``
    is the evidence against the players' being dealt by the shares, ``sample_needed`` what withholds.
    """

    at: float
    counted: tuple[Counted, ...]
    compared: tuple[Compared, ...]
    guards: tuple[Compared, ...]
    crossed: int
    lost: int
    sample_log_e: float
    sample_needed: float
    withheld: str = ""

    @property
    def players(self) -> int:
        """Whom it compares."""
        return sum(item.exposed for item in self.counted)


@dataclass(frozen=True, slots=True)
class Answer:
    """A run with its result."""

    run: Run
    result: Result


def result_of(run: Run, now: float, dealt_now: Dealt | None = None) -> Result:
    """What the run says at ``now``; ``dealt_now`` is how the flag deals at present, where that is known."""
    plan, tally = run.plan, run.tally
    arms = plan.arms
    exposed = [tally.exposed.get(arm.variant, 0) for arm in arms]
    evidence = sample_ratio.log_e(exposed, [arm.share for arm in arms])
    needed = -math.log(sample_ratio.ERROR)
    until = now if run.stopped_at is None else run.stopped_at
    withheld = (
        run.withheld
        or _changed(plan, dealt_now)
        or (_mismatched(arms, exposed) if evidence >= needed else "")
        or _crossed(tally)
    )
    elapsed = max(until - run.started_at, 0.0) if run.stopped_at is None else None
    goal, error = plan.experiment.goal, plan.experiment.error / max(len(arms) - 1, 1)
    return Result(
        at=until,
        counted=tuple(_counted(arm, tally, goal, plan.experiment.error) for arm in arms),
        compared=tuple(
            _compared(
                plan, tally, arm, goal, error, elapsed, fewer=plan.experiment.fewer_is_better, held=bool(withheld)
            )
            for arm in arms[1:]
        ),
        guards=tuple(
            _compared(
                plan,
                tally,
                arm,
                guard.event,
                plan.experiment.error,
                elapsed,
                fewer=not guard.fewer_is_worse,
                held=bool(withheld),
            )
            for guard in plan.experiment.guards
            for arm in arms[1:]
        ),
        crossed=tally.crossed,
        lost=tally.lost,
        sample_log_e=evidence,
        sample_needed=needed,
        withheld=withheld,
    )


def _counted(arm: Arm, tally: Tally, event: str, error: float) -> Counted:
    exposed, converted = tally.exposed.get(arm.variant, 0), tally.of(event, arm.variant)
    low, high = interval(converted, exposed, error=error)
    return Counted(arm.variant, arm.share, exposed, converted, converted / exposed if exposed else 0.0, low, high)


def _compared(
    plan: Plan, tally: Tally, arm: Arm, event: str, error: float, elapsed: float | None, *, fewer: bool, held: bool
) -> Compared:
    control, asked = plan.arms[0], plan.experiment
    pair = Pair(arm.share / (arm.share + control.share), asked.minimum_effect, error)
    treated, usual = tally.of(event, arm.variant), tally.of(event, control.variant)
    players = tally.exposed.get(arm.variant, 0) + tally.exposed.get(control.variant, 0)
    rate = (treated + usual) / players if players else 0.0
    low, high = pair.ratio(treated, usual)
    estimate = pair.estimate(treated, usual)
    verdict = Verdict.WITHHELD if held else _verdict(low, high, asked.minimum_effect, fewer=fewer)
    return Compared(
        treatment=arm.variant,
        event=event,
        verdict=verdict,
        ratio=None if estimate is None or math.isinf(estimate) else estimate - 1.0,
        low=low - 1.0,
        high=None if math.isinf(high) else high - 1.0,
        difference=None if estimate is None else pair.difference(estimate, rate),
        difference_low=pair.difference(low, rate),
        difference_high=pair.difference(high, rate),
        log_e=pair.log_e(treated, usual),
        needed=pair.needed,
        left_s=_left_s(pair, treated + usual, elapsed),
    )


def _verdict(low: float, high: float, minimum: float, *, fewer: bool) -> Verdict:
    """What the interval of the ratio leaves open. A difference that is certain is said, however small it is."""
    if low > 1.0:
        return Verdict.WORSE if fewer else Verdict.BETTER
    if high < 1.0:
        return Verdict.BETTER if fewer else Verdict.WORSE
    if low > 1.0 / (1.0 + minimum) and high < 1.0 + minimum:
        return Verdict.SAME
    return Verdict.OPEN


def _left_s(pair: Pair, conversions: int, elapsed: float | None) -> float | None:
    """At the speed so far; a run that is over has no time left."""
    if elapsed is None or not conversions:
        return None
    missing = pair.conversions_needed(pair.minimum_effect) - conversions
    left = max(missing, 0.0) * elapsed / conversions
    return None if math.isinf(left) else left


# --- withheld ---------------------------------------------------------------------------------------------------------


def _changed(plan: Plan, now: Dealt | None) -> str:
    if now is None or now == plan.dealt:
        return ""
    return (
        f"{plan.experiment.flag} deals its players otherwise than it did at the start, so those of before and after "
        "cannot be put together. Change it back, or stop and start again."
    )


def _mismatched(arms: tuple[Arm, ...], exposed: list[int]) -> str:
    whole = sum(exposed)
    said = ", ".join(_share(arm, count, whole) for arm, count in zip(arms, exposed, strict=True))
    return (
        f"sample-ratio mismatch: of {whole} players {said}. Some variant loses players, or reports them more often: "
        "look for a crash, a redirect or a filter that only one of them has."
    )


def _share(arm: Arm, count: int, whole: int) -> str:
    return f"{100 * count / whole:.3g} % got '{arm.variant}' and {100 * arm.share:.3g} % were due"


def _crossed(tally: Tally) -> str:
    if tally.crossed < _A_FEW or tally.crossed < _MANY_CROSSED * tally.players:
        return ""
    return (
        f"{tally.crossed} of {tally.players} players were given two variants, and what they do is not counted: those "
        "who are left may differ. See that the flag is always asked with the same player id."
    )
