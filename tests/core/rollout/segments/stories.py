"""Rollouts by market, whose segments have gates of their own, told sample by sample."""

from collections.abc import Mapping
from dataclasses import replace

from croupier.core.gates import (
    ClassicRule,
    Comparison,
    Counts,
    Gate,
    HardStop,
    Objective,
    RatioSli,
    Reading,
    SequentialRule,
)
from croupier.core.rollout import events as e
from croupier.core.rollout.resolve import resolve
from croupier.core.rollout.spec import Asked, Pause, RolloutSpec, SegmentFail, SetSegment, SetWeight
from croupier.core.segments import AttributeMatch, Segment
from croupier.testing import Rehearsal

SE = Segment("se", (AttributeMatch("market", ("SE",)),))
DK = Segment("market=DK", (AttributeMatch("market", ("DK",)),))
NORTH = Segment("north", (AttributeMatch("market", ("SE", "DK", "NO")),))
DEPOSITS = Gate(
    "deposits",
    RatioSli("deposits_total", good=(("outcome", ("ok",)),)),
    comparison=Comparison(),
    objective=Objective(0.99),
    rule=SequentialRule(),
)
CLASSIC = replace(DEPOSITS, rule=ClassicRule())
STOPPING = replace(DEPOSITS, hard_stop=HardStop(failing=0.5))
LOGINS = replace(DEPOSITS, name="logins", sli=RatioSli("logins_total", good=(("outcome", ("ok",)),)))
HOLD = SegmentFail.HOLD
EACH = 400
"""Events of each version and market in a sample."""


def share(segment: Segment, weight_bp: int, *guards: str, on_fail: SegmentFail = HOLD) -> SetSegment:
    return SetSegment(segment, weight_bp, guards=guards, on_fail=on_fail if guards else SegmentFail.ABORT)


STEPS: tuple[Asked, ...] = (
    share(SE, 1_000, "deposits"),
    Pause(60.0),
    share(DK, 1_000, "deposits"),
    Pause(300.0),
    SetWeight(2_000),
    Pause(60.0),
)


def started(
    *gates: Gate, steps: tuple[Asked, ...] = STEPS, guards: tuple[str, ...] = (), settle: bool = True
) -> Rehearsal:
    """A rollout at its first share."""
    spec = RolloutSpec("shop", "shop", steps, guards)
    story = Rehearsal(resolve(spec, gates or (DEPOSITS,), [SE, NORTH]))
    if settle:
        story.settle()
    return story


def said(story: Rehearsal, name: str, bad: Mapping[str, int]) -> Reading:
    """What the gate sees in ten seconds: 400 events of each market, of the canary so many bad as ``bad`` says (else 1;
    of a market that is held, or that has no share yet, none). Logins are never bad.
    """
    markets = [market for market in ("SE", "DK", "MT") if _exposed(story, market)]
    bad = bad if name != "logins" else {}
    mine = [market for market in markets if "@" not in name or _of(story, name, market)]
    canary = [Counts(EACH - bad.get(market, 1), EACH) for market in mine]
    baseline = [Counts(EACH - 1, EACH) for market in ("SE", "DK", "MT") if "@" not in name or _of(story, name, market)]
    return Reading(story.now - 10.0, story.now, {(): total(canary)}, {(): total(baseline)})


def total(counts: list[Counts]) -> Counts:
    return Counts(sum(each.good for each in counts), sum(each.total for each in counts))


def _of(story: Rehearsal, name: str, market: str) -> bool:
    steps = (step for step in story.state.plan.steps if isinstance(step, SetSegment) and name in step.guards)
    return next(steps).segment.contains({"market": market})


def _exposed(story: Rehearsal, market: str) -> bool:
    who = {"market": market}
    if any(segment.contains(who) for segment in story.state.held):
        return False
    return story.state.weight_bp > 0 or any(each.segment.contains(who) for each in story.state.insides)


def play(story: Rehearsal, samples: int, bad: Mapping[str, int] | None = None, *, settle: bool = True) -> list[e.Event]:
    """So many samples, each heard by every gate that is due; what was decided."""
    out: list[e.Event] = []
    for _ in range(samples):
        story.now += 10.0
        out += story.tick({name: said(story, name, bad or {}) for name in story.due()})
        if settle and story.state.phase.active:
            out += story.settle()
    return out
