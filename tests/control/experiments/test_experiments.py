"""Started and stopped on the record, refused where nothing could come of it, settled after a death."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from tests.control.experiments.conftest import ASKED, player

from croupier.control.experiments import intake as module
from croupier.control.experiments.experiments import BEGINNING_S
from croupier.core.experiments import Report, Verdict
from croupier.core.flags.preset import read_preset
from croupier.core.flags.ruleset import Ruleset
from croupier.errors import Conflict, NotFound, Rejected, Transient


async def test_a_start_reaches_clients_with_the_flag_and_a_stop_takes_it_back(house: Any) -> None:
    run = await house.experiments.start("lobby-order", actor="anna", reason="let us see")
    line = json.loads(house.flags.book.snapshot("production").lines["lobby"].partition("\t")[2])
    assert line["experiment"] == {"run": run.id, "rule": "all", "by": "", "events": ["bet"]}
    assert "experiment" not in house.flags.book.snapshot("staging").lines["lobby"]
    outcome = Ruleset(house.flags.book.snapshot("production"), house.clock.now).outcome("lobby", {"user": "p"})
    assert outcome.run == run.id

    await house.play(run.id, 400, classic=40, recent=100)
    await house.clock.advance(60.0)
    answer = await house.experiments.answer("lobby-order")
    assert answer.result.compared[0].verdict is Verdict.BETTER
    stopped = await house.experiments.stop("lobby-order", actor="ben", reason="enough")
    assert stopped.result.compared == tuple(replace(item, left_s=None) for item in answer.result.compared)
    assert "experiment" not in house.flags.book.snapshot("production").lines["lobby"]
    later = await house.experiments.answer("lobby-order", run.id)
    assert (later.run.stopped_by, later.result.players) == ("ben", 800)
    assert len(await house.experiments.course(later.run)) == 2

    entries = [item.entry for item in await house.store.entries(subject="experiment/lobby-order")]
    assert [(entry.action, entry.actor, entry.reason) for entry in entries] == [
        ("start experiment", "anna", "let us see"),
        ("stop experiment", "ben", "enough"),
    ]
    assert entries[0].events[0]["plan"]["experiment"]["goal"] == "bet"
    assert entries[1].events[0]["verdicts"] == {"recent": "better"}
    assert entries[1].events[0]["tally"]["exposed"] == {"classic": 400, "recent": 400}
    assert (await house.store.verify()).ok


async def test_one_experiment_at_a_time_measures_a_flag(house: Any) -> None:
    await house.declare(replace(ASKED, name="other"))
    await house.experiments.start("lobby-order", actor="anna")
    for name in ("lobby-order", "other"):
        with pytest.raises(Conflict, match="The experiment lobby-order measures lobby in production already"):
            await house.experiments.start(name, actor="anna")
    await house.declare(replace(ASKED, name="elsewhere", environment="staging"))
    elsewhere = await house.experiments.start("elsewhere", actor="anna")
    assert set(house.experiments.measured().values()) == {"production", "staging"}
    await house.experiments.stop("elsewhere", actor="anna")
    await house.store.drop_run(elsewhere.id)
    assert len(await house.experiments.runs()) == 1, "a start that is refused leaves no run"


async def test_what_cannot_be_compared_is_not_started(house: Any) -> None:
    await house.declare(
        replace(ASKED, name="absent", flag="nothing"),
        replace(ASKED, name="misnamed", control="old"),
    )
    with pytest.raises(NotFound, match="no experiment 'nobody'"):
        await house.experiments.start("nobody", actor="anna")
    with pytest.raises(NotFound, match="no flag 'nothing'"):
        await house.experiments.start("absent", actor="anna")
    with pytest.raises(Rejected, match="nobody gets the control 'old'"):
        await house.experiments.start("misnamed", actor="anna")
    await house.flags.changes.kill("lobby", actor="anna", reason="fire")
    with pytest.raises(Rejected, match="lobby is killed"):
        await house.experiments.start("lobby-order", actor="anna")


async def test_an_expired_flag_is_not_measured(house: Any) -> None:
    await house.flag(type="release", owner="games", expires_at=house.clock.now() + 10.0, on_expiry="revert")
    await house.clock.advance(100.0)
    await house.flags.lifecycle.tick()
    with pytest.raises(Rejected, match="lobby has expired"):
        await house.experiments.start("lobby-order", actor="anna")


async def test_what_does_not_run_cannot_be_stopped_and_has_no_result(house: Any) -> None:
    with pytest.raises(Conflict, match="does not run"):
        await house.experiments.stop("lobby-order", actor="anna")
    with pytest.raises(NotFound, match="no experiment 'nobody'"):
        await house.experiments.stop("nobody", actor="anna")
    with pytest.raises(NotFound, match="was never started"):
        await house.experiments.answer("lobby-order")
    run = await house.experiments.start("lobby-order", actor="anna")
    with pytest.raises(NotFound, match="has no such run"):
        await house.experiments.answer("lobby-order", "other")
    assert (await house.experiments.answer("lobby-order")).run.id == run.id


async def test_a_flag_that_changes_while_it_starts_or_stops_is_no_accident(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = house.experiments.recorder
    record = type(recorder).record

    async def slowly(self: Any, decide: Any, who: Any, **more: Any) -> Any:
        monkeypatch.setattr(type(recorder), "record", record)
        await house.flag(rules=[{"name": "all", "variants": {"classic": 90, "recent": 10}}])
        return await record(self, decide, who, **more)

    monkeypatch.setattr(type(recorder), "record", slowly)
    with pytest.raises(Conflict, match="changed meanwhile"):
        await house.experiments.start("lobby-order", actor="anna")

    run = await house.experiments.start("lobby-order", actor="anna")

    async def stopped(self: Any, decide: Any, who: Any, **more: Any) -> Any:
        monkeypatch.setattr(type(recorder), "record", record)
        await house.experiments.stop("lobby-order", actor="ben")
        return await record(self, decide, who, **more)

    monkeypatch.setattr(type(recorder), "record", stopped)
    with pytest.raises(Conflict, match="does not run any more"):
        await house.experiments.stop("lobby-order", actor="anna")
    assert (await house.experiments.answer("lobby-order", run.id)).run.stopped_by == "ben"


async def test_a_flag_that_deals_otherwise_withholds_the_result_but_one_that_is_killed_does_not(house: Any) -> None:
    await house.experiments.start("lobby-order", actor="anna")

    async def withheld() -> str:
        return str((await house.experiments.answer("lobby-order")).result.withheld)

    assert await withheld() == ""
    await house.flags.changes.kill("lobby", actor="anna", reason="fire")
    assert await withheld() == ""
    await house.flag(rules=[{"name": "all", "variants": {"classic": 90, "recent": 10}}])
    assert "deals its players otherwise" in await withheld()
    await house.flag(rules=[])
    assert await withheld() == "", "nobody is dealt anything meanwhile"
    await house.flags.changes.archive("lobby", actor="anna")
    assert await withheld() == ""


async def test_runs_of_a_process_that_died_half_way_are_settled(house: Any) -> None:
    going = await house.experiments.start("lobby-order", actor="anna")
    await house.store.begin_run(replace(going, id="0a" * 16))
    await house.store.begin_run(replace(going, id="0b" * 16, tally=replace(going.tally, exposed={"classic": 1})))
    await house.experiments.settle()
    assert len(await house.experiments.runs()) == 3, "another control plane may be between the two steps of a start"
    await house.clock.advance(BEGINNING_S + 1)
    await house.experiments.settle()
    runs = {run.id: run.stopped_at for run in await house.experiments.runs()}
    assert runs == {going.id: None, "0b" * 16: house.clock.now()}
    await house.experiments.stop("lobby-order", actor="anna")
    await house.experiments.settle()
    assert len(await house.experiments.runs("lobby-order")) == 2


async def test_answers_are_kept_with_what_they_answer(house: Any) -> None:
    seen: list[Any] = []
    run = await house.experiments.start("lobby-order", actor="anna", answer=seen.append)
    stopped = await house.experiments.stop("lobby-order", actor="anna", answer=seen.append)
    assert seen == [run, stopped]


async def test_reports_are_counted_once_for_the_runs_that_there_are(house: Any) -> None:
    run = await house.experiments.start("lobby-order", actor="anna")
    await house.play(run.id, 10, classic=3)
    await house.play(run.id, 10, classic=3)
    await house.play("0c" * 16, 10)
    await house.intake.take("staging", "shop", {run.id: []}, 7)
    await house.intake.take("production", "shop", {run.id: []}, 5)
    tally = (await house.experiments.answer("lobby-order")).run.tally
    assert (tally.exposed, tally.of("bet", "classic"), tally.lost) == ({"classic": 10, "recent": 10}, 3, 5)


async def test_who_comes_after_the_end_or_with_something_else_is_not_counted(house: Any) -> None:
    run = await house.experiments.start("lobby-order", actor="anna")
    await house.play(run.id, 5)
    late = [Report("ff" * 8, run.ends_at + 1, variant="recent"), Report("ee" * 8, 1.0, variant="else")]
    await house.intake.take("production", "shop", {run.id: [*late, Report("ee" * 8, 1.0, event="other")]}, 0)
    assert (await house.experiments.answer("lobby-order")).run.tally.players == 10


async def test_those_who_report_together_are_counted_together_or_told_why_not(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await house.experiments.start("lobby-order", actor="anna")
    calls: list[int] = []
    count = type(house.store).count

    async def counting(self: Any, run_id: str, batch: Any) -> Any:
        calls.append(len(batch.reports))
        if len(calls) == 1:
            raise Transient("the database does not answer")
        return await count(self, run_id, batch)

    monkeypatch.setattr(type(house.store), "count", counting)
    done = await asyncio.gather(*(house.play(run.id, n, classic=1) for n in (5, 6, 7)), return_exceptions=True)
    assert all(isinstance(item, Transient) for item in done[:1])
    assert len(calls) <= 2
    await house.play(run.id, 7)
    assert (await house.experiments.answer("lobby-order")).run.tally.players == 14
    monkeypatch.setattr(module, "MOST_WAITING", 1)

    async def crowd() -> list[Any]:
        return await asyncio.gather(*(house.play(run.id, 5) for _ in range(5)), return_exceptions=True)

    assert any("Too many reports wait" in str(item) for item in await crowd())


async def test_a_run_that_the_ledger_does_not_know_is_left_out(house: Any) -> None:
    run = await house.experiments.start("lobby-order", actor="anna")
    await house.store.drop_run(run.id)
    await house.play(run.id, 5)
    assert await house.experiments.runs() == []


async def test_a_run_that_the_ledger_lost_is_in_nobodys_way(house: Any) -> None:
    lost = await house.experiments.start("lobby-order", actor="anna")
    await house.store.drop_run(lost.id)
    with pytest.raises(Conflict, match="does not run"):
        await house.experiments.stop("lobby-order", actor="anna")
    run = await house.experiments.start("lobby-order", actor="anna")
    assert dict(house.experiments.measured()) == {run.id: "production"}


async def test_however_many_runs_go_on_all_of_them_are_counted(house: Any) -> None:
    run = await house.experiments.start("lobby-order", actor="anna")
    for number in range(100):
        await house.store.begin_run(replace(run, id=f"{number:032x}", started_at=run.started_at + 1))
    await house.play(run.id, 5)
    assert (await house.experiments.stop("lobby-order", actor="anna")).run.tally.players == 10


async def test_a_crowd_is_counted_in_transactions_that_hold_up_nobody(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await house.experiments.start("lobby-order", actor="anna")
    sizes: list[int] = []
    count = type(house.store).count

    async def counting(self: Any, run_id: str, batch: Any) -> Any:
        sizes.append(len(batch.reports))
        return await count(self, run_id, batch)

    monkeypatch.setattr(type(house.store), "count", counting)
    monkeypatch.setattr(module, "AT_ONCE", 8)
    await house.play(run.id, 10, classic=3)
    assert sizes == [8, 8, 7]
    tally = (await house.experiments.answer("lobby-order")).run.tally
    assert (tally.players, tally.of("bet", "classic")) == (20, 3)


async def test_what_was_withheld_at_the_stop_stays_withheld(house: Any) -> None:
    run = await house.experiments.start("lobby-order", actor="anna")
    await house.play(run.id, 400, classic=40, recent=100)
    await house.flag(rules=[{"name": "all", "variants": {"classic": 90, "recent": 10}}])
    stopped = await house.experiments.stop("lobby-order", actor="anna")
    assert stopped.result.compared[0].verdict is Verdict.WITHHELD
    later = await house.experiments.answer("lobby-order")
    assert (later.result, later.run.withheld) == (stopped.result, stopped.run.withheld)


async def test_whom_the_flag_dealt_otherwise_is_not_compared_once_it_is_changed_back(house: Any) -> None:
    run = await house.experiments.start("lobby-order", actor="anna")
    await house.play(run.id, 1_000, classic=50, recent=50)
    await house.flag(rules=[{"name": "all", "variants": {"classic": 10, "recent": 90}}])
    # The variants are alike: everybody of a campaign bets, whatever they see.
    campaign = [(player("campaign", number), "classic" if number % 10 == 0 else "recent") for number in range(150)]
    now = house.clock.now()
    reports = [Report(name, now, variant=variant) for name, variant in campaign]
    reports += [Report(name, now, event="bet") for name, _ in campaign]
    await house.intake.take("production", "shop", {run.id: reports}, 0)
    await house.flag()
    found = (await house.experiments.answer("lobby-order")).result
    assert (found.withheld, found.compared[0].verdict, found.players) == ("", Verdict.OPEN, 2_000)


async def test_a_preset_says_which_experiment_it_disturbs_on_its_way_there_and_back(house: Any) -> None:
    await house.experiments.start("lobby-order", actor="anna")
    split = [{"name": "all", "variants": {"classic": 90, "recent": 10}}]
    presets = house.flags.presets
    put = await presets.put(
        read_preset({"name": "safer", "changes": [{"flag": "lobby", "rules": split}]}), actor="anna"
    )
    await presets.approve("safer", put.value.digest, actor="ben")
    text = "lobby: experiment 'lobby-order' measures 'all' in production, which deals otherwise by this"
    (previewed,) = (await presets.preview("safer")).warnings
    applied = (await presets.apply("safer", actor="ben", reason="fire")).warnings
    assert applied == (previewed,)
    assert previewed.message.startswith(text)
    (back,) = (await presets.preview("safer")).warnings
    assert (await presets.undo("safer", actor="ben")).warnings == (back,)
    assert (await house.experiments.answer("lobby-order")).result.withheld == ""
