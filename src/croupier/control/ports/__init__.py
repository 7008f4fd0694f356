"""What the control plane asks of the outside. Adapters implement these; ``Ports`` hands them to the use cases.

Two to four methods each, but for the store. A method that fails for reasons outside raises ``Transient``; control
decides what that means.
"""

from dataclasses import dataclass, field

from croupier.control.ports.calendar import Almanac, NoAlmanac
from croupier.control.ports.comparing import Comparer, Comparison, NoComparer
from croupier.control.ports.memory import (
    Answer,
    Changes,
    Commit,
    Document,
    FlagRecord,
    Intent,
    Journal,
    KillIntent,
    KillSpool,
    Lease,
    Leases,
    Page,
    Sample,
    ServiceState,
    Spec,
    Spool,
    Store,
    Stored,
    Token,
    Tokens,
)
from croupier.control.ports.outside import (
    Backend,
    Clock,
    Endpoint,
    Health,
    Measurer,
    MetricSource,
    NoMeasurer,
    Pushed,
    PushedMetrics,
    Query,
    Question,
    RoutedService,
    ScrapeTarget,
    TrafficRouter,
    TrafficTable,
    VersionKey,
    Workloads,
    WorkloadStatus,
)
from croupier.control.ports.pins import PinLedger
from croupier.control.ports.smoking import NoSmoke, SmokeRunner, VersionTokens
from croupier.control.ports.telling import Bookmark, Bookmarks, Notifier, Trouble, Wants
from croupier.core.journal.entry import Recorded
from croupier.core.journal.merkle import TreeHead
from croupier.core.journal.verify import Verification

__all__ = [
    "Almanac",
    "Answer",
    "Backend",
    "Bookmark",
    "Bookmarks",
    "Changes",
    "Clock",
    "Commit",
    "Comparer",
    "Comparison",
    "Document",
    "Endpoint",
    "FlagRecord",
    "Health",
    "Intent",
    "Journal",
    "KillIntent",
    "KillSpool",
    "Lease",
    "Leases",
    "Measurer",
    "MetricSource",
    "NoAlmanac",
    "NoComparer",
    "NoMeasurer",
    "NoSmoke",
    "Notifier",
    "Page",
    "PinLedger",
    "Ports",
    "Pushed",
    "PushedMetrics",
    "Query",
    "Question",
    "Recorded",
    "RoutedService",
    "Sample",
    "ScrapeTarget",
    "ServiceState",
    "SmokeRunner",
    "Spec",
    "Spool",
    "Store",
    "Stored",
    "Token",
    "Tokens",
    "TrafficRouter",
    "TrafficTable",
    "TreeHead",
    "Trouble",
    "Verification",
    "VersionKey",
    "VersionTokens",
    "Wants",
    "WorkloadStatus",
    "Workloads",
]


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
    measurer: Measurer = field(default_factory=NoMeasurer)
    pins: PinLedger | None = None
    almanac: Almanac = field(default_factory=NoAlmanac)
    smoke: SmokeRunner = field(default_factory=NoSmoke)
    overrides: VersionTokens | None = None
    comparer: Comparer = field(default_factory=NoComparer)
