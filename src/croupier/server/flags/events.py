"""The stream's messages as bytes: server-sent events. Made once and written to everybody who is to get them."""

import json
from typing import Any, Final

from croupier.core.flags.snapshot import Delta, encode_delta

HEARTBEAT: Final = b":\n\n"
"""A comment: says to an OFREP client that the server is there, and to the server that the client still reads. Our own
clients get ``now``.
"""

_RETRY_MS: Final = 2_000
"""After so long a plain EventSource dials again; our SDK spreads its attempts by itself."""


def hello(position: str, heartbeat_s: float, ack_within_s: float) -> bytes:
    """The first event: how often the server is heard from at least, and where its flags are."""
    data = {"heartbeat_s": heartbeat_s, "ack_within_s": ack_within_s, "position": position}
    return b"retry: %d\nevent: hello\ndata: %s\n\n" % (_RETRY_MS, _json(data))


def now(position: str, digest: int) -> bytes:
    """A heartbeat: where the flags are, and the sum of them all. Who missed something finds out by it."""
    return b"event: now\ndata: %s\n\n" % _json({"position": position, "digest": f"{digest:064x}"})


def delta(what: Delta) -> bytes:
    """What changed. One that moves no version on (a kill that is not recorded yet) has no id to resume from."""
    position = f"{what.lineage}:{what.version}".encode()
    name = b"id: %s\n" % position if what.version > what.since else b""
    return b"event: delta\n%sdata: %s\n\n" % (name, encode_delta(what).encode())


def refetch(position: str, at: float) -> bytes:
    """To OFREP's clients (ADR-0008): ask for your flags again."""
    data = {"type": "refetchEvaluation", "etag": f'"{position}"', "lastModified": int(at)}
    return b"event: message\nid: %s\ndata: %s\n\n" % (position.encode(), _json(data))


def resync(within_s: float) -> bytes:
    """Too much was missed: fetch the whole, at a random moment within this time."""
    return b"event: resync\ndata: %s\n\n" % _json({"within_s": within_s})


def _json(data: dict[str, Any]) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode()
