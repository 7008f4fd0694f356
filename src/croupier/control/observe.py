"""What is really going on: workloads, what the data plane serves, and what the metric source says. Called once per
round.

A part that cannot be seen is said to be unknown, never guessed; deciding knows what to do with unknown.
"""

import asyncio
import logging
import math
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, TypeAlias

from croupier.control import hearing
from croupier.control.fleet import Fleet
from croupier.control.ports import (
    Endpoint,
    Health,
    Ports,
    Query,
    Question,
    Sample,
    ScrapeTarget,
    TrafficTable,
    VersionKey,
    WorkloadStatus,
)
from croupier.control.under_way import Due, UnderWay
from croupier.core.gates import AnalysisRule, Counts, Gate, Measured, Measurement, Reading, Silence
from croupier.core.gates.analysis.verdict import due
from croupier.core.gates.judge import Said, short_span
from croupier.core.releases import ProcessTemplate
from croupier.core.rollout.asking import overtaken, stretch
from croupier.core.rollout.decide import Look, guarding, looks
from croupier.core.rollout.routes import ServiceRoutes
from croupier.core.rollout.state import RolloutState
from croupier.errors import Transient

log = logging.getLogger("croupier.control")

Ask: TypeAlias = Callable[[Query], Awaitable[Reading | Silence]]
"""Asks a metric source."""

Turns: TypeAlias = defaultdict[str, asyncio.Semaphore]
"""By metric source, who may ask it now: one that is slow keeps no other one's answers waiting."""

AT_ONCE: Final = 16
"""Questions to one source at a time."""
_USUAL_S = 600.0
"""How far back is looked to see how the stable version usually is."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at the world. ``served`` is ``None`` when the data plane did not answer."""

    workloads: Mapping[VersionKey, WorkloadStatus]
    served: Mapping[str, ServiceRoutes] | None

    def unready(self, key: VersionKey) -> str | None:
        """Why the version can take no more players; ``None`` when it can."""
        status = self.workloads.get(key)
        if status is None:
            return "it does not run"
        return None if status.health is Health.READY else status.reason or f"it is {status.health}"

    def failure(self, key: VersionKey) -> str | None:
        """Why the version was given up by the workloads, if it was."""
        status = self.workloads.get(key)
        return status.reason or "it failed" if status is not None and status.health is Health.FAILED else None

    def unsettled(self, table: TrafficTable) -> bool:
        """Whether a version that has players, and is to have some, is still being found (just after our own start): the
        data plane knows its place, we do not yet, so nothing is pushed until we do.
        """
        wanted = {VersionKey(item.service.name, version) for item in table.services for version in item.routes.versions}
        return any(
            not backend.endpoints
            and backend.key in wanted & self.served_versions
            and backend.key in self.workloads
            and self.workloads[backend.key].health is Health.STARTING
            for backend in table.backends
        )

    def moves(self, fleet: Fleet) -> bool:
        """Whether the data plane is seen to serve other traffic than what is wanted."""
        served = self.served
        return served is not None and any(served.get(name) != fleet.wanted_routes(name) for name in fleet.services)

    @property
    def served_versions(self) -> set[VersionKey]:
        """Versions that the data plane may still send players to."""
        served = self.served or {}
        return {VersionKey(name, version) for name, routed in served.items() for version in routed.versions}


@dataclass(slots=True)
class View:
    """Looks at the world, and remembers where instances were: one that fails its health check for a moment keeps its
    place in the data plane, since an empty cluster would turn every player away.
    """

    _endpoints: dict[VersionKey, tuple[Endpoint, ...]] = field(default_factory=dict)

    async def look(self, ports: Ports, fleet: Fleet) -> Seen:
        """See workloads and data plane. A data plane that does not answer is ``None``."""
        workloads = {key: self._placed(key, status) for key, status in (await self._running(ports)).items()}
        self._endpoints = {key: status.endpoints for key, status in workloads.items() if status.endpoints}
        try:
            served = await ports.router.served()
        except Transient as trouble:
            if fleet.services:  # with nothing to serve it may well say so
                log.warning("data plane out of sight: %s", trouble)
            served = None
        return Seen(workloads, served)

    async def _running(self, ports: Ports) -> Mapping[VersionKey, WorkloadStatus]:
        """How everything that runs is. Out of sight, what ran is where it was and not ready for more: enough to move
        players away. Raises ``Transient`` where nothing was ever seen.
        """
        try:
            return await ports.workloads.observe()
        except Transient as trouble:
            if not self._endpoints:
                raise
            log.warning("workloads out of sight: %s", trouble)
            return {key: WorkloadStatus(Health.UNREADY, reason=str(trouble)) for key in self._endpoints}

    def _placed(self, key: VersionKey, status: WorkloadStatus) -> WorkloadStatus:
        if status.endpoints or key not in self._endpoints:
            return status
        return replace(status, endpoints=self._endpoints[key])


