"""How failures clump is measured before the start, frozen into the plan, and never a reason not to start."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.control.conftest import ANNA, GATE

from croupier.control import clumps
from croupier.control.clumps import SAMPLE_S, SAMPLES, Lately, with_clumps
from croupier.control.ports import Query
from croupier.control.traffic import count_once
from croupier.core.gates import (
    OTLP,
    PROMETHEUS,
    Comparison,
    Counts,
    Gate,
    Instance,
    RatioSli,
    Reading,
    SequentialRule,
    Silence,
)
from croupier.core.gates.sequential.dispersion import Dispersion
from croupier.core.rollout import events as e
from croupier.core.rollout.rejudge import rejudge
from croupier.core.rollout.spec import Analysis, Pause, RolloutSpec, SetWeight
from croupier.errors import Conflict, Transient

LEARNING = Gate(
    "learning", RatioSli("requests_total", (("outcome", ("ok",)),)), comparison=Comparison(), rule=SequentialRule()
)
TOLD = replace(LEARNING, name="told", rule=SequentialRule(clumps=3.0))
CLUMPED = (Counts(992, 1000), Counts(1000, 1000))
"""Eight failures, all of them on one of two instances."""


def saying(shop: Any, parts: Callable[[Query], Sequence[Counts] | str | Exception]) -> list[Query]:
    """The source tells instances by question, or why not; the questions that it was asked."""
    read, asked = shop.metrics.read, list[Query]()

    async def said(query: Query) -> Reading | Silence:
        asked.append(query)
        answer = parts(query)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, str):
            return Silence(answer)
        instances = tuple(Instance(f"pod-{index}", counts) for index, counts in enumerate(answer))
        reading: Reading = await read(query)
        return replace(reading, instances=instances)

    shop.metrics.read = said
    return asked


def dispersion(gate: Gate) -> Dispersion | None:
    assert isinstance(gate.rule, SequentialRule)
    return gate.rule.dispersion


async def test_ten_minutes_are_measured_in_samples_that_follow_each_other(shop: Any) -> None:
    asked = saying(shop, lambda _: CLUMPED)
    ports, now = shop.a.reconciler.ports, shop.clock.now()
    gates = await with_clumps(ports, (GATE, LEARNING, TOLD), "shop", "1.0.0", Lately())
    assert gates[0] is GATE
    assert gates[2] is TOLD
    seen = dispersion(gates[1])
    assert seen is not None
    assert seen.phi == pytest.approx(5.3, rel=0.02)  # of eight that come together, less chance and ten degrees of none
    spans = [(query.since, query.until) for query in reversed(asked)]
    assert spans == [(now - ago * SAMPLE_S, now - (ago - 1) * SAMPLE_S) for ago in range(SAMPLES, 0, -1)]
    assert {(query.service, query.canary, query.baseline) for query in asked} == {("shop", "1.0.0", None)}


@pytest.mark.parametrize(
    "answer", ["nothing is known of that time", (), (Counts(5, 9),), Transient("it is away"), ValueError("unforeseen")]
)
async def test_what_nobody_can_tell_is_learnt_on_the_way(shop: Any, answer: Any) -> None:
    saying(shop, lambda _: answer)
    (gate,) = await with_clumps(shop.a.reconciler.ports, (LEARNING,), "shop", "1.0.0", Lately())
    assert gate == LEARNING


async def test_a_gap_hides_only_itself(shop: Any) -> None:
    now = shop.clock.now()
    saying(shop, lambda query: "a gap" if now - 100 < query.until < now - 50 else CLUMPED)
    (gate,) = await with_clumps(shop.a.reconciler.ports, (LEARNING,), "shop", "1.0.0", Lately())
    seen = dispersion(gate)
    assert seen is not None
    assert 16 < seen.freedom < SAMPLES - 1  # faded a little


def stuck(shop: Any, when: Callable[[Query], bool]) -> None:
    """The source never answers these questions."""
    read = shop.metrics.read

    async def said(query: Query) -> Any:
        answer = await read(query)
        if when(query):
            await asyncio.Event().wait()
        return answer

    shop.metrics.read = said


async def test_who_is_slow_tells_the_latest(shop: Any) -> None:
    asked = saying(shop, lambda _: CLUMPED)
    stuck(shop, lambda _: len(asked) == 4)
    lately = Lately(left_s=0.2)
    async with asyncio.timeout(120):
        (gate,) = await with_clumps(shop.a.reconciler.ports, (LEARNING,), "shop", "1.0.0", lately)
    seen = dispersion(gate)
    assert seen is not None
    assert seen.freedom == pytest.approx(2.97, abs=0.01)
    assert lately.left_s == 0.0


async def test_a_source_that_is_slow_once_is_asked_no_more(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it gives up itself, which would silence the gates of other rollouts; other sources go on."""
    monkeypatch.setattr(clumps, "ONE_WITHIN_S", 0.2)
    asked = saying(shop, lambda _: CLUMPED)
    stuck(shop, lambda query: query.source == OTLP)
    others = tuple(
        replace(LEARNING, name=name, sli=RatioSli(name, (("outcome", ("ok",)),)), source=OTLP) for name in "abcdefgh"
    )
    lately = Lately(left_s=120.0)
    async with asyncio.timeout(120):
        gates = await with_clumps(shop.a.reconciler.ports, (*others, LEARNING), "shop", "1.0.0", lately)
    assert gates[:-1] == others
    assert dispersion(gates[-1]) is not None
    assert sum(query.source == OTLP for query in asked) == 4  # at once
    assert lately.slow == {OTLP}
    assert lately.left_s > 0.0


