"""What an import says of every flag. A flag that cannot be carried over faithfully is left out, never bent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from croupier.core.flags.model import Flag
from croupier.core.flags.read import read_flag
from croupier.core.flags.write import write_flag
from croupier.errors import Rejected


class Fate(StrEnum):
    KEPT = "kept"
    """Everybody gets what they got."""
    CHANGED = "changed"
    """It is there, and differs in what the note says."""
    LEFT_OUT = "left out"
    """It cannot be said here; the note says what stands in the way."""


@dataclass(frozen=True, slots=True)
class Note:
    """One line of the report. ``flag`` is empty where it is about all of them."""

    flag: str
    fate: Fate
    text: str


@dataclass(frozen=True, slots=True)
class Imported:
    """The flags that could be carried over, and what became of each of those that were given."""

    flags: tuple[Flag, ...]
    notes: tuple[Note, ...]


class Impossible(Exception):
    """The vendor's flag asks for something that cannot be said here; the words say what."""


@dataclass(slots=True)
class Report:
    """Collects flags and notes while an import goes through a document."""

    flags: list[Flag] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def carry(self, key: str, convert: Callable[[list[str]], Flag], kept: str) -> None:
        """Convert one flag. ``convert`` may add words for what is different; ``kept`` says which bucketing it keeps."""
        changes: list[str] = []
        try:
            flag = convert(changes)
            read_flag(write_flag(flag))
        except Impossible as reason:
            self.notes.append(Note(key, Fate.LEFT_OUT, f"{reason}."))
            return
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            words = f"it is not shaped as expected ({type(error).__name__}: {error})."
            self.notes.append(Note(key, Fate.LEFT_OUT, words))
            return
        except Rejected as refused:
            self.notes.append(Note(key, Fate.LEFT_OUT, str(refused.problems[0])))
            return
        self.flags.append(flag)
        self.notes += [Note(key, Fate.CHANGED, f"{text}.") for text in dict.fromkeys(changes)]
        if not changes:
            dealt = any(rule.rollout < 10_000 or len(rule.serve) > 1 for rule in flag.rules)
            self.notes.append(Note(key, Fate.KEPT, f"players are dealt by {kept}." if dealt else "no shares in it."))

    def done(self) -> Imported:
        return Imported(tuple(self.flags), tuple(self.notes))


def object_of(data: Any, what: str) -> Mapping[str, Any]:
    """The data as an object. Raises ``Impossible`` for anything else."""
    if not isinstance(data, Mapping):
        raise Impossible(f"{what} is no object")
    return data


def list_of(data: Any, what: str) -> list[Any]:
    """The data as a list (nothing is an empty one). Raises ``Impossible`` for anything else."""
    if data is None:
        return []
    if not isinstance(data, list):
        raise Impossible(f"{what} is no list")
    return data
