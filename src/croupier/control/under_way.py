"""Gates' questions that are under way: a slow source keeps nobody waiting for long, and its answer counts all the same.

A question is asked once and answered once. Called by ``observe.ask_gates``, each turn of the loop.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from croupier.core.gates import Silence
from croupier.core.gates.judge import Said

ANSWER_PATIENCE_S: Final = 0.5
"""How long the loop waits for answers: what other gates said at once is acted on then."""
ANSWER_WITHIN_S: Final = 30.0
"""How long a question may be under way; after that its gate saw nothing."""

Answer: TypeAlias = Said | None
"""What a source said; ``None`` where it is nothing yet."""


@dataclass(frozen=True, slots=True)
class Due:
    """A question that is to be asked now, unless it is under way; ``about`` is what makes it the same question."""

    about: Hashable
    ask: Callable[[], Coroutine[None, None, Answer]]


@dataclass(frozen=True, slots=True)
class _Asked:
    about: Hashable
    answer: asyncio.Task[Answer]


@dataclass(slots=True)
class UnderWay:
    """One rollout's questions, by gate. ``answered`` is set when an answer comes that was not waited for."""

    answered: asyncio.Event = field(default_factory=asyncio.Event)
    patience_s: float = field(default_factory=lambda: ANSWER_PATIENCE_S)
    within_s: float = field(default_factory=lambda: ANSWER_WITHIN_S)
    _asked: dict[str, _Asked] = field(default_factory=dict)

    @property
    def gates(self) -> frozenset[str]:
        """Gates whose answer is still to be heard."""
        return frozenset(self._asked)

    async def answers(self, due: Mapping[str, Due]) -> dict[str, Answer]:
        """Ask what is not under way yet, and wait a moment for those; what is answered by then, each answer once. What
        is not due any more, or about something else by now, is dropped.
        """
        for name in self._asked.keys() - due.keys():
            self._drop(name)
        fresh = [self._begin(name, each) for name, each in due.items() if self._is_new(name, each)]
        if fresh:
            await asyncio.wait(fresh, timeout=self.patience_s)
        done = [name for name in due if self._asked[name].answer.done()]
        for name in self.gates.difference(done):
            self._asked[name].answer.add_done_callback(self._came_late)
        return {name: self._asked.pop(name).answer.result() for name in done}

    def drop_all(self) -> None:
        """Nobody wants to know any more."""
        for name in self.gates:
            self._drop(name)

    def _is_new(self, name: str, due: Due) -> bool:
        if name in self._asked and self._asked[name].about != due.about:
            self._drop(name)
        return name not in self._asked

    def _begin(self, name: str, due: Due) -> asyncio.Task[Answer]:
        task = asyncio.create_task(self._bounded(due.ask))
        self._asked[name] = _Asked(due.about, task)
        return task

    async def _bounded(self, ask: Callable[[], Coroutine[None, None, Answer]]) -> Answer:
        try:
            async with asyncio.timeout(self.within_s):
                return await ask()
        except TimeoutError:
            return Silence(f"the metric source did not answer within {self.within_s:g} s")

    def _drop(self, name: str) -> None:
        answer = self._asked.pop(name).answer
        answer.remove_done_callback(self._came_late)
        answer.cancel()

    def _came_late(self, _: asyncio.Task[Answer]) -> None:
        self.answered.set()
