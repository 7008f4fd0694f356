"""What flags may refer to, as the book has it: for the checks of declarations and presets."""

from collections import ChainMap
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from croupier.control.flags.book import FlagBook
from croupier.core.flags.check import Surroundings
from croupier.core.flags.model import Flag


def surroundings(book: FlagBook, flags: Mapping[str, Flag], segments: Collection[str] = ()) -> Surroundings:
    """The book's flags with these instead of theirs, as they will be together. ``segments`` are declared with them."""
    around = ChainMap(dict(flags), _Flags(book))  # type: ignore[arg-type]  # it is only read
    known = {*book.segments, *segments}
    return _Known(around, known, book.environments, index=_Requiring(book, flags))


@dataclass(frozen=True, slots=True)
class _Flags(Mapping[str, Flag]):
    """The book's flags that are not archived."""

    book: FlagBook

    def __getitem__(self, key: str) -> Flag:
        state = self.book.recorded(key)
        if state is None or state.archived:
            raise KeyError(key)
        return state.flag

    def __iter__(self) -> Iterator[str]:
        return (state.key for state in self.book.states() if not state.archived)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class _Requiring(Mapping[str, Collection[str]]):
    """Which flags require each flag, by the book's index: looking through 50,000 flags takes too long for a request."""

    def __init__(self, book: FlagBook, flags: Mapping[str, Flag]) -> None:
        self._book = book
        self._flags = flags
        self._by_key: dict[str, list[str]] = {}
        for key, flag in flags.items():
            for needed in flag.prerequisites:
                self._by_key.setdefault(needed.flag, []).append(key)

    def __getitem__(self, key: str) -> Collection[str]:
        others = (name for name in self._book.requiring(key) if name not in self._flags)
        return [*self._by_key.get(key, ()), *others]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_key)

    def __len__(self) -> int:
        return len(self._by_key)


@dataclass(frozen=True)
class _Known(Surroundings):
    """Surroundings whose index is there already."""

    index: Mapping[str, Collection[str]] = field(default_factory=dict)

    @cached_property
    def requiring(self) -> Mapping[str, Collection[str]]:
        return self.index
