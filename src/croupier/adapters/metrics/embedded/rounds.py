"""When everything was scraped, and who did not answer: from which scrape to which an answer can truly speak. Pure.

All pages are scraped in rounds, and growth is dated by its round. A round in which a live instance of a version did not
answer is no boundary for that version: what it counted until then shows up later. So two versions are always compared
over the same span, and adjacent spans neither overlap nor leave a gap. What a round was is never changed afterwards.
"""

from bisect import bisect_right
from collections.abc import Collection
from dataclasses import dataclass

from croupier.adapters.metrics.embedded.target import Edge
from croupier.control.ports import VersionKey

Subject = VersionKey | Edge


@dataclass(frozen=True, slots=True)
class Round:
    """One scrape of everything, begun at ``at``. A subject in neither set had no live instance."""

    at: float
    answered: frozenset[Subject]
    silent: frozenset[Subject]
    """Subjects with at least one live instance that did not answer."""


class Rounds:
    """The rounds of the retention window, oldest first."""

    def __init__(self) -> None:
        self._rounds: list[Round] = []

    @property
    def last(self) -> Round | None:
        return self._rounds[-1] if self._rounds else None

    def add(self, one: Round) -> None:
        self._rounds.append(one)

    def forget(self, before: float) -> None:
        """Drop what is older, but keep one: it is the base of the rest."""
        index = bisect_right(self._rounds, before, key=lambda one: one.at)
        del self._rounds[: max(0, index - 1)]

    def bounds(
        self, subjects: Collection[Subject], since: float, until: float, known_from: float
    ) -> tuple[Round, Round] | None:
        """The last rounds not after ``since`` and ``until`` that bound all subjects, from ``known_from`` on.

        When nothing is known at ``since`` yet, the first such round after it; ``None`` when there is none at all.
        """
        good = [one for one in self._rounds if one.at >= known_from and not one.silent.intersection(subjects)]
        end = bisect_right(good, until, key=lambda one: one.at) - 1
        if end < 0:
            return None
        start = max(0, bisect_right(good, since, key=lambda one: one.at) - 1)
        return good[min(start, end)], good[end]
