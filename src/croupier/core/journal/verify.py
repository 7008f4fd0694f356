"""Checks the record against itself: sequence, bytes, hashes, stored nodes, root, states and rows against histories.

Pure; the store feeds it one moment's rows. A forgery that rewrote everything at once it cannot see: that takes a
root hash kept outside (``consistency_proof`` from a witnessed size).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from croupier.core.flags.state import FlagState
from croupier.core.journal.discrepancy import Discrepancy
from croupier.core.journal.entry import Recorded
from croupier.core.journal.flags import Decode as DecodeFlag
from croupier.core.journal.flags import ReplayedFlags
from croupier.core.journal.merkle import Frontier, Node, TreeHead, leaf_hash
from croupier.core.rollout.events import Created, Event
from croupier.core.rollout.machine import create, evolve
from croupier.core.rollout.state import RolloutState
from croupier.errors import Corrupt

__all__ = ["Discrepancy", "Held", "Row", "Verification", "verify"]

ROLLOUT: Final = "rollout/"
"""What the subject of a rollout's entries starts with; its id follows."""

REMOVED: Final = "removed"
"""The digest of a row that was taken out; no row has it."""

MOST_DISCREPANCIES: Final = 1_000
"""After so many the rest is not listed: one lost row shifts everything behind it."""

Decode: TypeAlias = Callable[[Mapping[str, Any]], Event]
"""Reads an event back from its JSON object; raises ``Corrupt`` for what is no event."""


