"""What the control plane remembers, and how it is asked: store, leases, journal, spool, tokens, changes.

A ``Commit`` is the only way to change the record.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from croupier.core.experiments import Experiment
from croupier.core.flags.preset import PresetState
from croupier.core.flags.state import FlagState
from croupier.core.gates import Gate
from croupier.core.governance.calendar.model import Calendar
from croupier.core.journal.entry import Entry, Recorded
from croupier.core.journal.merkle import TreeHead
from croupier.core.journal.verify import Verification
from croupier.core.releases import Release, Service
from croupier.core.rollout.events import AbortStarted, Event, SegmentHeld
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.spec import RolloutSpec
from croupier.core.rollout.state import RolloutState
from croupier.core.segments import Segment
from croupier.core.smoke import SmokeCheck

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stored(Generic[T]):
    """A value with the version that a writer must name to change it."""

    value: T
    version: int


@dataclass(frozen=True, slots=True)
class ServiceState:
    """What serves a service: the last fully promoted version, and the rollout in progress if any."""

    service: str
    stable: str | None = None
    active: str | None = None
    rollouts: int = 0
    """How many rollouts the service has had; the next one's number is one more."""

    @property
    def latest(self) -> str:
        """Id of its newest rollout, active or over."""
        return f"{self.service}-{self.rollouts}"

    @property
    def next(self) -> str:
        """Id of the rollout that comes next."""
        return f"{self.service}-{self.rollouts + 1}"


Spec: TypeAlias = Service | Gate | Segment | RolloutSpec | Experiment | Calendar | SmokeCheck


@dataclass(frozen=True, slots=True)
class Document:
    """A declared object. ``kind`` is Service, Gate, Segment, Rollout, Experiment or Calendar; ``digest`` covers
    ``source``, the canonical JSON.
    """

    kind: str
    name: str
    digest: str
    spec: Spec
    source: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to act, until ``expires_at``. ``token`` grows with every new holder (fencing)."""

    name: str
    holder: str
    token: int
    expires_at: float


@dataclass(frozen=True, slots=True)
class Answer:
    """An answered request, kept so that the same idempotency key gets the same answer. ``fingerprint`` is the request's
    digest.
    """

    key: str
    fingerprint: str
    status: int
    body: str
    at: float


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token as it is kept: ``sha256`` is the hex digest of the secret, never the secret. Epoch seconds."""

    id: str
    name: str
    role: str
    sha256: str
    created_at: float
    revoked_at: float | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """One atomic change. All of it is recorded or none of it.

    Each value is written only if its stored version is the one named (0: must not exist yet), else ``Conflict``. With
    ``lease`` the commit is refused (``Fenced``) unless that lease with that token is still held at ``now``. Releases
    are only ever added: a version that exists with another digest is a ``Conflict``. A token is added, or is marked
    revoked where it has a ``revoked_at``; one that exists, or is revoked already, is a ``Conflict``. ``removed`` are
    documents that are taken out. There is at least one entry: no change without a record.

    Flags are written under the ruleset's next version, ``ruleset`` + 1, which every state in ``flags`` carries; where
    ``ruleset`` is not the present version the commit is a ``Conflict``. A Segment among the documents makes a next
    version too, since clients evaluate with it.
    """

    entries: tuple[Entry, ...]
    now: float
    rollouts: tuple[Stored[RolloutState], ...] = ()
    services: tuple[Stored[ServiceState], ...] = ()
    documents: tuple[Stored[Document], ...] = ()
    removed: tuple[Stored[Document], ...] = ()
    releases: tuple[Release, ...] = ()
    tokens: tuple[Token, ...] = ()
    flags: tuple[FlagState, ...] = ()
    presets: tuple[Stored[PresetState], ...] = ()
    ruleset: int | None = None
    answer: Answer | None = None
    lease: Lease | None = None


@dataclass(frozen=True, slots=True)
class FlagRecord:
    """What is recorded of flags, as of one moment. ``lineage`` names the record that versions count in, ``version`` is
    the ruleset's now. ``states`` are oldest first by version, archived ones too; ``segments`` come with the version at
    which each last changed.
    """

    lineage: str
    version: int
    states: Sequence[FlagState] = ()
    segments: Sequence[tuple[Segment, int]] = ()


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Part of a listing; ``next`` is the cursor of the following page, ``None`` at the end."""

    items: tuple[T, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One look of one gate at one version, for charts: telemetry, not record. ``at`` is epoch seconds."""

    rollout: str
    gate: str
    version: str
    canary: bool
    at: float
    good: int
    total: int


class Tokens(Protocol):
    """Who may talk to the server; a commit changes it."""

    async def tokens(self) -> Sequence[Token]:
        """All of them, oldest first, revoked ones too."""
        ...


