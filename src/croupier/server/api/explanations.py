"""``/rollouts/{rollout}/gates/{gate}/explanation``: one gate's evidence in words and numbers, and what comes of it."""

import asyncio
import random
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query
from pydantic import Field

from croupier.control.recorded import recorded_rollout
from croupier.core.gates import ClassicRule, Counts, SequentialRule
from croupier.core.gates.forecast.present import Ahead
from croupier.core.rollout.attempts import up_to
from croupier.core.rollout.explain import describe_gate
from croupier.core.rollout.explain_gate import Estimate, GateStory, GroupStory, Point, explain_gate
from croupier.core.rollout.gate_words import INTERVALS, describe_story
from croupier.errors import NotFound
from croupier.server.api.formats import moment, percent_of
from croupier.server.api.wire import Model, Moment, Percent
from croupier.server.context import Here

router = APIRouter(prefix="/rollouts", tags=["rollouts"])

_SEED: Final = 1
"""The same numbers each time: evidence that did not change is explained alike."""
_SOON_S: Final = 600.0


class EstimateView(Model):
    """Counts of one version, and the good share that they show."""

    good: int
    total: int
    share: float | None = Field(description="The good share, 0 to 1; null where nothing was counted.")
    low: float = Field(description="The true good share is between low and high, with 95 % at all times at once.")
    high: float


class GroupExplanation(Model):
    """One group; the empty one is everything."""

    group: dict[str, str]
    canary: EstimateView
    baseline: EstimateView | None
    odds: float | None = Field(description="To 1 that the canary is worse than permitted; null for a classic gate.")
    needed: float | None = Field(description="The odds that convict it.")
    ratio: float | None = Field(description="So many times the stable version's rate, by the bet that fits best.")
    streak: int = Field(description="Violations in a row, of a classic gate.")


class PointView(Model):
    """One recorded look."""

    at: Moment
    weight: Percent
    odds: float | None = Field(description="Of the group that is nearest to being blamed now, as a natural logarithm.")
    streak: int
    good: int = Field(description="Of the canary in this look.")
    total: int
    verdict: str


class AheadView(Model):
    """What becomes of it if the counts go on as they were."""

    blamed_soon: float = Field(description="The probability that it is blamed within ten minutes.")
    half_s: float | None = Field(description="Seconds until that has a probability of 50 %; null: not within an hour.")
    passes_s: float | None = Field(description="Seconds until it passes, 0 now; null: not while this stands.")


class GateExplanation(Model):
    """A gate's evidence in words and numbers, from the recorded looks."""

    rollout: str
    attempt: int = Field(1, description="Each gathers its evidence anew, with the whole budget.")
    gate: str
    rule: str = Field(description="classic, sequential, burn or population.")
    objective: str = Field(description="What it demands, as people say it.")
    verdict: str | None
    text: list[str] = Field(description="The story, a sentence each.")
    intervals: str = Field(INTERVALS, description="What the intervals of the estimates promise.")
    budget: float | None = Field(description="The share of rollouts in which it may blame a canary that is no worse.")
    used: float | None = Field(description="How far its evidence has come to blaming the canary, 0 to 1.")
    needed: float | None = Field(
        description="Where the points convict: odds as a natural logarithm, or violations in a row of a classic gate."
    )
    clumps: float | None = Field(
        description="So many failures count as one, since they come of one fault (1: each counts for itself); null for "
        "a gate that gathers no evidence."
    )
    samples: int | None = Field(description="Samples at the present weight; null where it gathers no evidence.")
    groups: list[GroupExplanation]
    points: list[PointView]
    ahead: AheadView | None = Field(description="Only of a sequential gate that guards the canary now.")


@router.get("/{rollout}/gates/{gate}/explanation", operation_id="explain_gate", summary="Explain a gate")
async def get_explanation(
    here: Here,
    rollout: Annotated[str, Path(max_length=100)],
    gate: Annotated[str, Path(max_length=100)],
    attempt: Annotated[
        int | None, Query(ge=1, le=2**31, description="An earlier attempt, as it ended; without it the present one.")
    ] = None,
) -> GateExplanation:
    """What a gate has counted, what that says and how surely, how far it is from a verdict, and how long until one."""
    stored = await recorded_rollout(here.ports.store, rollout)
    names = [each.name for each in stored.value.plan.gates]
    if gate not in names:
        raise NotFound(f"{rollout} has no gate '{gate}'.", hint=f"It has: {', '.join(names) or 'none'}.")
    if attempt is not None and attempt > stored.value.attempt:
        raise NotFound(f"{rollout} has no attempt {attempt}.", hint=f"It is at attempt {stored.value.attempt}.")
    history = await here.ports.store.history(rollout)
    events = up_to(history, attempt or stored.value.attempt)
    chance = random.Random(_SEED).random  # noqa: S311 - chance, not a secret
    return view(await asyncio.to_thread(explain_gate, events, gate, chance))


def view(story: GateStory) -> GateExplanation:
    """The story as the API says it."""
    gate, evidence, latest = story.gate, story.remembered.evidence, story.remembered.latest
    return GateExplanation(
        rollout=story.state.id,
        attempt=story.state.attempt,
        gate=gate.name,
        rule=gate.rule.kind,
        objective=describe_gate(gate),
        verdict=latest.verdict if latest is not None else None,
        text=describe_story(story),
        budget=gate.rule.budget if isinstance(gate.rule, SequentialRule) else None,
        used=story.used,
        needed=_needed(story),
        clumps=story.clumps,
        samples=evidence.samples if evidence is not None else None,
        groups=[_group(group) for group in story.groups],
        points=[_point(point) for point in story.points],
        ahead=_ahead(story.ahead) if story.ahead is not None else None,
    )


def _needed(story: GateStory) -> float | None:
    return float(story.gate.rule.consecutive) if isinstance(story.gate.rule, ClassicRule) else story.log_needed


def _group(group: GroupStory) -> GroupExplanation:
    return GroupExplanation(
        group=dict(group.group),
        canary=_estimate(group.canary),
        baseline=_estimate(group.baseline) if group.baseline is not None else None,
        odds=group.odds,
        needed=group.needed,
        ratio=group.ratio,
        streak=group.streak,
    )


def _estimate(estimate: Estimate) -> EstimateView:
    counts: Counts = estimate.counts
    share = 1.0 - counts.bad_share if counts.total else None
    return EstimateView(
        good=counts.good, total=counts.total, share=share, low=1.0 - estimate.high, high=1.0 - estimate.low
    )


def _point(point: Point) -> PointView:
    return PointView(
        at=moment(point.at),
        weight=percent_of(point.weight_bp),
        odds=point.log_odds,
        streak=point.streak,
        good=point.canary.good,
        total=point.canary.total,
        verdict=point.verdict,
    )


def _ahead(ahead: Ahead) -> AheadView:
    return AheadView(blamed_soon=ahead.blames.by(_SOON_S), half_s=ahead.blames.within(0.5), passes_s=ahead.passes_s)
