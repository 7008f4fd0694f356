"""The snapshot of an environment as bytes, plain and compressed: made once per state of the flags, for everybody."""

import asyncio
import zlib
from dataclasses import dataclass, field
from typing import Final

from croupier.control.flags.book import FlagBook
from croupier.core.flags.snapshot import Snapshot, encode

_LEVEL: Final = 4
"""Of gzip: a tenth larger than the best, in a third of its time."""
_GZIP: Final = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Whole:
    """The bytes, and the entity tag of what they say. ``revision`` is the book's that they were made at."""

    revision: int
    etag: str
    plain: bytes
    gzipped: bytes


@dataclass(slots=True)
class Wholes:
    """One ``Whole`` per environment. Making one takes a while with many flags, so it happens in a thread."""

    book: FlagBook
    _kept: dict[str, Whole] = field(default_factory=dict)
    _making: dict[str, asyncio.Lock] = field(default_factory=dict)

    def etag(self, environment: str) -> str:
        """The entity tag of the environment's flags now. Raises ``NotFound`` for an environment that there is not."""
        return _etag(self.book.snapshot(environment), self.book)

    async def of(self, environment: str) -> Whole:
        """The bytes, at least as new as the book is now. Raises ``NotFound``."""
        wanted = self.book.revision
        self.book.snapshot(environment)  # there is such an environment
        if (kept := self._fresh(environment, wanted)) is not None:
            return kept
        async with self._making.setdefault(environment, asyncio.Lock()):
            if (kept := self._fresh(environment, wanted)) is not None:  # who waited gets what was made meanwhile
                return kept
            revision, snapshot = self.book.revision, self.book.snapshot(environment)
            etag = _etag(snapshot, self.book)
            plain, gzipped = await asyncio.to_thread(_bytes, snapshot)
            kept = self._kept[environment] = Whole(revision, etag, plain, gzipped)
            return kept

    def _fresh(self, environment: str, revision: int) -> Whole | None:
        kept = self._kept.get(environment)
        return kept if kept is not None and kept.revision >= revision else None


def _etag(snapshot: Snapshot, book: FlagBook) -> str:
    """The position; a kill that waits for its record makes another tag, under which nobody may keep the answer."""
    return f'"{snapshot.position}+{book.revision}"' if book.unrecorded else f'"{snapshot.position}"'


def _bytes(snapshot: Snapshot) -> tuple[bytes, bytes]:
    plain = encode(snapshot)
    return plain, zlib.compress(plain, _LEVEL, _GZIP)
