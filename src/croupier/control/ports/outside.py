"""The outside that acts and answers: time, workloads, traffic, metrics. Adapters implement these."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from croupier.core.gates import EMBEDDED, Measured, Measurement, Reading, Silence, Sli
from croupier.core.gates.analysis.model import Arg, Metric
from croupier.core.releases import ProcessTemplate, Service
from croupier.core.rollout.routes import ServiceRoutes


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
    """What the data plane must know of a service: how requests reach it, its traffic, and which version the preview
    address leads to instead (``None``: to the default one).
    """

    service: Service
    routes: ServiceRoutes
    preview: str | None = None


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

    async def previewed(self) -> Mapping[str, str]:
        """Service -> the version that the preview address leads to, read back likewise; only services that have one
        which players are yet to get. It follows ``apply`` a little later: nobody's way waits for it.
        """
        ...


# --- metrics ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Query:
    """A question to the metric source: an SLI of two versions of a service over (since, until], epoch seconds.

    ``source`` names which of several sources is asked.
    """

    sli: Sli
    by: tuple[str, ...]
    service: str
    canary: str
    baseline: str | None
    since: float
    until: float
    source: str = EMBEDDED


class MetricSource(Protocol):
    """Where counts come from. Never guesses: what it does not know is ``Silence``."""

    async def read(self, query: Query) -> Reading | Silence:
        """Exact counts of both versions over the same span."""
        ...

    async def probe(
        self, sli: Sli, by: tuple[str, ...], service: str, version: str, source: str = EMBEDDED
    ) -> str | None:
        """Why a gate with this SLI and groups ``by`` these labels could never judge this running version (no such
        metric, no bucket edge, no such label, nothing good among plenty of events), with what exists instead; ``None``
        when it can. Raises ``Transient`` while the source does not answer.

        A value that was not seen yet is no reason elsewhere: a healthy version has had no errors. Where the source
        doubts it, it says so in its log.
        """
        ...

    async def watch(self, targets: Mapping[VersionKey, Sequence["ScrapeTarget"]]) -> None:
        """Which instances exist now. Idempotent; a vanished instance keeps its last counts in the windows."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """What a gate of a rollout wants to be measured at ``at`` (epoch seconds), and for whom. ``since`` is when the
    weight that it is about was confirmed: what was asked at another weight is no answer.
    """

    rollout: str
    gate: str
    metrics: tuple[Metric, ...]
    args: tuple[Arg, ...]
    service: str
    canary: str
    stable: str | None
    at: float
    since: float = 0.0


class Measurer(Protocol):
    """Takes measurements. Never guesses: what went wrong is said in the measurement."""

    async def measure(self, question: Question) -> Measured:
        """The measurements that are there at once; of the others, a later call with the same question gets them."""
        ...

    async def probe(self, question: Question) -> str | None:
        """Why one of these metrics could never be measured (a secret that is not there, a query that nobody
        understands), told before anybody is exposed; ``None`` when all can. Changes nothing at whom it asks.

        Raises ``Transient`` while whoever would know does not answer.
        """
        ...


class NoMeasurer:
    """Measures nothing, and says so."""

    async def measure(self, question: Question) -> Measured:
        """See ``Measurer.measure``."""
        why = "this control plane measures nothing"
        return Measured(tuple(Measurement(each.name, question.at, error=why) for each in question.metrics))

    async def probe(self, question: Question) -> str | None:  # noqa: ARG002 -- of nothing
        """See ``Measurer.probe``."""
        return "this control plane measures nothing"


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of a push: how many of its points were refused, and why; ``whole`` if all of it was, ``strange`` if
    that is since it speaks of services that the sender may not speak for.
    """

    refused: int = 0
    why: str = ""
    whole: bool = False
    strange: bool = False


class PushedMetrics(Protocol):
    """Takes metrics that applications send by themselves."""

    async def push(self, body: bytes, *, is_json: bool, services: Collection[str] | None = None) -> Pushed:
        """Count what is in an OTLP ``ExportMetricsServiceRequest``, each point once however often it is sent.

        Of other ``services`` than these nothing is counted; ``None``: every one may be spoken for.

        Raises ``Rejected`` for what cannot be read, which is not to be sent again, and ``Transient`` for what may be.
        """
        ...


@dataclass(frozen=True, slots=True)
class ScrapeTarget:
    """One instance's metrics page."""

    endpoint: Endpoint
    path: str