class Leases(Protocol):
    """One holder at a time, also on SQLite."""

    async def acquire(self, name: str, holder: str, ttl_s: float, now: float) -> Lease | None:
        """Take or renew the lease; ``None`` while another holder's has not expired. A new holder gets a higher token;
        renewing keeps it. A clock that jumped back never shortens somebody else's lease.
        """
        ...

    async def release(self, lease: Lease) -> None:
        """Give it back early, if it is still this one."""
        ...


class Journal(Protocol):
    """Reading the record; writing happens only by ``Store.commit``."""

    async def entries(self, after: int = -1, limit: int = 100, subject: str | None = None) -> Sequence[Recorded]:
        """Entries with ``seq > after``, oldest first, optionally of one subject."""
        ...

    async def latest(self, limit: int = 100, subject: str | None = None) -> Sequence[Recorded]:
        """The newest entries, newest first."""
        ...

    async def head(self) -> TreeHead:
        """Size and root now, from stored nodes (logarithmic work)."""
        ...

    async def inclusion_proof(self, seq: int, size: int) -> Sequence[bytes]: ...

    async def consistency_proof(self, first: int, second: int) -> Sequence[bytes]: ...

    async def verify(self) -> Verification:
        """Read the whole record and check it against itself and against the stored states, as of one moment."""
        ...


class Store(Protocol):
    """The control plane's memory. Each call is one transaction."""

    async def commit(self, change: Commit) -> Sequence[int]:
        """Record the change; the new entries' sequence numbers. Raises ``Conflict``, ``Fenced`` or ``Transient``."""
        ...

    async def rollout(self, rollout_id: str) -> Stored[RolloutState] | None: ...

    async def rollouts(
        self,
        *,
        service: str | None = None,
        phases: Sequence[Phase] | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Stored[RolloutState]]:
        """Newest first."""
        ...

    async def active(self) -> Sequence[Stored[RolloutState]]:
        """Rollouts in an active phase; by index, whatever the number of ended ones."""
        ...

    async def services(self) -> Sequence[Stored[ServiceState]]: ...

    async def documents(self, kind: str | None = None) -> Sequence[Stored[Document]]: ...

    async def release(self, service: str, version: str) -> Release | None: ...

    async def releases(
        self, *, service: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[Release]:
        """Newest first by the time of adding."""
        ...

    async def history(self, rollout_id: str) -> Sequence[Event]:
        """The rollout's events as the journal has them, oldest first: what ``replay`` rebuilds the state from."""
        ...

    async def flags(self, after: int = -1) -> FlagRecord:
        """The flags and segments that changed after the ruleset's version ``after`` (-1: all)."""
        ...

    async def presets(self) -> Sequence[Stored[PresetState]]:
        """Every preset, by name."""
        ...

    async def answer(self, key: str) -> Answer | None: ...

    async def add_samples(self, samples: Sequence[Sample]) -> None:
        """Keep telemetry for charts; the store forgets old samples by itself."""
        ...

    async def samples(self, rollout_id: str, *, since: float = 0.0) -> Sequence[Sample]: ...


@dataclass(frozen=True, slots=True)
class Intent:
    """An abort, or a segment that a person holds, that was acted on before it could be recorded, since the store was
    out of reach.
    """

    rollout: str
    event: AbortStarted | SegmentHeld
    actor: str

    @property
    def key(self) -> str:
        """There is one abort of a rollout, and one hold of each of its segments."""
        return self.rollout if isinstance(self.event, AbortStarted) else f"{self.rollout}/{self.event.segment.name}"


class Spool(Protocol):
    """Where aborts and holds wait for the store. On disk, so that they outlive the process; needs no database."""

    def add(self, intent: Intent) -> None:
        """Keep it; durable when this returns. One per key: a second one is dropped."""
        ...

    def pending(self) -> Sequence[Intent]:
        """What still has to be recorded."""
        ...

    def remove(self, key: str) -> None:
        """It is recorded, or it no longer means anything."""
        ...


@dataclass(frozen=True, slots=True)
class KillIntent:
    """A kill that was acted on before it could be recorded. ``at`` is epoch seconds and, with the actor, tells this
    kill from any other of the flag.
    """

    flag: str
    actor: str
    reason: str
    at: float


class KillSpool(Protocol):
    """Where kills of flags wait for the store, as aborts do in ``Spool``."""

    def add(self, intent: KillIntent) -> None:
        """Keep it; durable when this returns. Several of a flag wait beside each other; the same
        one twice is one.
        """
        ...

    def pending(self) -> Sequence[KillIntent]:
        """What still has to be recorded, oldest first."""
        ...

    def remove(self, intent: KillIntent) -> None:
        """This one is recorded, or no longer means anything."""
        ...


class Changes(Protocol):
    """Tells readers that the journal grew."""

    def subscribe(self) -> AsyncIterator[int]:
        """Yields the newest sequence number whenever it rises; slow readers skip, never block others."""
        ...
