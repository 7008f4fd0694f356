"""Encoding and decoding; the golden files are histories as older versions wrote them: they must replay for ever.

A golden file is only ever added. If one fails, the change breaks journals that people have.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import pytest

from croupier.adapters.store import codec
from croupier.control.ports import Document
from croupier.core.gates import Gate, RatioSli
from croupier.core.rollout import events as e
from croupier.core.rollout.machine import replay
from croupier.core.rollout.spec import Pause, Plan, SetWeight
from croupier.errors import Corrupt, Rejected

GOLDEN = Path(__file__).parent / "golden"
HISTORIES = {path.stem: json.loads(path.read_text()) for path in sorted(GOLDEN.glob("*.json"))}


@pytest.mark.parametrize("name", HISTORIES)
def test_old_histories_replay_for_ever(name: str) -> None:
    events = []
    for step in HISTORIES[name]:
        events.append(codec.EVENT.load(step["event"]))
        assert replay(events) == codec.STATE.load(step["state"]), f"after {step['event']['type']}"


@pytest.mark.parametrize("name", HISTORIES)
def test_what_is_written_today_is_what_was_written_then(name: str) -> None:
    """Fields may be added since; what an old file has must still be there, with the same name and value."""
    for step in HISTORIES[name]:
        assert covers(codec.EVENT.dump(codec.EVENT.load(step["event"])), step["event"])
        assert covers(codec.STATE.dump(codec.STATE.load(step["state"])), step["state"])


def covers(now: Any, then: Any) -> bool:
    if isinstance(then, dict):
        return all(name in now and covers(now[name], value) for name, value in then.items())
    if isinstance(then, list):
        return len(now) == len(then) and all(map(covers, now, then))
    return bool(now == then)


def test_the_golden_files_know_every_event() -> None:
    """A new event needs a golden file before anybody's journal has one."""
    known = {step["event"]["type"] for history in HISTORIES.values() for step in history}
    assert known == {cls.__dataclass_fields__["type"].default for cls in get_args(e.Event)}


@pytest.mark.parametrize("name", HISTORIES)
def test_events_as_the_use_cases_write_them_are_read_back(name: str) -> None:
    """Use cases put ``asdict(event)`` into entries, since the core knows no codec: the same JSON, then."""
    for step in HISTORIES[name]:
        event = codec.EVENT.load(step["event"])
        assert codec.EVENT.load(json.loads(json.dumps(asdict(event)))) == event
        assert json.loads(json.dumps(asdict(event))) == codec.EVENT.dump(event)


CREATED = e.Created("a-1", "a", None, "1.0.0", "sha256:1", Plan((SetWeight(5), Pause()), (), ()), 5.0)


def test_fields_of_newer_versions_are_left_out() -> None:
    value = codec.EVENT.dump(CREATED)
    value["mood"] = "good"
    value["plan"]["colour"] = {"deep": [1]}
    value["plan"]["steps"][0]["speed"] = 3
    assert codec.EVENT.load(value) == CREATED


def test_fields_that_old_records_lack_get_their_defaults() -> None:
    value = codec.EVENT.dump(CREATED)
    del value["plan"]["segment"], value["plan"]["timing"]
    assert codec.EVENT.load(value) == CREATED


@pytest.mark.parametrize(
    "value, why",
    [
        ({}, "discriminator"),
        ({"type": "danced", "at": 1.0}, "'danced'"),
        ({"type": "created", "id": "x"}, "created.service: Field required"),
        ({"type": "paused", "hold": "nobody", "at": 1.0}, "paused.hold"),
    ],
)
def test_what_is_no_event_is_corrupt_and_says_where(value: dict[str, Any], why: str) -> None:
    with pytest.raises(Corrupt, match=f"the stored event of entry 7 cannot be read: .*{why}"):
        codec.EVENT.load(value, "entry 7")


@pytest.mark.parametrize("text", ["", "{", "[]", "5", '{"at": NaN}', '{"at": Infinity}', "[" * 10_000])
def test_what_is_no_json_object_is_corrupt(text: str) -> None:
    with pytest.raises(Corrupt, match="the stored rollout of rollout a-1 cannot be read"):
        codec.STATE.decode(text, "rollout a-1")


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_numbers_that_json_has_not_are_refused(value: float) -> None:
    with pytest.raises(Rejected, match="this event cannot be recorded"):
        codec.EVENT.encode(e.Resumed(value))


def test_documents_of_unknown_kinds() -> None:
    gate = Gate("g", RatioSli("m", ()))
    with pytest.raises(Rejected, match="kind 'Wish' are unknown"):
        codec.encode_document(Document("Wish", "g", "sha256:1", gate, {}))
    text = codec.encode_document(Document("Gate", "g", "sha256:1", gate, {"a": 1}))
    with pytest.raises(Corrupt, match="'Wish' is missing or unknown"):
        codec.decode_document(text.replace('"Gate"', '"Wish"'), "Wish g")
    with pytest.raises(Corrupt, match="'digest' is missing or unknown"):
        codec.decode_document(text.replace('"digest"', '"digested"'), "Gate g")


def test_equal_values_have_equal_texts() -> None:
    one = Document("Gate", "g", "sha256:1", Gate("g", RatioSli("m", ())), {"b": 1.0, "a": {"d": 1, "c": 2}})
    other = Document("Gate", "g", "sha256:1", Gate("g", RatioSli("m", ())), {"a": {"c": 2, "d": 1}, "b": 1})
    assert codec.encode_document(one) == codec.encode_document(other)
