"""Times of a freeze calendar's entries: local times, time zones and recurrence rules made into plain intervals."""

from croupier.adapters.calendar.almanac import Recurrences

__all__ = ["Recurrences"]
