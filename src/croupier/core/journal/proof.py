"""Proofs of RFC 9162 about the journal's tree: that an entry is in it, that a later tree only added to an earlier one.

Building reads stored nodes through a small callable. Verifying needs nothing but the proof, so that anyone can do it
offline (sections 2.1.3 and 2.1.4).
"""

from croupier.core.journal.merkle import EMPTY_ROOT, Read, node_hash, range_root
from croupier.errors import Rejected

HASH_BYTES = len(EMPTY_ROOT)


def inclusion_proof(seq: int, size: int, read: Read) -> tuple[bytes, ...]:
    """The sibling hashes from leaf ``seq`` up to the root of the tree of the first ``size`` leaves.

    Raises ``Rejected`` where that tree has no such leaf.
    """
    if not 0 <= seq < size:
        raise Rejected(f"entry {seq} is not in a tree of {size} entries.", hint=f"Name one from 0 to {size - 1}.")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _left_width(end - start)
        if seq < middle:
            path.append(range_root(middle, end, read))
            end = middle
        else:
            path.append(range_root(start, middle, read))
            start = middle
    return tuple(reversed(path))


def consistency_proof(first: int, second: int, read: Read) -> tuple[bytes, ...]:
    """The hashes showing that the tree of ``first`` leaves is the start of the tree of ``second`` leaves.

    Raises ``Rejected`` for sizes between which no proof can lead.
    """
    if not 0 < first <= second:
        raise Rejected(
            f"no proof leads from a tree of {first} entries to one of {second}.",
            hint="The first size must be 1 or more and not above the second.",
        )
    path: list[bytes] = []
    start, end = 0, second
    while end != first:
        middle = start + _left_width(end - start)
        if first <= middle:
            path.append(range_root(middle, end, read))
            end = middle
        else:
            path.append(range_root(start, middle, read))
            start = middle
    if start > 0:  # the whole first tree is what the verifier starts from, so it is not sent
        path.append(range_root(start, end, read))
    return tuple(reversed(path))


def verify_inclusion(seq: int, size: int, leaf: bytes, proof: tuple[bytes, ...], root: bytes) -> bool:
    """Whether the proof shows a leaf of this hash at ``seq`` of the tree of this size and root (RFC 9162, 2.1.3.2)."""
    if not 0 <= seq < size or not _hashes(leaf, *proof):
        return False
    index, last, computed = seq, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if index & 1 or index == last:
            computed = node_hash(sibling, computed)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            computed = node_hash(computed, sibling)
        index, last = index >> 1, last >> 1
    return last == 0 and computed == root


def verify_consistency(
    first: int, second: int, first_root: bytes, second_root: bytes, proof: tuple[bytes, ...]
) -> bool:
    """Whether the proof shows that the second tree starts with all of the first (RFC 9162, 2.1.4.2).

    An empty first tree proves nothing and is never consistent.
    """
    if not 0 < first <= second or not _hashes(*proof):
        return False
    if first == second:
        return not proof and first_root == second_root
    path = (first_root, *proof) if first & (first - 1) == 0 else proof
    if not path:
        return False
    index, last = first - 1, second - 1
    while index & 1:
        index, last = index >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if index & 1 or index == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        index, last = index >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


def _left_width(width: int) -> int:
    """The largest power of two below ``width``: how many leaves the RFC puts on the left."""
    return 1 << ((width - 1).bit_length() - 1)


def _hashes(*values: bytes) -> bool:
    """Whether every value has the length of a hash; anything else is garbage whatever it hashes to."""
    return all(len(value) == HASH_BYTES for value in values)
