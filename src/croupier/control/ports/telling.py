"""Whom people chose to be told: receivers of notices, and how far each was told what the record says. Adapters
implement these.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from croupier.core.rollout.notices import Kind, Notice, Patience


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a notice was not delivered. ``refused``: the receiver was there and does not want it, so that it will hardly
    want it later; ``retry_after_s`` is when it asked to be tried again.
    """

    why: str
    refused: bool = False
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Wants:
    """What a receiver is told: kinds, services (none: all), and how long what lasts may last."""

    kinds: frozenset[Kind] = frozenset(Kind)
    services: frozenset[str] = frozenset()
    patience: Patience = field(default_factory=Patience)

    def includes(self, notice: Notice) -> bool:
        """Whether this notice is for it."""
        return notice.kind in self.kinds and (not self.services or notice.service in self.services)


class Notifier(Protocol):
    """One receiver."""

    @property
    def name(self) -> str: ...

    @property
    def where(self) -> str:
        """As people may see it: never with what may be secret."""
        ...

    @property
    def wants(self) -> Wants: ...

    async def send(self, notice: Notice) -> Trouble | None:
        """Deliver it, once; ``None`` when the receiver took it. Ends in bounded time and never raises."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Bookmark:
    """How far a receiver was told: every entry up to ``seq``, so many notices (``part``) of the next one, and what
    lasts (``told``). ``lost`` notices were given up. The last try was at ``tried_at`` (epoch seconds), of this
    ``kind``, and failed where there is ``trouble``.
    """

    notifier: str
    seq: int
    part: int = 0
    told: frozenset[str] = frozenset()
    sent: int = 0
    lost: int = 0
    tried_at: float | None = None
    kind: str = ""
    trouble: str = ""


class Bookmarks(Protocol):
    """Beside the record, so that any control plane goes on where another one stopped."""

    async def bookmarks(self) -> Sequence[Bookmark]:
        """All of them, by name."""
        ...

    async def keep_bookmark(self, bookmark: Bookmark) -> None:
        """Durable when this returns."""
        ...