def turns_of_sources() -> Turns:
    """Turns that nobody has taken yet."""
    return defaultdict(lambda: asyncio.Semaphore(AT_ONCE))


@dataclass(slots=True)
class GateMemory:
    """When each gate of a rollout looked last, also without anything worth recording, and how far its reading reached
    (epoch seconds, by the gate's name). ``told`` are the mistakes of sources that were logged, ``under_way`` what was
    asked and not answered yet, ``awaited`` the gates of it of which the log says that the share waits for them,
    ``turns`` what all rollouts share.
    """

    looked: dict[str, float] = field(default_factory=dict)
    read_until: dict[str, float] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    under_way: UnderWay = field(default_factory=UnderWay)
    awaited: set[str] = field(default_factory=set)
    turns: Turns = field(default_factory=turns_of_sources)


async def ask_gates(
    ports: Ports, state: RolloutState, now: float, memory: GateMemory, samples: list[Sample]
) -> Mapping[str, Said]:
    """Ask the metric source for each gate that is due, all at once: no hard stop waits for another gate's slow source,
    whose answer is taken by a later call. ``samples`` gets what charts are drawn from.

    A reading that reaches no further than the one before is no new look: where the source measures less often than the
    gate looks, one bad measurement would else count as several in a row.
    """
    said: dict[str, Said] = {}

    async def ask(query: Query) -> Reading | Silence:
        return await hearing.ask(ports.metrics, query, memory.told)

    due = {
        look.gate.name: Due(
            stretch(state, look.gate, now),
            partial(_of_look, ports, ask, state, look),
            state.salt if look.gate.hard_stop is not None else None,
            now,
            nullcontext() if isinstance(look.gate.rule, AnalysisRule) else memory.turns[look.gate.source],
            _fresh_until(state, look.gate, now, memory),
        )
        for look in looks(state, now, memory.looked)
    }
    for gate, answer in (await memory.under_way.answers(due)).items():
        if answer is None:
            continue
        if isinstance(answer, Measured):
            said[gate] = answer
            continue
        if isinstance(answer, Reading):
            seen_until = memory.read_until.get(gate)
            if seen_until is not None and seen_until == answer.until:
                continue
            memory.read_until[gate] = answer.until
        memory.looked[gate] = now
        said[gate] = answer
        samples += _samples(state, gate, answer, now)
    return {**_overtaken(state, now, memory, said), **said}


def _fresh_until(state: RolloutState, gate: Gate, now: float, memory: GateMemory) -> float:
    """Until when (epoch seconds) the gate's last word counts while it is asked again: for two intervals since its last
    look. Asked an interval after it, its source has another one to answer. Not at all where nobody knows of a look.
    """
    marks = (state.gate_state(gate.name).judged_at, memory.looked.get(gate.name))
    past = [mark for mark in marks if mark is not None and mark <= now]
    return max(past) + 2 * gate.rule.interval_s if past else -math.inf


def _overtaken(state: RolloutState, now: float, memory: GateMemory, said: Collection[str]) -> Mapping[str, Said]:
    """Answers of gates with a hard stop that were under way when a group was acted upon, or a person moved the weight:
    that time is asked for by nobody again. They wait until the traffic of now is confirmed, when verdicts count.
    """
    confirmed = state.confirmed_bp is not None and state.confirmed_bp == state.weight_bp
    names = set(guarding(state)).difference(said) if confirmed else set()
    found = memory.under_way.overdue(state.salt, names)
    answers = {name: overtaken(state, name, answer, now) for name, answer in found.items()}
    return {name: answer for name, answer in answers.items() if answer is not None}


async def _of_look(ports: Ports, ask: Ask, state: RolloutState, look: Look) -> Said | None:
    """All that the source says for one look; ``None`` where all of it is still under way."""
    gate = look.gate
    if isinstance(gate.rule, AnalysisRule):
        return await _measured(ports, state, look, gate.rule)
    query = Query(gate.sli, gate.by, state.service, state.canary, state.stable, look.since, look.until, gate.source)
    answer = await _answered(ask, gate, query)
    return await _with_recent(ask, query, gate, answer) if isinstance(answer, Reading) else answer


