"""What the control plane asks of the outside: traffic, metrics, workloads, memory, time. Adapters implement these.

Two to four methods each. A method that fails for reasons outside raises ``Transient``; control decides what that means.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from croupier.core.gates import Gate, Reading, Silence, Sli
from croupier.core.journal.entry import Entry
from croupier.core.journal.entry import Recorded as Recorded  # noqa: PLC0414 -- re-exported, part of the Journal port
from croupier.core.journal.merkle import TreeHead as TreeHead  # noqa: PLC0414 -- as above
from croupier.core.journal.verify import Verification as Verification  # noqa: PLC0414 -- as above
from croupier.core.releases import ProcessTemplate, Release, Service
from croupier.core.rollout.events import AbortStarted, Event
from croupier.core.rollout.routes import ServiceRoutes
from croupier.core.rollout.spec import RolloutSpec
from croupier.core.rollout.state import Phase, RolloutState
from croupier.core.segments import Segment

T = TypeVar("T")


class Clock(Protocol):
    """Time, so that tests may own it."""

    def now(self) -> float:
        """Epoch seconds, UTC."""
        ...

    async def sleep(self, seconds: float) -> None: ...


# --- workloads ------------------------------------------------------------------------------------------


class Health(StrEnum):
    STARTING = "starting"
    READY = "ready"
    UNREADY = "unready"
    """Ran before, does not answer its health check now; may come back."""
    FAILED = "failed"
    """Given up: it cannot be started or keeps crashing."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one instance listens."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, order=True)
class VersionKey:
    """One version of one service."""

    service: str
    version: str


@dataclass(frozen=True, slots=True)
class WorkloadStatus:
    """All instances of a version together. ``endpoints`` are the ready ones; ``reason`` says why it is not ready."""

    health: Health
    endpoints: tuple[Endpoint, ...] = ()
    reason: str = ""


class Workloads(Protocol):
    """Runs versions. What is not wanted any more is drained and stopped in the background."""

    async def apply(self, wanted: Mapping[VersionKey, ProcessTemplate]) -> None:
        """Make exactly these run: start what is missing, drain and stop the rest. Idempotent; does not wait for
        readiness.
        """
        ...

    async def observe(self) -> Mapping[VersionKey, WorkloadStatus]:
        """How every version that runs or should run is."""
        ...


# --- traffic ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Backend:
    """The instances of one version that the data plane may send to."""

    key: VersionKey
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True)
class RoutedService:
    """What the data plane must know of a service: how requests reach it, and its traffic."""

    service: Service
    routes: ServiceRoutes


@dataclass(frozen=True, slots=True)
class TrafficTable:
    """Everything that the data plane serves. Every version that routes name must have a backend, possibly without
    endpoints.
    """

    services: tuple[RoutedService, ...]
    backends: tuple[Backend, ...]


class TrafficRouter(Protocol):
    """Moves players. Keeps serving while the control plane is dead."""

    async def apply(self, table: TrafficTable) -> None:
        """Hand the table to the data plane, in an order that loses no request, and return when it confirms to serve it.

        Idempotent and cheap when nothing changed. Raises ``Transient`` when the data plane does not confirm,
        ``Rejected`` when it refuses the table; in both cases what was served before is served on.
        """
        ...

    async def served(self) -> Mapping[str, ServiceRoutes]:
        """Service -> the routes that the data plane serves now, read back from it and never from memory."""
        ...


# --- metrics ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Query:
    """A question to the metric source: an SLI of two versions of a service over (since, until], epoch seconds."""

    sli: Sli
    by: tuple[str, ...]
    service: str
    canary: str
    baseline: str | None
    since: float
    until: float


class MetricSource(Protocol):
    """Where counts come from. Never guesses: what it does not know is ``Silence``."""

    async def read(self, query: Query) -> Reading | Silence:
        """Exact counts of both versions over the same span."""
        ...

    async def probe(self, sli: Sli, service: str, version: str) -> str | None:
        """Why a gate with this SLI could never see anything of this running version (no such metric, no bucket edge, no
        such label), with what exists instead; ``None`` when it can.
        """
        ...

    async def watch(self, targets: Mapping[VersionKey, Sequence["ScrapeTarget"]]) -> None:
        """Which instances exist now. Idempotent; a vanished instance keeps its last counts in the windows."""
        ...


@dataclass(frozen=True, slots=True)
class ScrapeTarget:
    """One instance's metrics page."""

    endpoint: Endpoint
    path: str


# --- memory ------------------------------------------------------------------------------------------


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


Spec: TypeAlias = Service | Gate | Segment | RolloutSpec


@dataclass(frozen=True, slots=True)
class Document:
    """A declared object. ``kind`` is Service, Gate, Segment or Rollout; ``digest`` covers ``source``, the canonical
    JSON.
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
class Commit:
    """One atomic change. All of it is recorded or none of it.

    Each value is written only if its stored version is the one named (0: must not exist yet), else ``Conflict``. With
    ``lease`` the commit is refused (``Fenced``) unless that lease with that token is still held at ``now``. Releases
    are only ever added: a version that exists with another digest is a ``Conflict``. There is at least one entry: no
    change without a record.
    """

    entries: tuple[Entry, ...]
    now: float
    rollouts: tuple[Stored[RolloutState], ...] = ()
    services: tuple[Stored[ServiceState], ...] = ()
    documents: tuple[Stored[Document], ...] = ()
    releases: tuple[Release, ...] = ()
    answer: Answer | None = None
    lease: Lease | None = None


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


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token as it is kept: ``sha256`` is the hex digest of the secret, never the secret. Epoch seconds."""

    id: str
    name: str
    role: str
    sha256: str
    created_at: float
    revoked_at: float | None = None


class Tokens(Protocol):
    """Who may talk to the server. The caller journals what it does here."""

    async def add_token(self, token: Token) -> None:
        """Keep a new token; ``Conflict`` where the id or the digest exists already."""
        ...

    async def revoke_token(self, token_id: str, at: float) -> Token | None:
        """Mark it revoked (the first time counts) and give it back; ``None`` where there is none."""
        ...

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

    async def answer(self, key: str) -> Answer | None: ...

    async def add_samples(self, samples: Sequence[Sample]) -> None:
        """Keep telemetry for charts; the store forgets old samples by itself."""
        ...

    async def samples(self, rollout_id: str, *, since: float = 0.0) -> Sequence[Sample]: ...


@dataclass(frozen=True, slots=True)
class Intent:
    """An abort that was acted on before it could be recorded, since the store was out of reach."""

    rollout: str
    event: AbortStarted
    actor: str


class Spool(Protocol):
    """Where aborts wait for the store. On disk, so that they outlive the process; needs no database."""

    def add(self, intent: Intent) -> None:
        """Keep it; durable when this returns. One per rollout: a second one is dropped."""
        ...

    def pending(self) -> Sequence[Intent]:
        """What still has to be recorded."""
        ...

    def remove(self, rollout: str) -> None:
        """It is recorded, or it no longer means anything."""
        ...


class Changes(Protocol):
    """Tells readers that the journal grew."""

    def subscribe(self) -> AsyncIterator[int]:
        """Yields the newest sequence number whenever it rises; slow readers skip, never block others."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything outside, as one value handed to the use cases."""

    store: Store
    leases: Leases
    journal: Journal
    spool: Spool
    router: TrafficRouter
    workloads: Workloads
    metrics: MetricSource
    clock: Clock
