"""Open rounds, brought together each turn with what is served: which versions have to be led to besides the weights.

Read from the store once a turn, never for a request, and not at all where no service has an affinity. What was read
last goes on counting while the store is out of reach: no abort waits for it. Called by the reconciler.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from croupier.control.fleet import Fleet, Pinned
from croupier.control.observe import Seen
from croupier.control.ports import PinLedger, Ports, VersionKey
from croupier.control.ports.pins import Moved, VersionPins
from croupier.control.waiting import Patient
from croupier.core.releases import Affinity
from croupier.core.rollout.events import RoundsMoved
from croupier.core.rollout.pins import MOST_IDS, NO_PINS, Known, Open, PinnedId, Pins, steps_over
from croupier.core.rollout.routes import ServiceRoutes
from croupier.core.rollout.state import RolloutState, ends_rounds

GRACE_S: Final = 2.0
"""A version that was left keeps ids that name it for so long at least: its last rounds may not be reported yet."""
HEARD_S: Final = 10.0
"""A process that said nothing for so long keeps nobody waiting."""
_DROP_EVERY_S: Final = 5.0
"""Ids of rounds that ended stay in the data plane for so long: they harm nobody there, and each push has a price."""
_FORGET_EVERY_S: Final = 30.0
_LISTED_S: Final = 30 * 86_400.0
"""Moved rounds can be looked up for so long."""
_LATE_S: Final = 60.0
"""So long after a version that was given up came again, a round of before may be told of."""

log = logging.getLogger("croupier.control")


@dataclass(frozen=True, slots=True)
class _GivenUp:
    """What was begun on a version until ``at`` (epoch seconds) was taken away by this rollout."""

    rollout: str
    why: str
    at: float


@dataclass(slots=True)
class Pinning:
    """What is known of open rounds. ``said`` waits for the store."""

    ports: Ports
    said: Patient
    open: Mapping[VersionKey, VersionPins] = field(default_factory=dict)
    heard: bool = False
    """Whether the store answered in this turn: who would wait for one that does not keeps other aborts waiting."""
    _unnamed: dict[str, tuple[PinnedId, ...]] = field(default_factory=dict)
    _dropped_at: dict[str, float] = field(default_factory=dict)
    _served: dict[str, Pinned] = field(default_factory=dict)
    _left: dict[VersionKey, float] = field(default_factory=dict)
    """Since when (epoch seconds) a version that ids lead to has no traffic of its own."""
    _given_up: dict[VersionKey, _GivenUp] = field(default_factory=dict)
    _looked_at: float | None = None
    _jumped: float = 0.0
    _forgot_at: float = 0.0

    async def read(self, fleet: Fleet) -> None:
        """Ask the store, note which versions were left, and move what has waited for long enough. Raises ``Transient``
        where the store is out of reach.
        """
        ledger, bound = self.ports.pins, _bound(fleet)
        now = self.ports.clock.now()
        self._jumped = steps_over(now, self._looked_at, self._jumped)
        self._looked_at = now
        self.heard = False
        if ledger is None or not bound:
            self.open, self._unnamed = {}, {}
            return
        now -= self._jumped
        rows = await self.said(ledger.open_pins(now, HEARD_S))
        self.open = {VersionKey(row.service, row.version): row for row in rows if row.service in bound}
        for name in bound:
            await self._read_unnamed(ledger, name, bound[name], now)
        for key, row in self.open.items():
            await self._tidy(ledger, fleet, key, row, bound[key.service], now)
        if not 0.0 <= now - self._forgot_at < _FORGET_EVERY_S:
            self._forgot_at = now
            await self.said(ledger.forget_pins(now, now - _LISTED_S))
        self.heard = True

    def onto(self, fleet: Fleet, seen: Seen) -> Fleet:
        """The fleet with what outranks its weights, as of this look."""
        now = self.ports.clock.now()
        bound = _bound(fleet)
        self._note_given_up(fleet, bound, now)
        self._served = {name: self._pinned(fleet, name, bound[name], seen, now) for name in bound}
        led = {VersionKey(name, version) for name, pinned in self._served.items() for version in pinned.served.versions}
        self._left = {key: since for key, since in self._left.items() if key in led}
        return replace(fleet, pinned=dict(self._served))

    async def moved(self, state: RolloutState) -> RoundsMoved | None:
        """The rounds that an abort takes away in the middle; ``None`` where there are none, or it waits for them.
        Raises ``Transient``.
        """
        ledger = self.ports.pins
        if not self.heard or ledger is None or state.abort is None or not ends_rounds(state):
            return None
        found = await self._move(
            ledger, VersionKey(state.service, state.canary), state.id, state.abort.reason, due=False
        )
        if not found.count:
            return None
        now = self.ports.clock.now()
        return RoundsMoved(state.canary, found.count, found.ids, state.abort.reason, now)

    async def _tidy(
        self, ledger: PinLedger, fleet: Fleet, key: VersionKey, row: VersionPins, affinity: Affinity, now: float
    ) -> None:
        pinned = self._served.get(key.service)
        if key.version in fleet.unpinned_routes(key.service).assigned:
            if row.count and (before := self._given_up.get(key)) is not None:
                await self._move(ledger, key, before.rollout, before.why, due=False, begun_by=before.at)
            if row.unbound < row.count or row.due:
                await self.said(ledger.leave_pins(key.service, key.version, None))
            return
        given_up = fleet.given_up(key.service).get(key.version)
        rollout = given_up.id if given_up is not None else fleet.latest_id(key.service)
        failure = pinned.failures.get(key.version) if pinned is not None else None
        if given_up is not None or failure is not None:
            if row.count:
                await self._move(ledger, key, rollout, failure or _why(given_up), due=False)
        elif row.unbound:
            await self.said(ledger.leave_pins(key.service, key.version, now + affinity.drain_s))
        if row.due:
            why = f"still open {affinity.drain_s:g} s after {key.version} was left"
            found = await self._move(ledger, key, rollout, why, due=True)
            log.warning("%s: rounds of %s move (%d so far): %s", key.service, key.version, found.count, why)

    async def _move(
        self,
        ledger: PinLedger,
        key: VersionKey,
        rollout: str,
        why: str,
        *,
        due: bool,
        begun_by: float | None = None,
    ) -> Moved:
        now = self.ports.clock.now() - self._jumped
        return await self.said(
            ledger.move_pins(key.service, key.version, rollout, why, now, due=due, begun_by=begun_by)
        )

    def _note_given_up(self, fleet: Fleet, bound: Iterable[str], now: float) -> None:
        """A version that was given up may be begun again a moment later, by a rollout that knows nothing of the one
        before, and a round that this one took away may be told of only then.
        """
        for name in bound:
            for version, state in fleet.given_up(name).items():
                self._given_up[VersionKey(name, version)] = _GivenUp(state.id, _why(state), now)
        self._given_up = {key: found for key, found in self._given_up.items() if 0.0 <= now - found.at <= _LATE_S}

    async def _read_unnamed(self, ledger: PinLedger, service: str, affinity: Affinity, now: float) -> None:
        """Ids that do not name their version. New ones count at once, those that ended are dropped in batches."""
        rows = [row for key, row in self.open.items() if key.service == service and row.unnamed]
        found: Iterable[PinnedId] = ()
        if rows:
            found = await self.said(ledger.unnamed_pins(service, now, MOST_IDS))
        learnable = {kind.name for kind in affinity.kinds if kind.learnable}
        fresh = tuple(sorted(each for each in found if each.kind in learnable))
        before = self._unnamed.get(service, ())
        waits = 0.0 <= now - self._dropped_at.get(service, 0.0) < _DROP_EVERY_S
        if waits and rows and set(fresh) < set(before):
            return
        if not set(before) <= set(fresh):
            self._dropped_at[service] = now
        self._unnamed[service] = fresh

    def _pinned(self, fleet: Fleet, name: str, affinity: Affinity, seen: Seen, now: float) -> Pinned:
        served, assigned = (seen.served or {}).get(name), fleet.unpinned_routes(name).assigned
        before = self._served.get(name)
        led = _led(served) if served is not None else before.served if before is not None else NO_PINS
        rows = {key.version: row for key, row in self.open.items() if key.service == name}
        held = led.targets.union(rows)
        failures = {version: why for version in held if (why := seen.failure(VersionKey(name, version)))}
        return Pinned(
            known=Known(
                {version: Open(row.count, row.until) for version, row in rows.items()}, self._unnamed.get(name, ())
            ),
            served=led,
            gone=frozenset(
                version
                for version in led.versions
                if self._is_gone(
                    VersionKey(name, version), rows.get(version), affinity, now, left=version not in assigned
                )
            ),
            barred=frozenset(failures) - set(assigned),
            failures=failures,
        )

    def _is_gone(self, key: VersionKey, row: VersionPins | None, affinity: Affinity, now: float, *, left: bool) -> bool:
        """Whether all rounds of a version without traffic are known, as far as they ever will be."""
        if not left:
            self._left.pop(key, None)
            return False
        since = self._left.setdefault(key, now)
        if now < since:  # the clock was set back
            since = self._left[key] = now
        told = row is None or row.told_at is None or row.told_at > since
        return now - since >= (GRACE_S if told else max(GRACE_S, affinity.drain_s))


def _why(state: RolloutState | None) -> str:
    return state.abort.reason if state is not None and state.abort is not None else ""


def _led(served: ServiceRoutes) -> Pins:
    """Where ids led at the last look: without pins by the weights, to versions with rounds that nobody may know of."""
    return served.pins if served.pins != NO_PINS else Pins(served.assigned)


def _bound(fleet: Fleet) -> dict[str, Affinity]:
    """Services whose rounds end where they began."""
    return {name: service.affinity for name, service in fleet.services.items() if service.affinity is not None}
