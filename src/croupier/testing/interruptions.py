"""What can happen between two awaits: a crash, trouble outside, somebody else acting. For tests that choose the moment.

``exposed(port, moments)`` is the port with every asynchronous call passing through ``moments``, before and after its
effect. Control awaits nothing but ports, so these are all the points where a crash can tell two states apart.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

P = TypeVar("P")


class Crash(BaseException):
    """The process is gone, as after kill -9: nothing of ours may catch this."""


@dataclass(slots=True)
class Moments:
    """Counts the moments of exposed calls, two a call. ``planned`` holds what happens at which, by number from 0.

    ``names`` are the calls that were made, for reports.
    """

    planned: dict[int, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    passed: int = 0
    names: list[str] = field(default_factory=list)

    def restart(self, planned: dict[int, Callable[[], Awaitable[None]]] | None = None) -> None:
        """Count from 0 again, with another plan."""
        self.planned, self.passed, self.names = planned or {}, 0, []

    async def pass_one(self, name: str) -> None:
        """One moment: what is planned for it happens."""
        number, self.passed = self.passed, self.passed + 1
        self.names.append(name)
        happening = self.planned.pop(number, None)
        if happening is not None:
            await happening()


def exposed(port: P, moments: Moments, trouble: Callable[[], Exception | None] = lambda: None) -> P:
    """The port, interruptible before and after each asynchronous call; other attributes as they are.

    While ``trouble`` gives an error, every such call raises it instead of reaching the port.
    """
    return cast("P", _Exposed(port, moments, trouble))


async def crash() -> None:
    """A plan's entry: the process ends here."""
    raise Crash


class _Exposed:
    def __init__(self, port: object, moments: Moments, trouble: Callable[[], Exception | None]) -> None:
        self._port, self._moments, self._trouble = port, moments, trouble

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._port, name)
        if not callable(attribute):
            return attribute

        def call(*arguments: Any, **named: Any) -> Any:
            result = attribute(*arguments, **named)
            return self._interruptible(name, result) if isinstance(result, Awaitable) else result

        return call

    async def _interruptible(self, name: str, result: Awaitable[Any]) -> Any:
        try:
            await self._before(name)
        except BaseException:
            if hasattr(result, "close"):
                result.close()  # it never ran, and must not be reported as forgotten
            raise
        value = await result
        await self._moments.pass_one(f"after {name}")
        return value

    async def _before(self, name: str) -> None:
        await self._moments.pass_one(f"before {name}")
        if (error := self._trouble()) is not None:
            raise error
