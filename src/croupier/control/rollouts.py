"""What people do with rollouts: start, promote, pause, resume, abort, retry. Called by the API, the page and tests.

The one door: whoever asks, the request is validated, decided by the pure core and recorded; the reconciler then acts. A
request without an expected version is decided again when the reconciler was faster; with one, it gets a ``Conflict``.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final, ParamSpec, TypeAlias, TypeVar

from croupier.control.groups import check_holds, check_kills
from croupier.control.observe import Seen
from croupier.control.ports import Answer, Commit, Intent, Ports, Stored, VersionKey
from croupier.control.ports import ServiceState as Delivery
from croupier.control.probing import probe
from croupier.control.reconcile import Reconciler
from croupier.control.recording import Draft, Outcome, Who, draft, entry, fold, record
from croupier.control.traffic import counting, paces, requests_per_s, serving
from croupier.core.gates import AnalysisRule, Gate
from croupier.core.releases import Service
from croupier.core.rollout import commands
from croupier.core.rollout import events as e
from croupier.core.rollout.machine import create
from croupier.core.rollout.prove import prove
from croupier.core.rollout.resolve import gate_uses, resolve
from croupier.core.rollout.spec import Plan, RolloutSpec
from croupier.core.rollout.state import Phase, RolloutState
from croupier.core.segments import Segment
from croupier.errors import Conflict, Corrupt, NotFound, Rejected, Transient

P = ParamSpec("P")
R = TypeVar("R")

_TRIES = 10
_MANY: Final = 2
"""From more gates on, what is tried out before a start is tried out beside the event loop."""
_OTHERWISE = "Mend the gate and apply it, or start by a Rollout without it: --strategy NAME."

Decide: TypeAlias = Callable[[RolloutState, Delivery, float], tuple[e.Event, ...]]
"""What somebody asks of a rollout, decided on its state and what serves its service at a time."""

Keep: TypeAlias = Callable[[Stored[RolloutState]], Answer]
"""Makes the answer to be kept for an idempotency key from the rollout as it will be recorded."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Who asks, why, which version of the rollout they have seen (``None``: any), and how the answer is kept."""

    actor: str
    reason: str = ""
    expected: int | None = None
    answer: Keep | None = None


