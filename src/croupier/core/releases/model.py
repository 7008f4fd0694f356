"""Services and their releases: what can be rolled out, and how a version of it is run.

Frozen data only. Built by the files and the API, stored by the store, run by the workloads.
"""

from dataclasses import dataclass, field

from croupier.core.releases.affinity import Affinity


@dataclass(frozen=True, slots=True)
class Limits:
    """Resource limits of one process; ``None`` is no limit of ours."""

    memory_bytes: int | None = None
    open_files: int | None = None


@dataclass(frozen=True, slots=True)
class ProcessTemplate:
    """How one instance of a version is started as a local process.

    In ``command`` and in the values of ``env`` the words ``{port}``, ``{version}``, ``{service}`` and ``{instance}``
    (0, 1, …) are filled in. Durations are seconds.
    """

    command: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    directory: str | None = None
    instances: int = 1
    health_path: str = "/healthz"
    metrics_path: str = "/metrics"
    start_timeout_s: float = 30.0
    drain_s: float = 10.0
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Service:
    """A service that players reach under one or more path prefixes.

    ``identity_header`` carries the player's id; requests without it are always served by the stable version.
    With ``identity_cookie`` the cookie of that name does instead of the header, as it is.
    ``attribute_headers`` maps segment attributes to the request headers that carry them (market -> x-market).
    """

    name: str
    prefixes: tuple[str, ...]
    process: ProcessTemplate
    identity_header: str = "x-player-id"
    attribute_headers: tuple[tuple[str, str], ...] = ()
    identity_cookie: str | None = None
    affinity: Affinity | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """One immutable version of a service. ``process`` is complete: the service's template with the release's own
    overrides.

    ``digest`` (``sha256:`` + 64 hex) covers the canonical content; a version is never bound to another digest.
    """

    service: str
    version: str
    process: ProcessTemplate
    digest: str
    notes: str = ""
