"""Smoke checks that are under way: one run for each rollout that wants one, beside the loop, which never waits for it.

Started when recorded state asks for it, ended when that asks for something else (an abort, above all). A control plane
that dies in the middle leaves no trace but requests: whoever takes over runs the checks again. Called by ``reconcile``.
"""

import asyncio
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from croupier.control.ports import Ports, Store, VersionKey
from croupier.control.recorded import recorded_delivery, recorded_rollout
from croupier.core.rollout import smoking
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.smoking import Smoked, Wanted
from croupier.core.rollout.state import RolloutState
from croupier.core.smoke import CheckResult, SmokeCheck
from croupier.errors import CroupierError, Rejected

_AGAIN_S: Final = 5.0
"""From the first try to the next of a check that could not be run; then twice as long each time."""
_LONGEST_S: Final = 300.0
_TRIES: Final = 6
"""Then a person is asked: after about three minutes, by when an edge that was away for a moment is back."""
_SAID: Final = 300

log = logging.getLogger("croupier.control")


def tried(state: RolloutState) -> tuple[VersionKey, ...]:
    """The versions that a check of this rollout may be led to: its canary first, then those of the rollouts that move
    as one with it, as its plan names them. Nothing else is in reach of its token.
    """
    whole = state.plan.together.members if state.plan.together is not None else ()
    others = tuple(VersionKey(each.service, each.version) for each in whole if each.rollout != state.id)
    return (VersionKey(state.service, state.canary), *others)


async def moving_with(store: Store, key: VersionKey) -> tuple[VersionKey, ...]:
    """The versions of other services that move as one with this one now. Raises ``Rejected`` where none do: who asks
    for several versions gets those of one rollout in progress, and no mixture of their own.
    """
    active = (await recorded_delivery(store, key.service)).value.active
    state = (await recorded_rollout(store, active)).value if active is not None else None
    others = tried(state)[1:] if state is not None and state.canary == key.version else ()
    if not others:
        raise Rejected(
            f"{key.service} {key.version} moves with no other service now.",
            hint="Leave 'together' out; or start a rollout of several services first.",
        )
    return others


@dataclass(slots=True)
class _Run:
    """``unrun`` is why it cannot be run, once it was tried often enough. Then it is not tried ``while_asking``: it
    begins anew when the person who is asked resumes the rollout.
    """

    wanted: Wanted
    results: asyncio.Task[tuple[CheckResult, ...]] | None = None
    unrun: str = ""
    while_asking: bool = False


@dataclass(slots=True)
class SmokeRuns:
    """The runs, by rollout. ``answered`` is set when one ends."""

    ports: Ports
    answered: asyncio.Event
    _running: dict[str, _Run] = field(default_factory=dict)

    def heard(self, state: RolloutState, now: float) -> Smoked | None:
        """Results of the run that the rollout wants now, if they are there; starts it, and ends any other."""
        wanted = smoking.wanted(state, now)
        run = self._running.get(state.id)
        if run is not None and run.wanted != wanted:
            self.drop(state.id)
            run = None
        if wanted is None:
            return None
        if run is None:
            run = self._running[state.id] = _Run(wanted)
            run.results = asyncio.create_task(self._results(run, tried(state)), name=f"smoke-{state.id}")
            run.results.add_done_callback(lambda _: self.answered.set())
        run.while_asking = state.phase is Phase.PAUSED
        if run.results is not None and run.results.done():
            return Smoked(wanted, run.results.result())
        return Smoked(wanted, (), run.unrun) if run.unrun else None

    def drop(self, rollout: str) -> None:
        """Nobody wants to know any more."""
        if (run := self._running.pop(rollout, None)) is not None and run.results is not None:
            run.results.cancel()

    def keep(self, rollouts: Collection[str]) -> None:
        """Drop the runs of all other rollouts."""
        for rollout in self._running.keys() - set(rollouts):
            self.drop(rollout)

    async def _results(self, run: _Run, keys: Sequence[VersionKey]) -> tuple[CheckResult, ...]:
        """One check after the other, to the first that fails: that is enough to go back."""
        results: list[CheckResult] = []
        for check in run.wanted.checks:
            results.append(await self._result(run, check, keys))
            if not results[-1].passed:
                break
        return tuple(results)

    async def _result(self, run: _Run, check: SmokeCheck, keys: Sequence[VersionKey]) -> CheckResult:
        """What came of the check; tried again while it cannot be run, which says nothing about the version."""
        told, tries, name = "", 0, f"smoke check {check.name}"
        while True:
            tries += 1
            try:
                result = await self.ports.smoke.run(check, keys[0], keys[1:])
            except CroupierError as trouble:
                why = str(trouble)
                if why != told:
                    log.warning("%s: %s could not be run: %s", run.wanted.rollout, name, why)
            except Exception as mistake:  # one of ours says nothing about the version
                why = f"a mistake in this program ({type(mistake).__name__})"
                log.exception("%s: %s could not be run", run.wanted.rollout, name)
            else:
                run.unrun = ""
                return result
            told = why
            if tries >= _TRIES:
                run.unrun = f"{name} could not be run, {tries} times: {why}"[:_SAID]
                self.answered.set()
            await self.ports.clock.sleep(min(_AGAIN_S * 2.0 ** min(tries - 1, 10), _LONGEST_S))
            while run.unrun and run.while_asking:
                await self.ports.clock.sleep(_LONGEST_S)
