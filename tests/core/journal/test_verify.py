from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.journal.entry import Entry, Recorded
from croupier.core.journal.merkle import Frontier, Node, Position, TreeHead, leaf_hash
from croupier.core.journal.verify import MOST_DISCREPANCIES, REMOVED, Held, Row, Verification, verify
from croupier.core.rollout import events as e
from croupier.core.rollout.machine import replay
from croupier.core.rollout.reasons import Hold
from croupier.core.rollout.spec import Plan, SetWeight
from croupier.core.rollout.state import RolloutState
from croupier.errors import Corrupt

PLAN = Plan(steps=(SetWeight(500), SetWeight(2500)), guards=(), gates=())
TYPES: dict[str, Callable[..., e.Event]] = {
    "created": lambda **values: e.Created(**{**values, "plan": PLAN}),
    "step_started": e.StepStarted,
    "weight_confirmed": e.WeightConfirmed,
    "paused": lambda **values: e.Paused(**{**values, "hold": Hold(values["hold"])}),
}


def decode(item: Mapping[str, Any]) -> e.Event:
    """Reads just the events used here; the store's own codec has its own tests."""
    if item.get("type") not in TYPES:
        raise Corrupt(f"no event: {item!r}")
    return TYPES[item["type"]](**item)


def no_flags(item: Mapping[str, Any]) -> NoReturn:
    """Flags' histories are told in ``test_flags``."""
    raise Corrupt(f"no event of a flag: {item!r}")


@dataclass
class Record:
    """A whole record in memory, honest until a test changes it."""

    entries: list[Recorded] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    frontier: Frontier = field(default_factory=Frontier)
    states: dict[str, RolloutState] = field(default_factory=dict)
    rows: dict[str, str] = field(default_factory=dict)
    head: TreeHead | None = None

    def add(self, subject: str, *events: e.Event, **rows: str) -> None:
        said = tuple(asdict(event) for event in events)
        entry = Entry(float(self.frontier.size), "anna", "act", subject, said, rows=rows)
        self.rows |= rows
        body = entry.leaf(self.frontier.size)
        self.entries.append(Recorded(self.frontier.size, entry, body, leaf_hash(body)))
        self.frontier, nodes = self.frontier.append(leaf_hash(body))
        self.nodes.extend(nodes)

    def verify(self) -> Verification:
        rows = [Row(name, digest) for name, digest in self.rows.items()]
        head = self.head or self.frontier.head
        return verify(self.entries, self.nodes, Held(head, self.states.values(), (), rows), decode, no_flags)

    def found(self) -> list[str]:
        verification = self.verify()
        assert verification.ok is not bool(verification.discrepancies)
        return [str(item) for item in verification.discrepancies]


def created(rollout_id: str) -> e.Created:
    return e.Created(rollout_id, "payments", "1.0.0", "1.1.0", "sha256:1", PLAN, 1.0)


def started(rollout_id: str) -> list[e.Event]:
    return [created(rollout_id), e.StepStarted(0, 2.0), e.WeightConfirmed(500, 3.0)]


@pytest.fixture
def record() -> Record:
    """Two rollouts and two releases, eleven entries."""
    record = Record()
    for name in ("payments-0", "payments-1"):
        for event in started(name):
            record.add(f"rollout/{name}", event)
        record.states[name] = replay(started(name))
    record.add("release/payments/1.2.0")
    more: list[e.Event] = [e.StepStarted(1, 4.0), e.Paused(Hold.PERSON, 5.0)]
    record.add("rollout/payments-1", *more)
    record.states["payments-1"] = replay([*started("payments-1"), *more])
    for _ in range(3):
        record.add("release/payments/1.3.0")
    return record


def test_an_honest_record_has_no_discrepancies(record: Record) -> None:
    verification = record.verify()
    assert verification == Verification(record.frontier.head, rollouts=2, discrepancies=())


def test_an_empty_record_is_honest() -> None:
    assert Record().found() == []


@given(st.data())
def test_every_changed_byte_of_a_body_is_found_at_its_entry(data: st.DataObject) -> None:
    record = Record()
    for _ in range(9):
        record.add("release/payments/1.2.0")
    seq = data.draw(st.integers(0, 8))
    body = bytearray(record.entries[seq].body)
    place = data.draw(st.integers(0, len(body) - 1))
    body[place] ^= data.draw(st.integers(1, 255))
    record.entries[seq] = replace(record.entries[seq], body=bytes(body))
    found = record.found()
    assert f"entry {seq}: its leaf hash is not the hash of its bytes: one of them was changed." in found
    assert any(item.startswith("root: ") for item in found)


def test_a_changed_body_is_found(record: Record) -> None:
    record.entries[6] = replace(record.entries[6], body=b"x" + record.entries[6].body[1:])
    assert "entry 6: its leaf hash is not the hash of its bytes: one of them was changed." in record.found()


def test_a_forged_entry_with_fitting_leaf_is_found_in_the_tree(record: Record) -> None:
    """The forger changed who did it, and the bytes and leaf with it, but not the nodes above."""
    entry = replace(record.entries[6].entry, actor="mallory")
    record.entries[6] = Recorded(6, entry, entry.leaf(6), leaf_hash(entry.leaf(6)))
    places = [item.split(":")[0] for item in record.found()]
    assert places == ["node 0/6", "node 1/3", "node 2/1", "node 3/0", "root"]


