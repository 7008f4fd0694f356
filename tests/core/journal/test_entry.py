import json
from dataclasses import replace
from hashlib import sha256

import pytest

from croupier.core.journal.entry import Entry

ENTRY = Entry(1700000000.5, "anna", "start", "rollout/payments-7", ({"type": "paused", "at": 5.0},), "näher ansehen")


def test_the_leaf_is_canonical_and_for_ever() -> None:
    """These bytes are hashed into every root that a witness ever kept: if this fails, old journals no longer verify."""
    assert (
        ENTRY.leaf(3)
        == (
            '{"action":"start","actor":"anna","at":1700000000.5,"events":[{"at":5,"type":"paused"}],'
            '"reason":"näher ansehen","seq":3,"subject":"rollout/payments-7"}'
        ).encode()
    )
    assert sha256(ENTRY.leaf(3)).hexdigest() == "d3d64007eaa57d118cf67c5bdf6ea9456a3d0ada7363e94f3744b7c3b9766e1f"


def test_the_position_is_part_of_the_leaf() -> None:
    assert ENTRY.leaf(3) != ENTRY.leaf(4)
    assert json.loads(ENTRY.leaf(4))["seq"] == 4


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53, "\ud800"])
def test_what_json_cannot_carry_everywhere_has_no_leaf(value: object) -> None:
    with pytest.raises(ValueError, match=r"JSON|JCS|UTF-8"):
        Entry(0.0, "a", "b", "c/d", ({"type": "x", "value": value},)).leaf(0)


def test_the_digests_of_rows_are_part_of_the_leaf() -> None:
    with_rows = replace(ENTRY, rows={"document/Gate/ok": "sha256:1"})
    assert json.loads(with_rows.leaf(3)) == {**json.loads(ENTRY.leaf(3)), "rows": {"document/Gate/ok": "sha256:1"}}
