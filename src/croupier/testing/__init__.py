"""For those who test with Croupier: virtual time, rollouts rehearsed, a simulator, and fakes that keep the ports'
contracts.
"""

from croupier.testing.clock import START, VirtualClock
from croupier.testing.players import version_for
from croupier.testing.rehearsal import Rehearsal

__all__ = ["START", "Rehearsal", "VirtualClock", "version_for"]
