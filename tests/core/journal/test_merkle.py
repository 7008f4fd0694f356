from hypothesis import given
from hypothesis import strategies as st

from croupier.core.journal.merkle import (
    EMPTY_ROOT,
    Frontier,
    Position,
    TreeHead,
    complete_subtrees,
    frontier_positions,
    leaf_hash,
    node_hash,
    range_root,
)

leaves = st.lists(st.binary(max_size=40), max_size=70)


def naive_root(data: list[bytes]) -> bytes:
    """RFC 9162, 2.1.1, word for word."""
    if not data:
        return EMPTY_ROOT
    if len(data) == 1:
        return leaf_hash(data[0])
    k = 1
    while k * 2 < len(data):
        k *= 2
    return node_hash(naive_root(data[:k]), naive_root(data[k:]))


def grow(data: list[bytes]) -> tuple[Frontier, dict[tuple[int, int], bytes]]:
    frontier, stored = Frontier(), {}
    for item in data:
        frontier, nodes = frontier.append(leaf_hash(item))
        for node in nodes:
            assert (node.position.level, node.position.index) not in stored, "a stored node never changes"
            stored[node.position.level, node.position.index] = node.hash
    return frontier, stored


def test_the_empty_tree_has_the_root_of_the_rfc() -> None:
    assert Frontier().head == TreeHead(0, EMPTY_ROOT)
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_leaves_and_nodes_are_told_apart() -> None:
    """Without the prefixes a node could pass for a leaf (second preimage)."""
    assert leaf_hash(b"ab") != node_hash(b"a", b"b")
    assert leaf_hash(b"") == bytes.fromhex("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d")


@given(leaves)
def test_growing_leaf_by_leaf_gives_the_root_of_the_definition(data: list[bytes]) -> None:
    frontier, _ = grow(data)
    assert frontier.head == TreeHead(len(data), naive_root(data))


@given(leaves)
def test_the_frontier_comes_back_from_stored_nodes(data: list[bytes]) -> None:
    frontier, stored = grow(data)
    hashes = tuple(stored[position.level, position.index] for position in frontier_positions(len(data)))
    assert Frontier(len(data), hashes) == frontier


@given(leaves)
def test_every_earlier_root_comes_from_stored_nodes(data: list[bytes]) -> None:
    _, stored = grow(data)
    for size in range(len(data) + 1):
        assert range_root(0, size, lambda level, index: stored[level, index]) == naive_root(data[:size])


@given(leaves)
def test_nodes_are_completed_in_the_order_of_their_last_leaf_and_level(data: list[bytes]) -> None:
    frontier, order = Frontier(), []
    for item in data:
        frontier, nodes = frontier.append(leaf_hash(item))
        order += [(node.position.last_leaf, node.position.level) for node in nodes]
        assert all(last_leaf == frontier.size - 1 for last_leaf, _ in order[-len(nodes) :])
    assert order == sorted(order)


@given(st.integers(0, 1 << 62))
def test_work_is_logarithmic(size: int) -> None:
    """A frontier has a node per 1 bit of the size, whatever the size: that is all an append or a root reads."""
    assert len(frontier_positions(size)) == size.bit_count() <= 62
    assert sum(1 << position.level for position in frontier_positions(size)) == size


def test_subtrees_of_a_range_are_the_aligned_ones() -> None:
    assert complete_subtrees(4, 7) == (Position(1, 2), Position(0, 6))
    assert complete_subtrees(0, 8) == (Position(3, 0),)
    assert complete_subtrees(5, 5) == ()