async def _measured(ports: Ports, state: RolloutState, look: Look, rule: AnalysisRule) -> Measured | None:
    """The measurements that are due and there; ``None`` where all of them are still under way."""
    wanted = due(rule, state.gate_state(look.gate.name).analysis, look.since, look.until)
    if not wanted:
        return Measured()
    question = Question(
        rollout=f"{state.id}.{state.attempt}",
        gate=look.gate.name,
        metrics=wanted,
        args=rule.args,
        service=state.service,
        canary=state.canary,
        stable=state.stable,
        at=look.until,
        since=look.since,
    )
    try:
        found = await ports.measurer.measure(question)
    except Exception as trouble:  # as in ``hearing``: a surprise here must hide no other gate's hard stop
        log.exception("%s: measuring for gate %s failed; it sees nothing", state.id, look.gate.name)
        why = f"measuring failed: {type(trouble).__name__}: {trouble}"
        return Measured(tuple(Measurement(each.name, look.until, error=why) for each in wanted))
    return found if found.taken else None


async def _with_recent(ask: Ask, query: Query, gate: Gate, answer: Reading) -> Reading | Silence:
    """The answer with what the gate's short window holds, if it has one."""
    span = short_span(gate, answer.since, answer.until)
    if span is None:
        return answer
    short = await ask(replace(query, baseline=None, since=span[0], until=span[1]))
    return short if isinstance(short, Silence) else replace(answer, recent=short.canary)


async def usual_counts(ports: Ports, gate: Gate, service: str, stable: str) -> Counts | None:
    """What the stable version counted in the last minutes; ``None`` where the metric source cannot say."""
    now = ports.clock.now()
    query = Query(gate.sli, (), service, stable, None, now - _USUAL_S, now, gate.source)
    answer = await hearing.ask(ports.metrics, query, told=set())
    return answer.canary.get(()) if isinstance(answer, Reading) else None


async def why_no_past(ports: Ports, gate: Gate, service: str, stable: str) -> str | None:
    """Why a gate that compares with another day could not now; ``None`` where it can, or compares with the baseline."""
    if gate.comparison is None or not gate.comparison.ago_s:
        return None
    until = ports.clock.now() - gate.comparison.ago_s
    query = Query(gate.sli, (), service, stable, None, until - _USUAL_S, until, gate.source)
    answer = await hearing.ask(ports.metrics, query, told=set())
    if isinstance(answer, Reading):
        return None
    return f"it compares with {gate.comparison.against.replace('-', ' ')}, and of that hour: {answer.reason}"


async def _answered(ask: Ask, gate: Gate, query: Query) -> Reading | Silence:
    """What the source says; of a gate that counts the canary at another threshold, over the very same span."""
    ago_s = gate.comparison.ago_s if gate.comparison is not None else 0.0
    if ago_s:
        return await _against_the_past(ask, query, ago_s)
    said = await ask(query)
    if isinstance(said, Silence) or gate.canary_sli == gate.sli:
        return said
    shifted = await ask(replace(query, sli=gate.canary_sli))
    if isinstance(shifted, Silence):
        return shifted
    if (shifted.since, shifted.until) != (said.since, said.until):
        return Silence("the two thresholds were not measured at the same time")
    return replace(said, canary=shifted.canary)


async def _against_the_past(ask: Ask, query: Query, ago_s: float) -> Reading | Silence:
    """The canary now, next to the stable version at the same hour of another day, if it served then."""
    said = await ask(replace(query, baseline=None))
    if isinstance(said, Silence) or query.baseline is None:
        return said
    since, until = said.since - ago_s, said.until - ago_s
    then = await ask(replace(query, canary=query.baseline, baseline=None, since=since, until=until))
    if isinstance(then, Silence):
        return Silence(f"of {ago_s / 86_400:g} day(s) ago: {then.reason}")
    return replace(said, baseline=then.canary)


async def keep_samples(ports: Ports, samples: list[Sample]) -> None:
    """Write telemetry down, after everything that matters; its loss is a gap in a chart, never a reason to stop."""
    if samples:
        try:
            await ports.store.add_samples(samples)
        except Transient as trouble:
            log.info("samples not kept: %s", trouble)


def scrape_targets(
    workloads: Mapping[VersionKey, WorkloadStatus], templates: Mapping[VersionKey, ProcessTemplate]
) -> Mapping[VersionKey, Sequence[ScrapeTarget]]:
    """Where the metrics of every running instance are."""
    return {
        key: tuple(ScrapeTarget(endpoint, templates[key].metrics_path) for endpoint in status.endpoints)
        for key, status in workloads.items()
        if key in templates
    }


def _samples(state: RolloutState, gate: str, said: Reading | Silence, now: float) -> list[Sample]:
    if isinstance(said, Silence):
        return []
    arms = [(state.canary, True, said.canary)]
    if said.baseline is not None and state.stable:
        arms.append((state.stable, False, said.baseline))
    return [
        Sample(state.id, gate, version, canary, now, counts[()].good, counts[()].total)
        for version, canary, counts in arms
        if () in counts
    ]