@dataclass(frozen=True, slots=True)
class Rollouts:
    """The use cases. ``reconciler`` is woken by every change, so that it acts at once."""

    ports: Ports
    reconciler: Reconciler

    async def start(self, service: str, version: str, ask: Ask, *, strategy: str | None = None) -> Outcome:
        """Roll a release out. A rollout of the service that is in progress is superseded by it, or, where ``version``
        is the stable one, aborted. ``strategy`` names the Rollout document, needed only where a service has several.

        Raises ``NotFound`` for an unknown service or release, ``Rejected`` where the plan cannot work, ``Conflict``
        where this version is being rolled out already.
        """
        return await self._until_recorded(lambda: self._plan_start(service, version, ask, strategy))

    async def promote(self, rollout: str, ask: Ask, *, full: bool = False, waive: tuple[str, ...] = ()) -> Outcome:
        """Leave the present step (``full``: all of them). ``waive`` takes gates out of it and needs a reason."""
        if waive and not ask.reason:
            raise Rejected("Taking a gate out of a rollout needs a reason.", hint="Add --reason TEXT.")
        unready = await self._why_unready(rollout)
        return await self._change(
            rollout, ask, "promote", lambda s, _, n: commands.promote(s, n, full=full, waive=waive, unready=unready)
        )

    async def pause(self, rollout: str, ask: Ask) -> Outcome:
        """Hold at the present weight until resumed; gates go on watching."""
        return await self._change(rollout, ask, "pause", lambda s, _, now: commands.pause(s, now))

    async def resume(self, rollout: str, ask: Ask) -> Outcome:
        """Go on after a pause."""
        unready = await self._why_unready(rollout)
        return await self._change(rollout, ask, "resume", lambda s, _, now: commands.resume(s, now, unready=unready))

    async def abort(self, rollout: str, ask: Ask) -> Outcome | None:
        """Give up: everybody back to the stable version. ``None``: acted on, to be recorded when the store is back."""
        reason = ask.reason or f"aborted by {ask.actor}"
        try:
            return await self._change(rollout, ask, "abort", lambda s, _, now: commands.abort(s, now, reason=reason))
        except (Transient, Corrupt):
            fleet = self.reconciler.fleet
            stored = fleet.rollouts.get(rollout) if fleet else None
            if stored is None or ask.expected not in (None, stored.version):
                raise
            events = commands.abort(stored.value, self.ports.clock.now(), reason=reason)
            for started in [event for event in events if isinstance(event, e.AbortStarted)]:
                self.reconciler.abort_unrecorded(Intent(rollout, started, ask.actor))
            return None

    async def retry(self, rollout: str, ask: Ask) -> Outcome:
        """Start an aborted rollout again from its first step; refused while another one is in progress."""

        def again(state: RolloutState, delivery: Delivery, now: float) -> tuple[e.Event, ...]:
            if delivery.active not in (None, rollout):
                raise Rejected(f"{delivery.active} is in progress.", hint="Wait for it or abort it, then retry.")
            return commands.retry(state, now, stable=delivery.stable)

        return await self._change(rollout, ask, "retry", again)

    async def _change(self, rollout: str, ask: Ask, action: str, decide: Decide) -> Outcome:
        return await self._until_recorded(lambda: self._plan_change(rollout, ask, action, decide))

    async def _until_recorded(self, plan: Callable[[], Awaitable[Draft | Outcome]]) -> Outcome:
        """Plan it and record it; where somebody was faster, plan anew on what they did. What the plan itself refuses is
        refused at once.
        """
        tries = 0
        while True:
            tries += 1
            planned = await plan()
            if isinstance(planned, Outcome):
                return planned
            try:
                outcome = await record(self.ports.store, planned)
            except Conflict:
                if tries == _TRIES:
                    raise
            else:
                self.reconciler.wake()
                return outcome

    async def _plan_change(self, rollout: str, ask: Ask, action: str, decide: Decide) -> Draft | Outcome:
        stored = await self._rollout(rollout)
        if ask.expected is not None and ask.expected != stored.version:
            raise Conflict(f"{rollout} changed meanwhile.", hint="Read it again, then decide.")
        now = self.ports.clock.now()
        delivery = await self._delivery(stored.value.service)
        events = decide(stored.value, delivery.value, now)
        if not events:
            return Outcome(stored)
        return draft(stored, delivery, events, Who(ask.actor, action, ask.reason), now, answer=ask.answer)

    async def _plan_start(self, service: str, version: str, ask: Ask, strategy: str | None) -> Draft | Outcome:
        delivery = await self._delivery(service)
        release = await self.ports.store.release(service, version)
        if release is None:
            raise NotFound(f"{service} has no release {version}.", hint=f"See: croupier release list {service}")
        before = await self._active(delivery)
        if before is not None and before.value.canary == version:
            raise _under_way(before.value)
        if delivery.value.stable == version:
            if before is None:
                raise Rejected(f"{version} is the stable version of {service} already.")
            reason = ask.reason or f"back to {version}"
            back = replace(ask, reason=reason)
            return await self._plan_change(
                before.value.id, back, "abort", lambda s, _, n: commands.abort(s, n, reason=reason)
            )
        plan = await self._resolve(delivery.value, before, strategy)
        await self._probe(plan, service, delivery.value.stable)
        await self._reach(plan, service, delivery.value.stable)
        now = self.ports.clock.now()
        number = delivery.value.rollouts + 1
        created = e.Created(f"{service}-{number}", service, delivery.value.stable, version, release.digest, plan, now)
        return _draft_start(created, delivery, before, ask)

    async def _resolve(self, delivery: Delivery, active: Stored[RolloutState] | None, strategy: str | None) -> Plan:
        """The plan that the documents make for the service, as they are now, for the traffic that it has now."""
        service = delivery.service
        specs = [item.value.spec for item in await self.ports.store.documents()]
        plans = [spec for spec in specs if isinstance(spec, RolloutSpec) and spec.service == service]
        chosen = [spec for spec in plans if strategy in (None, spec.name)]
        names = ", ".join(sorted(spec.name for spec in plans))
        if not plans:
            raise NotFound(f"No Rollout says how to roll out {service}.", hint="Write one and apply it.")
        if not chosen:
            raise NotFound(f"{service} has no Rollout '{strategy}'.", hint=f"It has: {names}.")
        if len(chosen) > 1:
            raise Rejected(f"{service} has several Rollouts: {names}.", hint="Choose one: --strategy NAME.")
        gates = {spec.name: spec for spec in specs if isinstance(spec, Gate)}
        segments = [spec for spec in specs if isinstance(spec, Segment)]
        per_s = None
        if paces(chosen[0]) and (whom := await serving(self.ports, delivery, active)) is not None:
            per_s = await requests_per_s(self.ports, counting(chosen[0], gates), whom)
        return await _beside(len(gate_uses(chosen[0])), resolve, chosen[0], gates.values(), segments, per_s=per_s)

    async def _probe(self, plan: Plan, service: str, stable: str | None) -> None:
        """A gate that can never see anything would hold every rollout, one that calls nothing good would end every one,
        and one that cannot fail next to this stable version guards nobody: refuse them before anybody is exposed.
        """
        if stable is None:
            return
        # An analysis counts nothing; and without proof that it can turn red there would be no plan.
        judging = [gate for gate in plan.gates if not isinstance(gate.rule, AnalysisRule)]
        for found in await probe(self.ports, judging, service, stable):
            gate = found.gate
            if found.blind is not None:
                said = found.blind if found.blind.endswith("?") else f"{found.blind}."
                raise Rejected(f"Gate {gate.name} cannot judge {service}: {said}", hint=_OTHERWISE)
            proof = await _beside(len(plan.gates), prove, plan, gate.name, found.usual)
            if proof.red_after_s is None and not gate.advisory:
                raise Rejected(f"Gate {gate.name} cannot turn red for {service}: {proof.why}.", hint=_OTHERWISE)

    async def _reach(self, plan: Plan, service: str, stable: str | None) -> None:
        """An action on a group that could not be done would take everybody back instead: refuse it before."""
        for document in await self.ports.store.documents("Service"):
            if isinstance(document.value.spec, Service) and document.value.spec.name == service:
                check_holds(plan, document.value.spec)
        if stable is not None:
            await check_kills(self.ports, self.reconciler.switches, plan, service, stable)

    async def _why_unready(self, rollout: str) -> str | None:
        """Why the rollout's canary can take no more players now; the loop asks the same before each rise."""
        state = (await self._rollout(rollout)).value
        try:
            workloads = await self.ports.workloads.observe()
        except Transient as trouble:
            return str(trouble)
        return Seen(workloads, None).unready(VersionKey(state.service, state.canary))

    async def _rollout(self, rollout: str) -> Stored[RolloutState]:
        stored = await self.ports.store.rollout(rollout)
        if stored is None:
            raise NotFound(f"There is no rollout '{rollout}'.", hint="See: croupier rollout list")
        return stored

    async def _delivery(self, service: str) -> Stored[Delivery]:
        for stored in await self.ports.store.services():
            if stored.value.service == service:
                return stored
        raise NotFound(f"There is no service '{service}'.", hint="Apply its Service document first.")

    async def _active(self, delivery: Stored[Delivery]) -> Stored[RolloutState] | None:
        return await self._rollout(delivery.value.active) if delivery.value.active else None


