"""A control plane's flags turned by hand: the real store (SQLite), the real use cases, a virtual clock.

Several planes may stand on the one store; each can lose sight of it, and anything may happen at any call.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from croupier.adapters.store.sql import SqlStore
from croupier.control.flags.flags import Flags
from croupier.control.ports import KillSpool
from croupier.core.flags.read import read_flag
from croupier.core.flags.ruleset import Ruleset
from croupier.errors import Transient
from croupier.testing import MemoryKillSpool, Moments, VirtualClock, exposed

RULES: list[dict[str, Any]] = [
    {"if": "market in ['DE','SE']", "rollout": 0.25},
    {"if": "brand == 'X' && user.isEmployee"},
]


class Happenings(Moments):
    """What happens once, before or after a call: ``once["before commit"] = action``."""

    def __init__(self) -> None:
        super().__init__()
        self.once: dict[str, Callable[[], Awaitable[Any]]] = {}

    async def pass_one(self, name: str) -> None:
        await super().pass_one(name)
        if (happening := self.once.pop(name, None)) is not None:
            await happening()


@dataclass
class Plane:
    """One control plane process. ``down``: it cannot reach the store."""

    store: SqlStore
    clock: VirtualClock
    spool: KillSpool = field(default_factory=MemoryKillSpool)
    environments: Sequence[str] = ("production",)
    down: bool = False
    happenings: Happenings = field(default_factory=Happenings)
    flags: Flags = field(init=False)

    def __post_init__(self) -> None:
        seen = exposed(self.store, self.happenings, self.trouble)
        self.flags = Flags.of(seen, seen, self.spool, self.clock, self.environments)

    def trouble(self) -> Exception | None:
        return Transient("the database does not answer") if self.down else None

    async def declare(self, *documents: dict[str, Any], **more: Any) -> None:
        await self.flags.changes.declare([read_flag(item) for item in documents], actor="anna", **more)

    def answer(self, key: str, environment: str = "production", **context: Any) -> Any:
        """What a client that holds the snapshot gets."""
        whole = self.flags.book.snapshot(environment)
        return Ruleset(whole, self.clock.now).outcome(key, context).variant


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def plane(store: SqlStore, clock: VirtualClock) -> Plane:
    made = Plane(store, clock)
    await made.flags.start()
    return made


Another = Callable[..., Awaitable[Plane]]


@pytest.fixture
def another(store: SqlStore, clock: VirtualClock) -> Another:
    """Opens further planes on the same store."""

    async def opened(**more: Any) -> Plane:
        made = Plane(store, clock, **more)
        await made.flags.start()
        return made

    return opened
