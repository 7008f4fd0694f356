"""The flags of each environment, compiled in this process: for OFREP, for ``explain`` and ``evaluate``."""

from collections.abc import Callable
from dataclasses import dataclass, field

from croupier.control.flags.book import FlagBook
from croupier.core.flags.ruleset import Ruleset
from croupier.core.flags.snapshot import Snapshot


@dataclass(slots=True)
class Rulesets:
    """One ``Ruleset`` per environment, brought up to date when it is asked for. Only flags that are asked for are ever
    compiled.
    """

    book: FlagBook
    now: Callable[[], float]
    _kept: dict[str, tuple[int, bool, Ruleset]] = field(default_factory=dict)

    def of(self, environment: str) -> Ruleset:
        """The environment's flags as they are now. Raises ``NotFound`` for an environment that there is not."""
        snapshot = self.book.snapshot(environment)
        revision, early = self.book.revision, bool(self.book.unrecorded)
        kept = self._kept.get(environment)
        if kept is not None and kept[0] == revision:
            return kept[2]
        # A kill that is not recorded may be taken back, and its line is newer than what then counts again.
        # So it is with a record that went back: an older database was restored.
        if kept is None or kept[1] or early or _went_back(kept[2].snapshot, snapshot):
            ruleset = Ruleset(snapshot, self.now)
        else:
            ruleset = kept[2]
            ruleset.replace(snapshot)
        self._kept[environment] = revision, early, ruleset
        return ruleset


def _went_back(kept: Snapshot, now: Snapshot) -> bool:
    return kept.lineage != now.lineage or kept.version > now.version
