"""Snapshots and deltas: the same content whatever the order, and damage is found."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.flags.snapshot import (
    Delta,
    Snapshot,
    apply,
    decode,
    decode_delta,
    encode,
    encode_delta,
    follows,
    is_tombstone,
    merge,
    snapshot,
    split_line,
    version_of,
)
from croupier.errors import Corrupt

KEYS = st.sampled_from(["a", "b", "c", "segment/vip"])
BODIES = st.sampled_from(["", '{"serve":"on"}', '{"serve":"Zürich \\u2028"}', "{}"])


def line(key: str, version: int, body: str = "{}") -> str:
    return f"{key}\t{version}\t{body}"


def delta(since: int, version: int, *lines: str, lineage: str = "home") -> Delta:
    return Delta("production", lineage, since, version, 0, lines)


def whole(version: int, *lines: str, lineage: str = "home") -> Snapshot:
    return snapshot("production", lineage, version, lines)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Snapshot], list[Delta]]:
    """The snapshot at each version, and the delta to it from the one before."""
    snapshots, deltas = [whole(0)], []
    for version, changes in enumerate(draw(st.lists(st.dictionaries(KEYS, BODIES, min_size=1), max_size=6)), 1):
        step = delta(version - 1, version, *(line(key, version, body) for key, body in changes.items()))
        deltas.append(step)
        snapshots.append(apply(snapshots[-1], step))
    return snapshots, deltas


@given(histories())
def test_a_chain_of_deltas_is_the_whole(history: tuple[list[Snapshot], list[Delta]]) -> None:
    snapshots, deltas = history
    latest: dict[str, str] = {}
    for step in deltas:
        latest |= {text.partition("\t")[0]: text for text in step.lines}
    fetched = whole(len(deltas), *latest.values())
    assert snapshots[-1] == fetched


@given(histories(), st.data())
def test_any_order_and_any_repetition_ends_in_the_same_content(
    history: tuple[list[Snapshot], list[Delta]], data: st.DataObject
) -> None:
    snapshots, deltas = history
    start = data.draw(st.integers(0, len(deltas)))
    rest = deltas[start:]
    again = data.draw(st.lists(st.sampled_from(deltas))) if deltas else []
    state = snapshots[start]
    for step in data.draw(st.permutations([*rest, *again])):
        after = apply(state, step)
        assert after.version >= state.version
        state = after
    assert (state.lines, state.digest) == (snapshots[-1].lines, snapshots[-1].digest)
    assert merge(state, snapshots[-1]) == snapshots[-1]


@given(histories(), st.data())
def test_a_whole_that_was_fetched_meanwhile_loses_nothing(
    history: tuple[list[Snapshot], list[Delta]], data: st.DataObject
) -> None:
    snapshots, deltas = history
    fetched = data.draw(st.integers(0, len(deltas)))
    state = data.draw(st.sampled_from(snapshots[: fetched + 1]))
    for step in deltas:
        state = apply(state, step) if data.draw(st.booleans()) else state
    merged = merge(state, snapshots[fetched])
    for step in deltas:
        merged = apply(merged, step)
    assert merged == snapshots[-1]


@given(histories())
def test_what_is_encoded_is_decoded(history: tuple[list[Snapshot], list[Delta]]) -> None:
    snapshots, deltas = history
    for each in snapshots:
        assert decode(encode(each)) == replace(each, gone={})
    for step in deltas:
        assert decode_delta(encode_delta(step)) == step
        assert "\n" not in encode_delta(step)


def test_one_delta_that_is_encoded_is_decoded() -> None:
    step = delta(1, 3, line("a", 2), line("b", 3, '{"serve":"Zürich"}'))
    assert decode_delta(encode_delta(step)) == step


def test_a_kill_that_comes_early_is_taken_and_the_version_stays() -> None:
    before = whole(5, line("a", 3))
    early = apply(before, delta(5, 5, line("a", 6, '{"fixed":"off"}')))
    assert (early.version, early.lines["a"]) == (5, '6\t{"fixed":"off"}')
    gap = apply(before, delta(7, 8, line("a", 8, '{"fixed":"off"}')))
    assert (gap.version, gap.lines["a"]) == (5, '8\t{"fixed":"off"}')


def test_a_flag_that_went_early_stays_away_until_the_version_is_past() -> None:
    before = whole(5, line("a", 3))
    gone = apply(before, delta(6, 7, line("a", 7, "")))
    assert (dict(gone.lines), gone.gone) == ({}, {"a": 7})
    late = apply(gone, delta(5, 6, line("a", 6)))
    assert (dict(late.lines), late.version) == ({}, 6)
    assert apply(late, delta(6, 7, line("a", 7, ""))).gone == {}
    assert merge(gone, whole(6, line("a", 6))).lines == {}
    back = apply(late, delta(6, 8, line("a", 8)))
    assert (dict(back.lines), back.gone) == ({"a": "8\t{}"}, {})


@pytest.mark.parametrize(
    "other",
    [delta(5, 6, line("a", 6, ""), lineage="elsewhere"), replace(delta(5, 6, line("a", 6, "")), environment="test")],
)
def test_another_record_s_delta_changes_nothing(other: Delta) -> None:
    before = whole(5, line("a", 3))
    assert not follows(before, other)
    assert apply(before, other) == before


def test_another_record_s_whole_replaces_everything() -> None:
    fetched = whole(1, line("b", 1), lineage="elsewhere")
    assert merge(whole(5, line("a", 3)), fetched) == fetched


def test_the_position_names_the_record() -> None:
    assert whole(5).position == "home:5"


@pytest.mark.parametrize(
    "text", ["", "a", "a\t1", "\t1\t{}", "a\t\t{}", "a\tx\t{}", "a\t²\t{}", f"a\t{'9' * 16}\t{{}}"]
)
def test_no_line(text: str) -> None:
    with pytest.raises(Corrupt, match="not a flag's line"):
        split_line(text)


def test_a_line_s_parts() -> None:
    assert split_line("a\t12\t{\t}") == ("a", "12\t{\t}")
    assert version_of("12\t{}") == 12
    assert is_tombstone("12\t")
    assert not is_tombstone("12\t{}")


GOOD = encode(whole(5, line("a", 3), line("b", 5)))


@pytest.mark.parametrize(
    "data, words",
    [
        (b"", "not a snapshot"),
        (b"\xff", "not a snapshot"),
        (b"[]\n", "not a snapshot"),
        (b"{}\n", "not a snapshot"),
        (b"[" * 100_000, "not a snapshot"),
        (GOOD[:-1], "cut off"),
        (GOOD.replace(b'"format": 1', b'"format": 2'), "format of another version"),
        (GOOD.replace(b"a\t3", b"a\t4"), "does not have the digest"),
        (GOOD.replace(b"a\t3\t{}\n", b""), "does not have the digest"),
        (GOOD.replace(b"a\t3", b"a"), "not a flag's line"),
        (GOOD.replace(b'"version": 5', b'"version": null'), "not a snapshot"),
    ],
)
def test_damage_is_found(data: bytes, words: str) -> None:
    with pytest.raises(Corrupt, match=words):
        decode(data)


@given(st.binary() | st.integers(0, len(GOOD) - 1).flatmap(
    lambda at: st.binary(min_size=1, max_size=3).map(lambda noise: GOOD[:at] + noise + GOOD[at + 1 :])
))  # fmt: skip
def test_any_bytes_are_a_snapshot_or_corrupt(data: bytes) -> None:
    with suppress(Corrupt):
        decode(data)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "[" * 100_000, encode_delta(delta(1, 2, "a")), encode_delta(delta(1, 2)).replace("[]", "3"),
     encode_delta(delta(1, 2)).replace("[]", r'["a\t2\t\ud800"]')],
)  # fmt: skip
def test_no_delta(text: str) -> None:
    with pytest.raises(Corrupt):
        decode_delta(text)


@given(st.text() | st.dictionaries(st.sampled_from(["lines", "since", "at"]), st.text()).map(json.dumps))
def test_any_text_is_a_delta_or_corrupt(text: str) -> None:
    with pytest.raises(Corrupt):
        decode_delta(text)


def test_nothing_is_known_at_first() -> None:
    empty: Sequence[object] = list(Snapshot("production").lines)
    assert not empty


def test_what_a_record_that_went_back_had_does_not_count() -> None:
    """An older database was restored: the same lineage, and versions that were given out are given out once more."""
    held = apply(whole(7, line("a", 3), line("b", 7), line("c", 1)), delta(7, 8, line("c", 8), "b\t8\t"))
    held = apply(held, delta(8, 8, "a\t9\t"))
    fetched = whole(5, line("a", 3), line("b", 4), line("c", 1))
    assert merge(held, fetched).lines == {"b": "4\t{}", "c": "8\t{}"}
    assert merge(held, fetched, held) == fetched
    meanwhile = apply(held, delta(8, 8, line("b", 9)))
    assert merge(meanwhile, fetched, held).lines == {**fetched.lines, "b": "9\t{}"}
