"""What tells the times of a freeze calendar's entries. An adapter implements it; deciding gets plain intervals."""

from collections.abc import Sequence
from typing import Protocol

from croupier.core.governance.calendar.interval import Interval
from croupier.core.governance.calendar.model import Entry, Kind


class Almanac(Protocol):
    """Knows time zones and recurrences."""

    @property
    def environments(self) -> frozenset[str]:
        """Those that this control plane serves: entries for others are not meant here."""
        ...

    def __hash__(self) -> int:
        """What it told is kept by what was asked of which almanac."""
        ...

    def times(self, entry: Entry, within: Interval) -> Sequence[Interval]:
        """All times of the entry that meet the interval, whole, in order. Quick, and never raises."""
        ...


class NoAlmanac:
    """Knows nothing, so that whatever is declared is closed."""

    environments: frozenset[str] = frozenset()

    def times(self, entry: Entry, within: Interval) -> Sequence[Interval]:
        """See ``Almanac.times``."""
        return (within,) if entry.kind is Kind.FREEZE else ()
