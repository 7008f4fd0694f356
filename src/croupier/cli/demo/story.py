"""The demo's story: three releases of payments, what should happen to each, and what was seen to happen."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Chapter:
    """A release, what it is like, and the phase in which its rollout should end."""

    version: str
    title: str
    ends: str


CHAPTERS = (
    Chapter("1.1.0", "is healthy", "succeeded"),
    Chapter("1.2.0", "breaks deposits by one PSP in one market", "aborted"),
    Chapter("1.3.0", "is slow", "aborted"),
)


class Deposits(Protocol):
    """The part of the players' figures that the story needs."""

    first_failed_deposit: dict[str, float]
    deposits: dict[tuple[str, str, str, str], int]
    versions: Any


@dataclass(slots=True)
class Told:
    """A chapter as it went. Times are epoch seconds; ``exposed_at`` is when the canary got its first players."""

    chapter: Chapter
    rollout: dict[str, Any]
    seconds: float
    lost: int
    exposed_at: float | None = None
    highest_weight: float = 0.0
    events: list[dict[str, Any]] = field(default_factory=list)
    figures: Deposits | None = None
    """The players' figures when the chapter was over."""

    @property
    def as_expected(self) -> bool:
        return bool(self.rollout["phase"] == self.chapter.ends)

    def players(self, figures: Deposits) -> int:
        """Players who met this version of payments."""
        return sum(
            item.players
            for item in figures.versions
            if item.service == "payments" and item.version == self.chapter.version
        )

    def failed_deposits(self, figures: Deposits) -> int:
        """Deposits that this version failed."""
        return sum(
            count
            for (version, _, _, outcome), count in figures.deposits.items()
            if version == self.chapter.version and outcome == "failed"
        )

    def detected_after(self, figures: Deposits) -> float | None:
        """Seconds from the first harm to the decision to roll back: from the first failed deposit, or, where none
        failed, from the first player (every one of them met the slowness).
        """
        abort = self.rollout["abort"]
        harm = figures.first_failed_deposit.get(self.chapter.version) or self.exposed_at
        return max(0.0, moment(abort["at"]) - harm) if abort and harm else None

    def zero_after(self) -> float | None:
        """Seconds from that decision to a data plane seen to send nobody to the release."""
        abort = self.rollout["abort"]
        return moment(abort["zeroAt"]) - moment(abort["at"]) if abort and abort["zeroAt"] else None


def moment(text: str) -> float:
    """An RFC 3339 time as epoch seconds."""
    return datetime.fromisoformat(text).timestamp()
