"""The actions on groups of a rollout, decided again from its recorded looks. Pure.

An action is a decision about money, as a rollback is: whoever doubts one need not believe it. Called by the API's
replay, beside ``rejudge``, which shows that the looks follow from their counts.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, zip_longest

from croupier.core.gates.wording import name
from croupier.core.rollout import events as e
from croupier.core.rollout.decide import binding
from croupier.core.rollout.groups.answer import Acting, answer
from croupier.core.rollout.groups.words import done
from croupier.core.rollout.machine import evolve, opened


@dataclass(frozen=True, slots=True)
class Redecided:
    """The actions that were recorded for one moment (``at``, epoch seconds), and what its looks give ``again``."""

    at: float
    recorded: tuple[Acting, ...]
    again: tuple[Acting, ...] | e.AbortStarted

    @property
    def agrees(self) -> bool:
        """Whether the same gates do the same about the same groups. Reasons are words, and those may change."""
        return not isinstance(self.again, e.AbortStarted) and _what(self.recorded) == _what(self.again)


def redecide(history: Iterable[e.Event]) -> Iterator[Redecided]:
    """Every moment of the rollout at which groups were acted upon, or were to be, in order. Where everybody went back
    instead nothing is compared: that may have reasons that no look tells, such as a canary that died. Raises
    ``Corrupt`` where the history breaks.
    """
    state, events = opened(history)
    # What is decided at one moment bears its time, and the looks come first.
    runs = [(kind, at, tuple(run)) for (kind, at), run in groupby(events, lambda event: (_kind(event), event.at))]
    for (kind, at, run), following in zip_longest(runs, runs[1:]):
        if kind is e.GroupActed:
            recorded = tuple(event for event in run if isinstance(event, e.GroupActed | e.SegmentHeld))
            yield Redecided(at, recorded, answer(state, binding(state), at))
        for event in run:
            state = evolve(state, event)
        if kind is e.GateJudged and (following is None or following[0] not in (e.GroupActed, e.AbortStarted)):
            left_out = answer(state, binding(state), at)
            if left_out and not isinstance(left_out, e.AbortStarted):
                yield Redecided(at, (), left_out)


def in_words(found: tuple[Acting, ...] | e.AbortStarted, stable: str | None) -> str:
    """What was done: ``psp=kestrel: flag psp_kestrel turned off``, ``market=SE held on 1.0.0``."""
    if isinstance(found, e.AbortStarted):
        return f"everybody goes back: {found.reason}"
    return "; ".join(_one(event, stable) for event in found) or "nothing"


def _one(event: Acting, stable: str | None) -> str:
    if isinstance(event, e.SegmentHeld):
        return f"{event.segment.name} held on {stable}"
    return f"{name(event.group)}: {done(event, stable)}"


def _kind(event: e.Event) -> type:
    """What a gate does about a group and about a segment are one answer; what a person holds is none."""
    return e.GroupActed if isinstance(event, e.SegmentHeld) and event.gate is not None else type(event)


def _what(events: tuple[Acting, ...]) -> list[object]:
    return [
        (event.gate, event.segment)
        if isinstance(event, e.SegmentHeld)
        else (event.gate, event.group, event.kills, event.held)
        for event in events
    ]
