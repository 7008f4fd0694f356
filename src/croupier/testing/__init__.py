"""For those who test with Croupier: virtual time, rollouts rehearsed, fakes that keep the ports' contracts, and
interruptions at chosen moments.
"""

from croupier.testing.clock import START, VirtualClock
from croupier.testing.interruptions import Crash, Moments, crash, exposed
from croupier.testing.metrics import ScriptedMetrics
from croupier.testing.players import version_for
from croupier.testing.rehearsal import Rehearsal
from croupier.testing.router import MemoryRouter
from croupier.testing.spool import MemoryKillSpool, MemorySpool
from croupier.testing.workloads import MemoryWorkloads

__all__ = [
    "START",
    "Crash",
    "MemoryKillSpool",
    "MemoryRouter",
    "MemorySpool",
    "MemoryWorkloads",
    "Moments",
    "Rehearsal",
    "ScriptedMetrics",
    "VirtualClock",
    "crash",
    "exposed",
    "version_for",
]
