"""What people do with experiments: start, stop, look. Called by the API and the page.

A start freezes the declaration into a run and tells the clients through the flag itself, so that what is measured is
part of the flag's record; a stop records what was found. The counting is the ledger's.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, TypeAlias

from croupier.control import ports
from croupier.control.flags.killing import known
from croupier.control.flags.recording import Decided, Happening, Recorder
from croupier.control.ports.experiments import Point, RunLedger
from croupier.control.recording import Who
from croupier.core.experiments import Answer, Dealt, Experiment, Plan, Run, dealt, result_of
from croupier.core.experiments.model import check_plan
from croupier.core.experiments.words import headline
from croupier.core.flags.events import FlagMeasured, FlagUnmeasured
from croupier.core.flags.state import FlagState
from croupier.core.journal.entry import Entry
from croupier.errors import Conflict, NotFound, Rejected

EXPERIMENT: Final = "experiment/"
"""What the subject of an experiment's entries starts with; its name follows."""
BEGINNING_S: Final = 300.0
"""So long a start may take between its two steps: it waits for the store."""
_SHOWN: Final = 100
"""Runs that are looked through beside those that go on."""

KeepRun: TypeAlias = Callable[[Run], ports.Answer | None]
"""Makes the answer that is recorded with a start."""
KeepAnswer: TypeAlias = Callable[[Answer], ports.Answer | None]
"""Makes the answer that is recorded with a stop."""


