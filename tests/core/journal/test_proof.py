import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.journal.merkle import Frontier, leaf_hash
from croupier.core.journal.proof import consistency_proof, inclusion_proof, verify_consistency, verify_inclusion
from croupier.errors import Rejected

CASES = Path(__file__).parents[4] / "shared" / "conformance" / "merkle"
"""Outside conformance data (transparency-dev/merkle), beside the repository where it is there at all."""


def cases(kind: str) -> list[Any]:
    found = sorted((CASES / kind).rglob("*.json"))
    if not found:
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"no conformance data in {CASES / kind}"))]
    return [pytest.param(json.loads(path.read_text()), id=str(path.relative_to(CASES))) for path in found]


def unpack(case: dict[str, Any], *names: str) -> tuple[bytes, ...]:
    return tuple(base64.b64decode(case[name]) for name in names)


def path_of(case: dict[str, Any]) -> tuple[bytes, ...]:
    return tuple(base64.b64decode(item) for item in case["proof"] or [])


@pytest.mark.parametrize("case", cases("inclusion"))
def test_inclusion_cases_of_the_outside_world(case: dict[str, Any]) -> None:
    leaf, root = unpack(case, "leafHash", "root")
    accepted = verify_inclusion(case["leafIdx"], case["treeSize"], leaf, path_of(case), root)
    assert accepted is not case["wantErr"], case["desc"]


@pytest.mark.parametrize("case", cases("consistency"))
def test_consistency_cases_of_the_outside_world(case: dict[str, Any]) -> None:
    first, second = unpack(case, "root1", "root2")
    accepted = verify_consistency(case["size1"], case["size2"], first, second, path_of(case))
    assert accepted is not case["wantErr"], case["desc"]


class Tree:
    """A grown tree with the root of every size, and its stored nodes."""

    def __init__(self, size: int) -> None:
        frontier = Frontier()
        self.roots = [frontier.head.root]
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.reads = 0
        for seq in range(size):
            frontier, nodes = frontier.append(self.leaf(seq))
            self.roots.append(frontier.head.root)
            self.nodes |= {(node.position.level, node.position.index): node.hash for node in nodes}

    def leaf(self, seq: int) -> bytes:
        return leaf_hash(seq.to_bytes(8))

    def read(self, level: int, index: int) -> bytes:
        self.reads += 1
        return self.nodes[level, index]


TREE = Tree(300)
sizes = st.integers(1, 300)


def flip(value: bytes, bit: int) -> bytes:
    return (int.from_bytes(value) ^ (1 << bit % (len(value) * 8))).to_bytes(len(value))


@given(sizes, st.data())
def test_every_entry_is_proved_in_every_tree_that_has_it(size: int, data: st.DataObject) -> None:
    seq = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(seq, size, TREE.read)
    assert verify_inclusion(seq, size, TREE.leaf(seq), proof, TREE.roots[size])


@given(sizes, st.data())
def test_every_tree_is_proved_to_start_with_every_earlier_one(second: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, second))
    proof = consistency_proof(first, second, TREE.read)
    assert verify_consistency(first, second, TREE.roots[first], TREE.roots[second], proof)


def test_every_small_tree_is_proved_to_start_with_every_earlier_one() -> None:
    for second in range(1, 33):
        for first in range(1, second + 1):
            proof = consistency_proof(first, second, TREE.read)
            assert verify_consistency(first, second, TREE.roots[first], TREE.roots[second], proof)
            assert not verify_consistency(first, second, TREE.roots[0], TREE.roots[second], proof)


@given(sizes, st.data())
def test_any_flipped_bit_breaks_an_inclusion_proof(size: int, data: st.DataObject) -> None:
    seq = data.draw(st.integers(0, size - 1))
    parts = [TREE.leaf(seq), TREE.roots[size], *inclusion_proof(seq, size, TREE.read)]
    which = data.draw(st.integers(0, len(parts) - 1))
    parts[which] = flip(parts[which], data.draw(st.integers(0, 255)))
    assert not verify_inclusion(seq, size, parts[0], tuple(parts[2:]), parts[1])


@given(sizes, st.data())
def test_any_flipped_bit_breaks_a_consistency_proof(second: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, second))
    parts = [TREE.roots[first], TREE.roots[second], *consistency_proof(first, second, TREE.read)]
    which = data.draw(st.integers(0, len(parts) - 1))
    parts[which] = flip(parts[which], data.draw(st.integers(0, 255)))
    assert not verify_consistency(first, second, parts[0], parts[1], tuple(parts[2:]))


@given(sizes, st.data())
def test_a_proof_is_of_one_place_only(size: int, data: st.DataObject) -> None:
    seq, other = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, 400))
    proof = inclusion_proof(seq, size, TREE.read)
    if other != seq:
        assert not verify_inclusion(other, size, TREE.leaf(seq), proof, TREE.roots[size])


@pytest.mark.parametrize("cut", [slice(1, None), slice(None, -1)])
def test_a_shortened_or_lengthened_proof_fails(cut: slice) -> None:
    proof = inclusion_proof(5, 100, TREE.read)
    assert not verify_inclusion(5, 100, TREE.leaf(5), proof[cut], TREE.roots[100])
    assert not verify_inclusion(5, 100, TREE.leaf(5), (*proof, proof[0]), TREE.roots[100])
    assert not verify_inclusion(5, 100, TREE.leaf(5)[1:], proof, TREE.roots[100])
    steps = consistency_proof(37, 100, TREE.read)
    assert not verify_consistency(37, 100, TREE.roots[37], TREE.roots[100], steps[cut])
    assert not verify_consistency(37, 100, TREE.roots[37], TREE.roots[100], (*steps, steps[0]))
    assert not verify_consistency(37, 100, TREE.roots[37], TREE.roots[100], ())


def test_a_proof_reads_a_logarithmic_number_of_nodes() -> None:
    """Two trees of 2**k - 1 leaves are the worst: nothing at their right edge is complete."""
    for size in (255, 256, 257, 299):
        for seq in range(size):
            TREE.reads = 0
            inclusion_proof(seq, size, TREE.read)
            assert TREE.reads <= 2 * size.bit_length()


def test_proofs_that_cannot_exist_are_refused_with_the_reason() -> None:
    with pytest.raises(Rejected, match="entry 5 is not in a tree of 5 entries"):
        inclusion_proof(5, 5, TREE.read)
    with pytest.raises(Rejected, match="entry 0 is not in a tree of 0 entries"):
        inclusion_proof(0, 0, TREE.read)
    with pytest.raises(Rejected, match="from a tree of 0 entries"):
        consistency_proof(0, 5, TREE.read)
    with pytest.raises(Rejected, match="from a tree of 6 entries to one of 5"):
        consistency_proof(6, 5, TREE.read)