async def test_what_several_gates_count_is_measured_once(shop: Any) -> None:
    asked = saying(shop, lambda _: CLUMPED)
    gates = tuple(replace(LEARNING, name=name) for name in ("one", "two"))
    first, second = await with_clumps(shop.a.reconciler.ports, gates, "shop", "1.0.0", Lately())
    assert len(asked) == SAMPLES
    assert dispersion(first) == dispersion(second) is not None
    assert (first.name, second.name) == ("one", "two")


async def test_a_start_that_is_planned_anew_does_not_measure_anew(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else whoever supersedes a rollout whose gates look all the time would be late each time."""
    asked, tries = saying(shop, lambda _: CLUMPED), list[object]()
    await shop.declare(LEARNING, RolloutSpec("shop", "shop", (SetWeight(2_000), Analysis(("learning",)))))
    commit = shop.store.commit

    async def late(*given: Any, **how: Any) -> Any:
        tries.append(given)
        if len(tries) < 3:
            raise Conflict("somebody was faster")
        return await commit(*given, **how)

    monkeypatch.setattr(shop.store, "commit", late)
    started = (await shop.a.rollouts.start("shop", "1.1.0", ANNA)).rollout.value
    assert len(tries) == 3
    assert dispersion(started.plan.gate("learning")) is not None
    assert sum(query.until - query.since == SAMPLE_S for query in asked) == SAMPLES


async def test_a_rollout_begins_with_what_was_measured_and_can_be_judged_again(shop: Any) -> None:
    saying(shop, lambda _: CLUMPED)
    steps = (SetWeight(2_000), Pause(120.0), SetWeight(5_000), Analysis(("learning",)))
    await shop.declare(LEARNING, RolloutSpec("shop", "shop", steps, ("learning",)))
    started = (await shop.a.rollouts.start("shop", "1.1.0", ANNA)).rollout.value
    measured = dispersion(started.plan.gate("learning"))
    assert measured is not None
    assert measured.phi > 4.0
    await shop.turn(12, after=5.0)
    history = await shop.store.history(started.id)
    first = next(event for event in history if isinstance(event, e.GateJudged))
    assert first.state.evidence is not None
    assert first.state.evidence.dispersion == measured  # its own sample had no parts
    assert all(verdict.agrees for verdict in rejudge(history))


async def test_sources_that_keep_what_they_are_asked_for_are_asked_all_along(shop: Any) -> None:
    gates = (
        LEARNING,
        TOLD,
        replace(LEARNING, name="pushed", source=OTLP),
        replace(LEARNING, name="kept-anyway", source=PROMETHEUS),
    )
    steps = (SetWeight(2_000), Analysis(("pushed",)))
    await shop.declare(GATE, *gates, RolloutSpec("shop", "shop", steps, ("ok", "learning", "told", "kept-anyway")))
    asked = saying(shop, lambda _: CLUMPED)
    await count_once(shop.a.rollouts.ports)
    assert [(query.source, query.canary) for query in asked] == [("embedded", "1.0.0"), (OTLP, "1.0.0")]
