"""A flag's state is what its entries give; whatever differs is named."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from croupier.core.flags import events as e
from croupier.core.flags.read import read_flag
from croupier.core.flags.state import FlagState
from croupier.core.flags.write import digest_of, write_flag
from croupier.core.journal.discrepancy import Discrepancy
from croupier.core.journal.entry import Entry, Recorded
from croupier.core.journal.flags import ReplayedFlags, fold, written
from croupier.errors import Corrupt

TYPES: dict[str, Any] = {"flag_declared": e.FlagDeclared, "flag_killed": e.FlagKilled, "flag_restored": e.FlagRestored}


def decode(item: Mapping[str, Any]) -> e.FlagEvent:
    if item.get("type") not in TYPES:
        raise Corrupt(f"no event: {item!r}")
    values = {name: value for name, value in item.items() if name not in ("version", "at")}
    event: e.FlagEvent = TYPES[item["type"]](**values)
    return event


def declared(key: str) -> e.FlagDeclared:
    source = write_flag(read_flag({"feature": key}))
    return e.FlagDeclared(source, digest_of(source))


@dataclass
class History:
    """A journal of flags, honest until a test changes it."""

    entries: list[Recorded] = field(default_factory=list)
    states: dict[str, FlagState] = field(default_factory=dict)

    def add(self, key: str, event: e.FlagEvent) -> None:
        seq = len(self.entries)
        version, at = seq + 1, seq + 0.5
        entry = Entry(at + 1, "anna", "change", f"flag/{key}", (written(event, version=version, at=at),))
        self.entries.append(Recorded(seq, entry, b"", b""))
        self.states[key] = fold(self.states.get(key), event, version=version, actor="anna", at=at)

    def check(self, stored: Mapping[str, FlagState | Corrupt] | None = None) -> list[Discrepancy]:
        found: list[Discrepancy] = []
        replayed = ReplayedFlags(decode, found)
        for recorded in self.entries:
            replayed.add(recorded)
        replayed.compare((self.states if stored is None else stored).items())
        return found


@pytest.fixture
def history() -> History:
    made = History()
    for key in ("a", "b"):
        made.add(key, declared(key))
    made.add("a", e.FlagKilled("fire"))
    other = Entry(1.0, "anna", "apply", "document/Gate/a", ({"type": "document_applied"},))
    made.entries.append(Recorded(3, other, b"", b""))
    return made


def test_an_honest_history_gives_the_stored_states(history: History) -> None:
    assert history.check() == []


def test_the_version_and_the_time_of_an_event_are_its_own(history: History) -> None:
    state = history.states["a"]
    assert (state.version, state.changed_at, state.killed and state.killed.at) == (3, 2.5, 2.5)


def test_differing_states_are_named(history: History) -> None:
    stored: dict[str, FlagState | Corrupt] = {
        "a": replace(history.states["a"], kills=(), version=9),
        "c": replace(history.states["b"]),
    }
    assert [str(item) for item in history.check(stored)] == [
        "flag a: its stored state is not what its history gives: version, kills differ.",
        "flag c: is in the store, not in the journal.",
        "flag b: is in the journal, not in the store.",
    ]


def test_an_unreadable_state_is_reported_as_it_is(history: History) -> None:
    stored: dict[str, FlagState | Corrupt] = {**history.states, "a": Corrupt("its row is odd.")}
    assert [str(item) for item in history.check(stored)] == ["flag a: its row is odd."]


@pytest.mark.parametrize(
    "item",
    [
        {"type": "flag_killed", "reason": "", "version": 1, "at": 0.5},  # the flag was never declared
        {"type": "unheard of"},
        {**written(declared("a"), version=1, at=0.5), "version": None},
        {name: value for name, value in written(declared("a"), version=1, at=0.5).items() if name != "at"},
        {**written(declared("a"), version=1, at=0.5), "source": {"feature": 7}},
        written(declared("other"), version=1, at=0.5),
    ],
)
def test_a_broken_history_is_reported_once(history: History, item: dict[str, Any]) -> None:
    broken = replace(history.entries[0].entry, events=(item,))
    history.entries[0] = replace(history.entries[0], entry=broken)
    assert [found.place for found in history.check()] == ["entry 0"]


def test_who_changes_a_flag_that_was_never_declared_is_told() -> None:
    with pytest.raises(Corrupt, match="does not start with its declaration but with 'flag_restored'"):
        fold(None, e.FlagRestored(), version=1, actor="anna", at=1.0)
