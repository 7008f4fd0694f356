"""A rollout rehearsed: a plan played through the pure core, with the outside said by the test. No I/O, no waiting.

Shows what Croupier would decide for a plan when a gate says this and the data plane says that. Used by the core's own
tests; useful to anybody who writes plans or gates.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from croupier.core.gates.edition import EDITION
from croupier.core.gates.judge import Said
from croupier.core.governance.calendar.closure import Shut
from croupier.core.rollout import events as e
from croupier.core.rollout.decide import Evidence, decide, looks
from croupier.core.rollout.machine import create, evolve
from croupier.core.rollout.routes import ServiceRoutes
from croupier.core.rollout.smoking import Smoked
from croupier.core.rollout.spec import Plan
from croupier.core.rollout.state import RolloutState, routes
from croupier.testing.clock import START


class Rehearsal:
    """One rollout of ``canary`` over ``stable`` (``None``: the first deployment), from its creation on.

    ``now`` is the time, ``ready`` and ``failure`` what the workloads say of the canary, ``served`` what the data plane
    serves, ``killed`` which flags are off and ``refused`` why one cannot be, ``recording`` whether the store
    answers, ``awaited`` which gates' sources do not, ``shut`` what the freeze calendar closes, ``smoked`` what came of
    smoke checks: change them between ticks as the story asks. ``events`` is the
    whole history, ``state`` where it led.
    """

    def __init__(
        self, plan: Plan, *, stable: str | None = "1.0.0", canary: str = "1.1.0", ready: bool = True, now: float = START
    ) -> None:
        plan = plan if plan.edition is not None else replace(plan, edition=EDITION)
        created = e.Created("shop-1", "shop", stable, canary, "sha256:" + "0" * 64, plan, now)
        self.state: RolloutState = create(created)
        self.events: list[e.Event] = [created]
        self.now = now
        self.ready = ready
        self.failure: str | None = None
        self.killed: frozenset[str] = frozenset()
        self.refused: str | None = None
        self.recording = True
        self.awaited: frozenset[str] = frozenset()
        self.shut: tuple[Shut, ...] = ()
        self.smoked: Smoked | None = None
        self.served: ServiceRoutes | None = routes(self.state)

    def tick(self, said: Mapping[str, Said] | None = None, *, after: float = 0.0) -> tuple[e.Event, ...]:
        """``after`` seconds later decide once, on the given words of the metric source; what was decided."""
        self.now += after
        evidence = Evidence(
            self.ready,
            self.failure,
            self.served,
            said or {},
            self.killed,
            self.refused,
            self.recording,
            self.awaited,
            shut=self.shut,
            smoked=self.smoked,
        )
        return self._record(decide(self.state, evidence, self.now))

    def serve(self) -> None:
        """The data plane takes over what is wanted."""
        self.served = routes(self.state)

    def settle(self) -> tuple[e.Event, ...]:
        """Serve and tick, without time passing, until nothing more follows; everything that was decided."""
        out: list[e.Event] = []
        while True:
            self.serve()
            decided = self.tick()
            if not decided:
                return tuple(out)
            out.extend(decided)

    def command(self, command: Callable[..., tuple[e.Event, ...]], **arguments: Any) -> tuple[e.Event, ...]:
        """A person asks (``commands.promote``, ``commands.abort``, …); what was decided. Raises ``Rejected``."""
        return self._record(command(self.state, self.now, **arguments))

    def due(self) -> tuple[str, ...]:
        """Names of the gates that want to look now."""
        return tuple(look.gate.name for look in looks(self.state, self.now))

    def _record(self, decided: tuple[e.Event, ...]) -> tuple[e.Event, ...]:
        for event in decided:
            self.state = evolve(self.state, event)
        self.events.extend(decided)
        return decided