@dataclass(frozen=True, slots=True)
class Row:
    """A document, release, service or token as it is stored: its name as entries' ``rows`` have it, and its digest."""

    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome: the tree as computed anew from the entries, and what contradicts it."""

    head: TreeHead
    rollouts: int
    discrepancies: tuple[Discrepancy, ...]
    flags: int = 0

    @property
    def ok(self) -> bool:
        return not self.discrepancies


@dataclass(frozen=True, slots=True)
class Held:
    """What the store holds now: the head that it claims, the rollouts, the flags by key (or why one cannot be read),
    and all else that it holds by record.
    """

    head: TreeHead
    rollouts: Iterable[RolloutState]
    flags: Iterable[tuple[str, FlagState | Corrupt]]
    rows: Iterable[Row]


def verify(
    entries: Iterable[Recorded], nodes: Iterable[Node], held: Held, decode: Decode, decode_flag: DecodeFlag
) -> Verification:
    """Check the whole record. ``entries`` by sequence, ``nodes`` in the order in which appending completes them."""
    found: list[Discrepancy] = []
    replayed, declared, written = _Replayed(decode, found), ReplayedFlags(decode_flag, found), _Written(found)
    frontier, remaining = Frontier(), _Nodes(iter(nodes), found)
    for recorded in entries:
        _check_entry(recorded, frontier.size, found)
        frontier, completed = frontier.append(leaf_hash(recorded.body))
        remaining.expect(completed)
        replayed.add(recorded)
        declared.add(recorded)
        written.add(recorded)
        if len(found) >= MOST_DISCREPANCIES:
            found.append(
                Discrepancy(f"entry {recorded.seq}", f"stopped here after {MOST_DISCREPANCIES} discrepancies.")
            )
            return Verification(frontier.head, len(replayed.states), tuple(found), len(declared.states))
    remaining.expect_no_more()
    _check_head(frontier.head, held.head, found)
    replayed.compare(held.rollouts)
    declared.compare(held.flags)
    written.compare(held.rows)
    return Verification(frontier.head, len(replayed.states), tuple(found), len(declared.states))


def _check_entry(recorded: Recorded, expected: int, found: list[Discrepancy]) -> None:
    place = f"entry {recorded.seq}"
    if recorded.seq != expected:
        found.append(Discrepancy(place, f"stands where entry {expected} should be: entries were removed or added."))
    if recorded.body != recorded.entry.leaf(recorded.seq):
        found.append(Discrepancy(place, "its recorded bytes are not the canonical form of what its row says."))
    if recorded.leaf_hash != leaf_hash(recorded.body):
        found.append(Discrepancy(place, "its leaf hash is not the hash of its bytes: one of them was changed."))


def _check_head(computed: TreeHead, stored: TreeHead, found: list[Discrepancy]) -> None:
    if stored.size != computed.size:
        text = f"the stored head counts {stored.size} entries, the journal has {computed.size}."
        found.append(Discrepancy("head", text))
    if stored.root != computed.root:
        text = f"the stored root is {stored.root.hex()}, the entries give {computed.root.hex()}."
        found.append(Discrepancy("root", text))


@dataclass(slots=True)
class _Nodes:
    """Walks the stored nodes beside the ones that the entries give; both come in the same order."""

    stored: Iterator[Node]
    found: list[Discrepancy]
    ahead: Node | None = None

    def expect(self, completed: tuple[Node, ...]) -> None:
        for node in completed:
            self._skip_before(node)
            if self.ahead is None or self.ahead.position != node.position:
                self._report(node, "is missing.")
                continue
            if self.ahead.hash != node.hash:
                self._report(node, "its stored hash is not what the entries below it give.")
            self.ahead = None

    def expect_no_more(self) -> None:
        while (node := self._peek()) is not None:
            self._report(node, "covers entries that the journal does not have.")
            self.ahead = None
            if len(self.found) >= MOST_DISCREPANCIES:
                return

    def _skip_before(self, node: Node) -> None:
        while (stored := self._peek()) is not None and _order(stored) < _order(node):
            self._report(stored, "has no place in the tree.")
            self.ahead = None

    def _peek(self) -> Node | None:
        if self.ahead is None:
            self.ahead = next(self.stored, None)
        return self.ahead

    def _report(self, node: Node, message: str) -> None:
        self.found.append(Discrepancy(f"node {node.position.level}/{node.position.index}", message))


def _order(node: Node) -> tuple[int, int]:
    return node.position.last_leaf, node.position.level


@dataclass(slots=True)
class _Replayed:
    """Every rollout's state as its recorded events give it (invariant 10)."""

    decode: Decode
    found: list[Discrepancy]
    states: dict[str, RolloutState] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)

    def add(self, recorded: Recorded) -> None:
        """Fold one entry's events; a rollout whose history breaks is reported once and then left out."""
        subject = recorded.entry.subject
        if not subject.startswith(ROLLOUT):
            return
        rollout_id = subject.removeprefix(ROLLOUT)
        for item in recorded.entry.events:
            if rollout_id in self.broken:
                return
            try:
                self._fold(rollout_id, self.decode(item))
            except (Corrupt, IndexError) as error:
                self.broken.add(rollout_id)
                self.found.append(Discrepancy(f"entry {recorded.seq}", f"cannot be replayed: {error}"))

    def compare(self, states: Iterable[RolloutState]) -> None:
        """Report stored states that differ from the replayed ones, and those that only one side knows."""
        missing = set(self.states) - self.broken
        for state in states:
            missing.discard(state.id)
            if state.id not in self.broken:
                self._compare(state)
        self.found.extend(
            Discrepancy(f"rollout {name}", "is in the journal, not in the store.") for name in sorted(missing)
        )

    def _fold(self, rollout_id: str, event: Event) -> None:
        state = self.states.get(rollout_id)
        if state is not None:
            self.states[rollout_id] = evolve(state, event)
        elif isinstance(event, Created) and event.id == rollout_id:
            self.states[rollout_id] = create(event)
        else:
            raise Corrupt(f"the history of rollout {rollout_id} does not start with its 'created'.")

    def _compare(self, stored: RolloutState) -> None:
        place, state = f"rollout {stored.id}", self.states.get(stored.id)
        if state is None:
            self.found.append(Discrepancy(place, "is in the store, not in the journal."))
        elif state != stored:
            names = [name for name in stored.__slots__ if getattr(stored, name) != getattr(state, name)]
            text = f"its stored state is not what its history gives: {', '.join(names)} differ."
            self.found.append(Discrepancy(place, text))


@dataclass(slots=True)
class _Written:
    """What the entries say was last written of everything that is no rollout: its digest, and in which entry."""

    found: list[Discrepancy]
    last: dict[str, tuple[str, int]] = field(default_factory=dict)

    def add(self, recorded: Recorded) -> None:
        """Take in what one entry's transaction wrote."""
        for name, digest in recorded.entry.rows.items():
            self.last[name] = (digest, recorded.seq)

    def compare(self, rows: Iterable[Row]) -> None:
        """Report rows that are not as they were last written, and those that only one side knows."""
        missing = dict(self.last)
        for row in rows:
            digest, seq = self.last.get(row.name, ("", None))
            missing.pop(row.name, None)
            if seq is None:
                self._report(row.name, "is in the store, not in the journal.")
            elif digest != row.digest:
                self._report(row.name, f"its row is not what entry {seq} recorded.")
        for name, (digest, seq) in sorted(missing.items()):
            if digest != REMOVED:
                self._report(name, f"is in the journal (entry {seq}), not in the store.")

    def _report(self, name: str, message: str) -> None:
        self.found.append(Discrepancy(name.replace("/", " ", 1), message))