@dataclass(slots=True)
class Experiments:
    """The use cases of experiments."""

    recorder: Recorder
    ledger: RunLedger
    _measured: tuple[int, Mapping[str, str]] = field(default_factory=lambda: (-1, {}))

    async def all(self) -> Sequence[Experiment]:
        """Every declared experiment, by name."""
        documents = await self.recorder.store.documents("Experiment")
        return [item.value.spec for item in documents if isinstance(item.value.spec, Experiment)]

    async def get(self, name: str) -> Experiment:
        """The experiment as it is declared. Raises ``NotFound``."""
        found = next((item for item in await self.all() if item.name == name), None)
        if found is None:
            raise NotFound(f"There is no experiment '{name[:128]}'.", hint="See: croupier experiment list")
        return found

    async def runs(self, name: str | None = None) -> Sequence[Run]:
        """The runs of the experiment, or of all, newest first."""
        return await self.ledger.runs(name)

    async def start(self, name: str, *, actor: str, reason: str = "", answer: KeepRun | None = None) -> Run:
        """Take players in from now on. Raises ``Rejected`` where the flag does not deal what the experiment compares,
        ``Conflict`` where it runs already, or another one measures the flag there.
        """
        asked = await self.get(name)
        state = await known(self.recorder, asked.flag)
        plan = _planned(asked, state)
        run = Run(secrets.token_hex(16), plan, self.recorder.clock.now(), actor)

        async def decide() -> Decided:
            now = await known(self.recorder, asked.flag)
            here = [item for item in now.measured if item.environment == asked.environment]
            for measured in here:
                if any(item.id == measured.run for item in await self.ledger.runs(measured.experiment)):
                    raise Conflict(
                        f"The experiment {measured.experiment} measures {asked.flag} in {asked.environment} already.",
                        hint=f"Stop it first: croupier experiment stop {measured.experiment}",
                    )
            if _planned(asked, now) != plan:
                raise Conflict(f"The flag {asked.flag} changed meanwhile.", hint="Look at it, then start again.")
            rule = plan.dealt
            event = FlagMeasured(run.id, asked.name, asked.environment, rule.rule, rule.by, asked.events)
            told = {"type": "experiment_started", "run": run.id, "plan": _plain(plan)}
            entry = Entry(run.started_at, actor, "start experiment", f"{EXPERIMENT}{name}", (told,), reason)
            # A run that the ledger lost counts nothing and could not be stopped.
            gone = (FlagUnmeasured(item.run) for item in here)
            return Decided((Happening(asked.flag, (*gone, event)),), entries=(entry,))

        await self.ledger.begin_run(run)
        try:
            kept = (lambda _: answer(run)) if answer else None
            await self.recorder.record(decide, Who(actor, "start experiment", reason), answer=kept)
        except BaseException:
            await self.ledger.drop_run(run.id)
            raise
        return run

    async def stop(self, name: str, *, actor: str, reason: str = "", answer: KeepAnswer | None = None) -> Answer:
        """Count no longer; what was found is recorded, the players are forgotten. Raises ``Conflict`` where it does not
        run.
        """
        run = next((item for item in await self.running() if item.plan.experiment.name == name), None)
        if run is None:
            await self.get(name)
            raise Conflict(f"The experiment {name} does not run.", hint="See: croupier experiment list")
        flag, now = run.plan.experiment.flag, self.recorder.clock.now()
        ended = replace(run, stopped_at=now, stopped_by=actor)
        result = result_of(ended, now, self._dealt_now(run))
        ended = replace(ended, withheld=result.withheld)
        told = {
            "type": "experiment_stopped",
            "run": run.id,
            "tally": asdict(run.tally),
            "result": headline(run.plan, result),
            "verdicts": {item.treatment: item.verdict.value for item in result.compared},
        }
        entry = Entry(now, actor, "stop experiment", f"{EXPERIMENT}{name}", (told,), reason)

        async def decide() -> Decided:
            state = self.recorder.book.recorded(flag)
            if state is None or all(item.run != run.id for item in state.measured):
                raise Conflict(f"The experiment {name} does not run any more.")
            return Decided((Happening(flag, (FlagUnmeasured(run.id),)),), entries=(entry,))

        found = Answer(ended, result)
        kept = (lambda _: answer(found)) if answer else None
        await self.recorder.record(decide, Who(actor, "stop experiment", reason), answer=kept)
        await self.ledger.end_run(run.id, now, actor, result.withheld)
        return found

    async def running(self) -> Sequence[Run]:
        """The runs that take in what clients say, newest first."""
        measured = self.measured()
        return [run for run in await self.ledger.runs(limit=_SHOWN + len(measured)) if run.id in measured]

    def measured(self) -> Mapping[str, str]:
        """The runs that flags are measured by, and where: looked for once for each version of the flags."""
        version = self.recorder.book.version
        if self._measured[0] != version:
            states = self.recorder.book.states()
            self._measured = version, {item.run: item.environment for state in states for item in state.measured}
        return self._measured[1]

    async def answer(self, name: str, run_id: str | None = None) -> Answer:
        """The result of the newest run, or of that one, as of now. Raises ``NotFound`` before there is one."""
        runs = await self.ledger.runs(name)
        run = next((item for item in runs if run_id in (None, item.id)), None)
        if run is None:
            await self.get(name)
            raise NotFound(
                f"The experiment {name} has no such run." if run_id else f"The experiment {name} was never started.",
                hint=f"See: croupier experiment show {name}" if run_id else f"croupier experiment start {name}",
            )
        return self.answered(run)

    def answered(self, run: Run) -> Answer:
        """The run with its result as of now."""
        now = self._dealt_now(run) if run.stopped_at is None else None
        return Answer(run, result_of(run, self.recorder.clock.now(), now))

    async def course(self, run: Run) -> Sequence[Point]:
        """What was counted from the start on."""
        return await self.ledger.points(run.id)

    async def settle(self) -> None:
        """End runs that no flag is measured by: of a process that died between two steps. At the start. A run that is
        young may be another control plane's that is between them.
        """
        runs = await self.ledger.runs(limit=_SHOWN + len(self.measured()))
        await self.recorder.book.refresh()  # no older than the list: a run is begun before its flag says so
        measured, latest = self.measured(), self.recorder.clock.now() - BEGINNING_S
        for run in runs:
            if run.stopped_at is None and run.id not in measured and run.started_at < latest:
                if run.tally.players:
                    await self.ledger.end_run(run.id, self.recorder.clock.now(), run.started_by)
                else:
                    await self.ledger.drop_run(run.id)

    def as_planned(self, run: Run) -> bool:
        """Whether the flag deals as it did at the start. Whom it dealt otherwise may not be compared, even once it is
        changed back.
        """
        return self._dealt_now(run) in (None, run.plan.dealt)

    def _dealt_now(self, run: Run) -> Dealt | None:
        """How the flag deals now; ``None`` while it is killed or off, when nobody is dealt anything."""
        state = self.recorder.book.recorded(run.plan.experiment.flag)
        if state is None or state.archived:
            return None
        try:
            return dealt(state.flag, run.plan.experiment.environment, run.plan.dealt.rule)
        except Rejected:
            return None


def _planned(asked: Experiment, state: FlagState) -> Plan:
    plan = Plan(asked, dealt(state.flag, asked.environment, asked.rule))
    problems = check_plan(plan)
    if problems:
        raise Rejected(f"The experiment does not fit the flag: {problems[0]}", problems=problems)
    if state.killed is not None:
        raise Rejected(
            f"{asked.flag} is killed, so everybody gets the same.", hint=f"croupier flag restore {asked.flag}"
        )
    if state.reverted_at is not None:
        raise Rejected(f"{asked.flag} has expired.", hint=f"croupier flag renew {asked.flag} 30d")
    return plan


def _plain(plan: Plan) -> dict[str, Any]:
    """The plan as JSON has it."""
    return {"experiment": asdict(plan.experiment), "dealt": asdict(plan.dealt)}