async def _beside(gates: int, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Do what tries out so many gates: each may take a third of a second, and an abort must come through."""
    return await asyncio.to_thread(work, *args, **kwargs) if gates > _MANY else work(*args, **kwargs)


def _draft_start(
    created: e.Created, delivery: Stored[Delivery], before: Stored[RolloutState] | None, ask: Ask
) -> Draft:
    """The new rollout and, in the same commit, the end of the one that it supersedes."""
    started, now = Stored(create(created), 1), created.at
    who = Who(ask.actor, "start", ask.reason)
    entries = [entry(who, f"rollout/{created.id}", (created,), now)]
    rollouts = [Stored(started.value, 0)]
    if before is not None:
        ended = commands.supersede(before.value, now, by=created.id)
        entries.insert(0, entry(replace(who, action="supersede"), f"rollout/{before.value.id}", ended, now))
        rollouts.append(Stored(fold(before, ended).value, before.version))
    value = replace(delivery.value, active=created.id, rollouts=delivery.value.rollouts + 1)
    commit = Commit(
        entries=tuple(entries),
        now=now,
        rollouts=tuple(rollouts),
        services=(Stored(value, delivery.version),),
        answer=ask.answer(started) if ask.answer else None,
    )
    return Draft(commit, started, Stored(value, delivery.version + 1))


def _under_way(state: RolloutState) -> Conflict:
    """Why the version that this active rollout is about cannot be started again."""
    if state.phase is Phase.ABORTING:
        return Conflict(
            f"{state.id} is taking every player off {state.canary}.",
            hint=f"Wait for it, then start again: croupier rollout retry {state.id}",
        )
    return Conflict(f"{state.id} rolls out {state.service} {state.canary} already.")
