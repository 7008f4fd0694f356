"""The Merkle tree of RFC 9162 (section 2.1) over SHA-256, grown leaf by leaf: hashes, frontier, stored nodes, roots.

Pure. The store keeps the nodes of complete subtrees, for ever unchanged, under (level, index): node (0, i) is the hash
of leaf i, and node (l, i) covers the leaves [i * 2**l, (i + 1) * 2**l). Everything else is derived from them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, TypeAlias

EMPTY_ROOT: Final = sha256(b"").digest()
"""The root of a tree without leaves."""

Read: TypeAlias = Callable[[int, int], bytes]
"""Fetches the stored node (level, index)."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf holding ``data``."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node above two others; the prefix keeps nodes and leaves apart."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where a node of a complete subtree is."""

    level: int
    index: int

    @property
    def last_leaf(self) -> int:
        """The last leaf below: the node exists from that leaf's append on."""
        return ((self.index + 1) << self.level) - 1


@dataclass(frozen=True, slots=True)
class Node:
    """A complete subtree's hash at its position; once stored it never changes."""

    position: Position
    hash: bytes


@dataclass(frozen=True, slots=True)
class TreeHead:
    """Size and RFC 9162 root hash of the journal's Merkle tree."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Frontier:
    """What growing needs: the roots of its complete subtrees, leftmost (largest) first; one per 1 bit of ``size``."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> tuple["Frontier", tuple[Node, ...]]:
        """The frontier with one more leaf hash, and the nodes that it completes, lowest level first."""
        hashes = list(self.hashes)
        position, top = Position(0, self.size), leaf
        nodes = [Node(position, top)]
        while position.index & 1:
            position, top = Position(position.level + 1, position.index >> 1), node_hash(hashes.pop(), top)
            nodes.append(Node(position, top))
        return Frontier(self.size + 1, (*hashes, top)), tuple(nodes)

    @property
    def head(self) -> TreeHead:
        """Size and root of the tree so far."""
        return TreeHead(self.size, fold(self.hashes))


def frontier_positions(size: int) -> tuple[Position, ...]:
    """The nodes that a tree of this size is made of, leftmost first: what ``Frontier.hashes`` holds."""
    return complete_subtrees(0, size)


def complete_subtrees(start: int, end: int) -> tuple[Position, ...]:
    """The stored nodes that cover the leaves [start, end), leftmost first; ``start`` aligned as in the RFC."""
    found = []
    while start < end:
        level = (end - start).bit_length() - 1
        found.append(Position(level, start >> level))
        start += 1 << level
    return tuple(found)


def range_root(start: int, end: int, read: Read) -> bytes:
    """The RFC's MTH over the leaves [start, end), read from stored nodes in logarithmic work."""
    return fold(read(position.level, position.index) for position in complete_subtrees(start, end))


def fold(hashes: Iterable[bytes]) -> bytes:
    """The root above complete subtrees, leftmost first: the right edge is joined from the right."""
    from_right = list(hashes)[::-1]
    if not from_right:
        return EMPTY_ROOT
    root = from_right[0]
    for left in from_right[1:]:
        root = node_hash(left, root)
    return root
