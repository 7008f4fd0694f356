"""Who gains and who loses by an edit, counted before it is saved.

Pure: both rulesets are evaluated for the same players. It refuses nothing; the use cases decide what to do with it.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from croupier.core.flags.evaluate import Context
from croupier.core.flags.model import Flag
from croupier.core.flags.ruleset import Ruleset
from croupier.core.flags.snapshot import Snapshot

_FEW: Final = 1_000
"""Fewer players than this say little about small shares."""


@dataclass(frozen=True, slots=True)
class Population:
    """The players that an edit is tried on. ``seen``: they were really there; otherwise made up by ``sample``."""

    contexts: Sequence[Context]
    seen: bool


@dataclass(frozen=True, slots=True)
class Move:
    """So many players go from one variant to another; ``None`` is no variant at all: there was no flag."""

    before: str | None
    after: str | None
    players: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What an edit does to the players of a population. ``gain`` and ``lose`` are about having the flag (any variant
    but the off one), ``change`` about getting another variant, or the same one with another value. Who gets the off
    variant of a new flag is in none of them: there was no flag.
    """

    flag: str
    players: int
    gain: int
    lose: int
    change: int
    moves: tuple[Move, ...]
    confidence: str

    @property
    def text(self) -> str:
        """In words: ``of 10000 players 250 gain, 0 lose``. Of a new flag: ``of 10000 players 9750 get off, 250 get
        on``.
        """
        if self.moves and all(move.before is None for move in self.moves):
            gets = (f"{move.players} get {move.after or 'no variant'}" for move in self.moves)
            return f"of {self.players} players {', '.join(gets)}"
        change = f", {self.change} get something else" if self.change else ""
        return f"of {self.players} players {self.gain} gain, {self.lose} lose{change}"


def preview(flag: Flag, before: Snapshot, after: Snapshot, population: Population, now: Callable[[], float]) -> Preview:
    """What ``flag`` answers in ``after`` compared with ``before``, which hold all other flags and segments too."""
    old, new = Ruleset(before, now), Ruleset(after, now)
    moves: Counter[tuple[str | None, str | None]] = Counter()
    gain = lose = change = 0
    for context in population.contexts:
        was, becomes = old.outcome(flag.key, context), new.outcome(flag.key, context)
        if was.variant == becomes.variant and was.value == becomes.value:
            continue
        moves[was.variant, becomes.variant] += 1
        had, has = (each not in (None, flag.off) for each in (was.variant, becomes.variant))
        gain += has and not had
        lose += had and not has
        change += had == has and was.variant is not None
    return Preview(
        flag=flag.key,
        players=len(population.contexts),
        gain=gain,
        lose=lose,
        change=change,
        moves=tuple(Move(*variants, players) for variants, players in moves.most_common()),
        confidence=_confidence(population),
    )


def _confidence(population: Population) -> str:
    """How far the numbers can be trusted, in words."""
    players = len(population.contexts)
    if not population.seen:
        return (
            "These players are made up from what the rules ask for, every value equally often: "
            "trust who moves, not how many."
        )
    if not players:
        return "No player was seen yet, so nothing is known."
    if players < _FEW:
        # The rule of three: what was not seen among n has a share of at most 3/n, with 95 % confidence.
        return (
            f"Only {players} players were seen: what concerns up to {300 / players:.1f} % of all may be missing here."
        )
    return f"These are the last {players} players seen: up to {300 / players:.2f} % of all may be missing here."
