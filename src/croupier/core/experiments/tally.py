"""Who was given what, and did what afterwards: each player once, whatever order reports come in, however often.

Reports of several processes arrive late, twice and in any order. So what is kept of a player is what makes the order
irrelevant: the earliest exposure, and of each event the latest time until one of them counts. Called by the ledger
with the players whom a batch names; the totals are kept beside, so that nobody reads all players for a look.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

GRACE_S: Final = 2.0
"""How far two reports of one player may be off against each other: they travel by different processes."""

_MOST_LOSING: Final = 1_000
"""So many clients are noted that lost reports: beyond, nobody needs their names to know that much is wrong."""


@dataclass(frozen=True, slots=True)
class Report:
    """One line of a batch: ``player`` (a hash) was given ``variant``, or did ``event``, at ``at`` (epoch seconds)."""

    player: str
    at: float
    variant: str = ""
    event: str = ""


@dataclass(frozen=True, slots=True)
class Player:
    """What is known of a player. Before an exposure is known ``variant`` is empty. ``crossed``: given two variants, so
    that nothing they do says anything. ``did`` maps an event to its latest time, ``converted`` are those that count.
    """

    variant: str = ""
    at: float = 0.0
    crossed: bool = False
    did: Mapping[str, float] = field(default_factory=dict)
    converted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tally:
    """Totals: players by variant, and by event and variant those who did it after their exposure. ``crossed`` players
    are in neither. ``lost_by`` are the reports that each client could not keep, of whatever experiment.
    """

    exposed: Mapping[str, int] = field(default_factory=dict)
    converted: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    crossed: int = 0
    lost_by: Mapping[str, int] = field(default_factory=dict)

    @property
    def lost(self) -> int:
        """Reports that were left out."""
        return sum(self.lost_by.values())

    def losing(self, client: str, lost: int) -> "Tally":
        """With what the client says that it left out so far; said again, it is the same."""
        if lost <= self.lost_by.get(client, 0) or (client not in self.lost_by and len(self.lost_by) >= _MOST_LOSING):
            return self
        return replace(self, lost_by={**self.lost_by, client: lost})

    @property
    def players(self) -> int:
        """Whom it counts, and whom it left out."""
        return sum(self.exposed.values()) + self.crossed

    def of(self, event: str, variant: str) -> int:
        """How many of the variant's players did it."""
        return self.converted.get(event, {}).get(variant, 0)


def counted(
    reports: Iterable[Report], known: Mapping[str, Player], tally: Tally, *, within_s: float | None
) -> tuple[dict[str, Player], Tally]:
    """The players whom the reports change, and the totals afterwards; ``known`` has everybody whom they name and who
    was seen before.
    """
    changed: dict[str, Player] = {}
    exposed = dict(tally.exposed)
    converted = {event: dict(by) for event, by in tally.converted.items()}
    crossed = tally.crossed
    for report in reports:
        before = changed.get(report.player, known.get(report.player, _NOBODY))
        after = _after(before, report, within_s)
        if after == before:
            continue
        changed[report.player] = after
        crossed += after.crossed - before.crossed
        for player, sign in ((before, -1), (after, 1)):
            if player.variant and not player.crossed:
                exposed[player.variant] = exposed.get(player.variant, 0) + sign
                for event in player.converted:
                    by = converted.setdefault(event, {})
                    by[player.variant] = by.get(player.variant, 0) + sign
    return changed, replace(tally, exposed=exposed, converted=converted, crossed=crossed)


_NOBODY: Final = Player()


def _after(before: Player, report: Report, within_s: float | None) -> Player:
    if before.crossed:
        return before
    after = _given(before, report) if report.variant else _done(before, report)
    if after.crossed or not after.variant:
        return after
    last = after.at + within_s + GRACE_S if within_s is not None else float("inf")
    counting = tuple(sorted(event for event, at in after.did.items() if after.at - GRACE_S <= at <= last))
    # What counted once goes on counting: a later time of the same event stands in its place.
    return replace(after, converted=tuple(sorted({*after.converted, *counting})))


def _given(before: Player, report: Report) -> Player:
    if not before.variant:
        return replace(before, variant=report.variant, at=report.at)
    if before.variant != report.variant:
        return replace(before, crossed=True, did={}, converted=())
    return replace(before, at=min(before.at, report.at))


def _done(before: Player, report: Report) -> Player:
    if report.event in before.converted:
        return before
    latest = max(before.did.get(report.event, report.at), report.at)
    return replace(before, did={**before.did, report.event: latest})
