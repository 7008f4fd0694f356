"""Rollouts whose gates split by market and provider, told sample by sample."""

from collections.abc import Mapping
from dataclasses import replace

from croupier.core.gates import (
    ClassicRule,
    Comparison,
    Counts,
    Gate,
    HoldPlayers,
    KillFlag,
    Objective,
    OnGroupFail,
    RatioSli,
    Reading,
    SequentialRule,
)
from croupier.core.gates.sli import Group
from croupier.core.rollout import events as e
from croupier.core.rollout.resolve import resolve
from croupier.core.rollout.spec import Asked, Pause, RolloutSpec, SetWeight
from croupier.testing import Rehearsal

PROVIDERS = ("kestrel", "tarn", "velora")
MARKETS = ("DE", "SE", "MT")
KILL = OnGroupFail((KillFlag("psp_{psp}"),))
HOLD = OnGroupFail((HoldPlayers(("market",)),))
DEPOSITS = Gate(
    "deposits",
    RatioSli("deposits_total", good=(("outcome", ("ok",)),)),
    by=("psp",),
    comparison=Comparison(),
    objective=Objective(0.99),
    rule=SequentialRule(),
    on_group_fail=KILL,
)
BY_MARKET = replace(DEPOSITS, by=("market",), on_group_fail=HOLD)
CLASSIC = replace(DEPOSITS, rule=ClassicRule())
STEPS: tuple[Asked, ...] = (SetWeight(2_000), Pause(300.0), SetWeight(5_000), Pause(60.0))
EACH = 400
"""Events of each version and group in a sample."""


def started(*gates: Gate, steps: tuple[Asked, ...] = STEPS, guards: tuple[str, ...] | None = None) -> Rehearsal:
    """A rollout at its first weight."""
    spec = RolloutSpec("shop", "shop", steps, tuple(gate.name for gate in gates) if guards is None else guards)
    story = Rehearsal(resolve(spec, gates, []))
    story.settle()
    return story


def reading(story: Rehearsal, by: str, values: tuple[str, ...], bad: Mapping[str, int]) -> Reading:
    """A sample of ten seconds: the baseline loses one event in a group, the canary so many as ``bad`` says (else 1)."""
    canary: dict[Group, Counts] = {((by, value),): Counts(EACH - bad.get(value, 1), EACH) for value in values}
    baseline: dict[Group, Counts] = {((by, value),): Counts(EACH - 1, EACH) for value in values}
    return Reading(story.now - 10.0, story.now, {(): total(canary), **canary}, {(): total(baseline), **baseline})


def total(counts: Mapping[Group, Counts]) -> Counts:
    return Counts(sum(each.good for each in counts.values()), sum(each.total for each in counts.values()))


def play(
    story: Rehearsal,
    samples: int,
    bad: Mapping[str, int] | None = None,
    *,
    by: str = "psp",
    values: tuple[str, ...] = PROVIDERS,
    settle: bool = True,
) -> list[e.Event]:
    """So many samples, each heard by every gate that is due; what was decided."""
    out: list[e.Event] = []
    for _ in range(samples):
        story.now += 10.0
        out += story.tick(dict.fromkeys(story.due(), reading(story, by, values, bad or {})))
        if settle and story.state.phase.active:
            out += story.settle()
    return out


def of(events: list[e.Event], kind: str) -> list[e.Event]:
    return [event for event in events if event.type == kind]
