"""Gates' questions that are under way: a slow source keeps nobody waiting for long, and its answer counts all the same.

A question is asked once and answered once. One that is over before its answer comes may be heard all the same: what
must not happen may be in it, and nobody asks for that time again. While one is under way, what its gate said last
counts for a while, and no longer. Called by ``observe.ask_gates``, each turn of the loop.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Collection, Coroutine, Hashable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from croupier.core.gates import Silence
from croupier.core.gates.judge import Said

ANSWER_PATIENCE_S: Final = 0.5
"""How long the loop waits for answers: what other gates said at once is acted on then."""
ANSWER_WITHIN_S: Final = 30.0
"""How long a question may wait for its turn, and from then on for its answer; after that its gate saw nothing."""

_AGED: Final = 2.5
"""So many times as old, nobody came for the answer: the loop stood by or stood still, and it tells of another time."""

log = logging.getLogger("croupier.control")

Answer: TypeAlias = Said | None
"""What a source said; ``None`` where it is nothing yet."""


@dataclass(frozen=True, slots=True)
class Due:
    """A question that is to be asked now, unless it is under way; ``about`` is what makes it the same question. One
    that is over by the time of its answer is kept for whoever wants to know about ``kept_for``, if that is given. It
    is asked ``at`` (epoch seconds), once it has its ``turn``. What the gate said before counts ``fresh_until`` then
    (epoch seconds) without the answer.
    """

    about: Hashable
    ask: Callable[[], Coroutine[None, None, Answer]]
    kept_for: Hashable = None
    at: float = 0.0
    turn: AbstractAsyncContextManager[object] = field(default_factory=nullcontext)
    fresh_until: float = -math.inf


@dataclass(frozen=True, slots=True)
class _Asked:
    due: Due
    answer: asyncio.Task[Answer]


@dataclass(slots=True)
class UnderWay:
    """One rollout's questions, by gate. ``answered`` is set when an answer comes that was not waited for."""

    answered: asyncio.Event = field(default_factory=asyncio.Event)
    patience_s: float = field(default_factory=lambda: ANSWER_PATIENCE_S)
    within_s: float = field(default_factory=lambda: ANSWER_WITHIN_S)
    _asked: dict[str, _Asked] = field(default_factory=dict)
    _over: list[tuple[str, _Asked]] = field(default_factory=list)
    _unheard: dict[str, float] = field(default_factory=dict)
    """Up to when (epoch seconds) each gate was seen to have been asked and not heard since."""

    def late(self, now: float) -> frozenset[str]:
        """Gates whose last word is too old at ``now`` (epoch seconds) to count without the answer that is under way,
        and those that may still hear of what is over. A clock that is set back makes no word younger.
        """
        stale = {name for name, asked in self._asked.items() if now > asked.due.fresh_until}
        for name in stale:
            self._unheard[name] = max(self._unheard[name], now)
        turned_back = {name for name, at in self._unheard.items() if at > now}
        return frozenset(stale | turned_back).union(name for name, _ in self._over)

    async def answers(self, due: Mapping[str, Due]) -> dict[str, Answer]:
        """Ask what is not under way yet, and wait a moment for those; what is answered by then, each answer once. What
        is not due any more, or about something else by now, or was asked long ago, is over.
        """
        for name in self._asked.keys() - due.keys():
            self._end(name)
        fresh = [self._begin(name, each) for name, each in due.items() if self._is_new(name, each)]
        if fresh:
            await asyncio.wait(fresh, timeout=self.patience_s)
        done = [name for name in due if self._asked[name].answer.done()]
        for name in self._asked.keys() - set(done):
            self._asked[name].answer.add_done_callback(self._came_late)
        for name in done:
            del self._unheard[name]
        return {name: self._asked.pop(name).answer.result() for name in done}

    def overdue(self, kept_for: Hashable, of: Collection[str]) -> dict[str, Answer]:
        """Answers to questions that are over, one for each of these gates, each answer once. Those kept for anything
        else are dropped.
        """
        for _, asked in self._over:
            if asked.due.kept_for != kept_for:
                self._drop(asked)
        self._over = [(name, asked) for name, asked in self._over if asked.due.kept_for == kept_for]
        done = {name: asked for name, asked in reversed(self._over) if name in of and asked.answer.done()}
        self._over = [(name, asked) for name, asked in self._over if done.get(name) is not asked]
        return {name: asked.answer.result() for name, asked in done.items()}

    def drop_all(self) -> None:
        """Nobody wants to know any more."""
        for asked in (*self._asked.values(), *(asked for _, asked in self._over)):
            self._drop(asked)
        self._asked, self._over, self._unheard = {}, [], {}

    def _is_new(self, name: str, due: Due) -> bool:
        if name in self._asked and not self._is_same(self._asked[name].due, due):
            self._end(name)
        return name not in self._asked

    def _is_same(self, asked: Due, due: Due) -> bool:
        return asked.about == due.about and 0.0 <= due.at - asked.at <= _AGED * self.within_s

    def _begin(self, name: str, due: Due) -> asyncio.Task[Answer]:
        task = asyncio.create_task(self._bounded(due))
        self._asked[name] = _Asked(due, task)
        self._unheard[name] = max(self._unheard.get(name, due.at), due.at)
        return task

    async def _bounded(self, due: Due) -> Answer:
        trouble = f"the metric source was busy with other questions for {self.within_s:g} s"
        try:
            async with asyncio.timeout(self.within_s) as limit, due.turn:
                trouble = f"the metric source did not answer within {self.within_s:g} s"
                limit.reschedule(asyncio.get_running_loop().time() + self.within_s)
                return await due.ask()
        except TimeoutError:
            return Silence(trouble)
        except Exception as trouble:  # as in ``hearing``: a surprise here must hide no other gate's hard stop
            log.exception("a gate could not be asked; it sees nothing")
            return Silence(f"asking failed: {type(trouble).__name__}: {trouble}")

    def _end(self, name: str) -> None:
        asked = self._asked.pop(name)
        if asked.due.kept_for is None:
            self._drop(asked)
        else:
            self._over.append((name, asked))

    def _drop(self, asked: _Asked) -> None:
        asked.answer.remove_done_callback(self._came_late)
        asked.answer.cancel()

    def _came_late(self, _: asyncio.Task[Answer]) -> None:
        self.answered.set()