def test_a_forged_column_is_found(record: Record) -> None:
    """The row says another subject than the recorded bytes: an entry hidden from its subject's history."""
    record.entries[7] = replace(
        record.entries[7], entry=replace(record.entries[7].entry, subject="release/payments/9.9.9")
    )
    assert record.found() == [
        "entry 7: its recorded bytes are not the canonical form of what its row says.",
        (
            "rollout payments-1: its stored state is not what its history gives: "
            "phase, step, step_started_at, weight_bp, confirmed_bp, confirmed_at, hold differ."
        ),
    ]


def test_a_removed_entry_is_found(record: Record) -> None:
    del record.entries[6]
    found = record.found()
    assert found[0] == "entry 7: stands where entry 6 should be: entries were removed or added."
    assert "head: the stored head counts 11 entries, the journal has 10." in found


def test_a_cut_end_is_found(record: Record) -> None:
    """The last entry and its nodes are gone, the head is not."""
    record.head = record.frontier.head
    del record.entries[-1]
    del record.nodes[-1:]
    found = record.found()
    assert found[0] == "head: the stored head counts 11 entries, the journal has 10."
    assert found[1].startswith("root: the stored root is ")


def test_nodes_changed_removed_and_invented_are_found_at_their_place(record: Record) -> None:
    record.nodes[2] = replace(record.nodes[2], hash=bytes(32))
    assert record.nodes.pop(6).position == Position(2, 0)
    record.nodes.append(Node(Position(2, 5), bytes(32)))
    record.nodes.insert(0, Node(Position(0, -1), bytes(32)))
    assert record.found() == [
        "node 0/-1: has no place in the tree.",
        "node 1/0: its stored hash is not what the entries below it give.",
        "node 2/0: is missing.",
        "node 2/5: covers entries that the journal does not have.",
    ]


def test_a_stored_state_that_is_not_the_replayed_one_is_found(record: Record) -> None:
    record.states["payments-0"] = replace(record.states["payments-0"], weight_bp=10_000, canary="6.6.6")
    assert record.found() == [
        "rollout payments-0: its stored state is not what its history gives: canary, weight_bp differ."
    ]


def test_a_rollout_that_only_one_side_knows_is_found(record: Record) -> None:
    record.states["payments-9"] = replace(record.states.pop("payments-0"), id="payments-9")
    assert record.found() == [
        "rollout payments-9: is in the store, not in the journal.",
        "rollout payments-0: is in the journal, not in the store.",
    ]


@pytest.mark.parametrize(
    "event, why",
    [
        (e.Promoted(6.0), "no event: "),
        (created("payments-0"), "event 'created' cannot happen in phase 'progressing'"),
        (e.StepStarted(7, 6.0), "tuple index out of range"),
    ],
)
def test_a_history_that_cannot_be_replayed_is_reported_once(record: Record, event: e.Event, why: str) -> None:
    record.add("rollout/payments-0", event, e.StepStarted(1, 7.0))
    record.add("rollout/payments-0", e.StepStarted(1, 7.0))
    found = record.found()
    assert len(found) == 1
    assert found[0].startswith("entry 11: cannot be replayed: ")
    assert why in found[0]


def test_a_history_without_its_start_is_reported(record: Record) -> None:
    record.add("rollout/payments-5", e.StepStarted(0, 1.0))
    assert record.found() == [
        "entry 11: cannot be replayed: the history of rollout payments-5 does not start with its 'created'."
    ]


def test_a_hopeless_record_is_reported_in_part() -> None:
    """One lost row shifts everything behind it: the list ends somewhere."""
    record = Record()
    for _ in range(3 * MOST_DISCREPANCIES):
        record.add("release/payments/1.2.0")
    del record.entries[0]
    found = record.found()
    assert MOST_DISCREPANCIES <= len(found) <= MOST_DISCREPANCIES + 40
    assert found[-1].endswith(f"stopped here after {MOST_DISCREPANCIES} discrepancies.")


def test_a_flood_of_invented_nodes_is_reported_in_part(record: Record) -> None:
    record.nodes.extend(Node(Position(0, number), bytes(32)) for number in range(20, 3 * MOST_DISCREPANCIES))
    assert len(record.found()) == MOST_DISCREPANCIES


def test_rows_are_as_they_were_written_last(record: Record) -> None:
    for digest in ("sha256:1", "sha256:2"):
        record.add("document/Gate/ok", **{"document/Gate/ok": digest, "token/anna": "sha256:9"})
    assert record.found() == []
    record.rows = {"document/Gate/ok": "sha256:1", "release/shop/6.6.6": "sha256:6"}
    assert record.found() == [
        "document Gate/ok: its row is not what entry 12 recorded.",
        "release shop/6.6.6: is in the store, not in the journal.",
        "token anna: is in the journal (entry 12), not in the store.",
    ]


def test_a_row_that_was_taken_out_is_missed_by_nobody_and_must_not_be_there(record: Record) -> None:
    record.add("document/Gate/ok", **{"document/Gate/ok": "sha256:1"})
    record.add("document/Gate/ok", **{"document/Gate/ok": REMOVED})
    left, record.rows = record.rows, {}
    assert record.found() == []
    record.rows = left | {"document/Gate/ok": "sha256:1"}
    assert record.found() == [f"document Gate/ok: its row is not what entry {len(record.entries) - 1} recorded."]
