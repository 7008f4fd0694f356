"""One entry of the journal: who did what to which subject, when and why, with the events that carry the change.

The canonical bytes of an entry (RFC 8785 JSON) are a leaf of the Merkle tree. Use cases make entries, the store records
them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import rfc8785


@dataclass(frozen=True, slots=True)
class Entry:
    """A state change about to be recorded. ``at`` is epoch seconds; ``events`` are JSON objects with a ``type`` each.

    ``subject`` is ``release/payments/1.1.0``, ``document/Gate/deposits``, ``preset/safe-mode``, or
    ``rollout/payments-7`` and ``flag/payments_v2``: the events there are that rollout's or flag's and nothing else, for
    its state is rebuilt from them. ``rows`` is the store's: the digests of what its transaction wrote beside those, by
    name (``document/Gate/deposits``), in a commit's first entry.
    """

    at: float
    actor: str
    action: str
    subject: str
    events: tuple[Mapping[str, Any], ...] = ()
    reason: str = ""
    rows: Mapping[str, str] = field(default_factory=dict)

    def leaf(self, seq: int) -> bytes:
        """The canonical bytes of this entry at position ``seq`` (0, 1, …): what the tree hashes."""
        said: dict[str, Any] = {
            "seq": seq,
            "at": self.at,
            "actor": self.actor,
            "action": self.action,
            "subject": self.subject,
            "events": [dict(event) for event in self.events],
            "reason": self.reason,
        }
        # Left out where there are none: what was recorded without keeps its bytes.
        return rfc8785.dumps({**said, "rows": dict(self.rows)} if self.rows else said)


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry as it stands in the journal. ``leaf_hash`` is RFC 9162's hash of its canonical bytes ``body``."""

    seq: int
    entry: Entry
    body: bytes
    leaf_hash: bytes
