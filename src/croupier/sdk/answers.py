"""A server's answers, read within bounds: no answer, compressed or without an end, takes more memory than it may.

Read here and not by httpx and httpx_sse, which unpack, and collect a line of, any length before anybody can say stop.
Nothing here trusts the server: it may be a proxy's page, or somebody else's. Called by ``connection``.
"""

import time
import zlib
from collections.abc import Iterator
from typing import Final

import httpx

from croupier.errors import Corrupt

LARGEST_EVENT: Final = 16 * 1024 * 1024
"""Bytes. The control plane has clients fetch the whole instead of any event of more than 256 KiB."""
SILENCE_S: Final = 45.0
"""Three of the server's heartbeats: a stream that says nothing whole for longer is dead."""
_BODY_S: Final = 300.0
"""An answer that takes longer comes from a server, or over a network, that is not worth waiting for."""
_STEP: Final = 1024 * 1024
"""So much is unpacked at a time."""


def body(response: httpx.Response, most: int) -> bytearray:
    """The answer's content, unpacked. Raises ``Corrupt`` for one that has more bytes, takes too long, or is packed in
    a way that was not asked for.
    """
    content, began = bytearray(), time.monotonic()
    for part in _unpacked(response):
        content += part
        if len(content) > most:
            raise Corrupt(f"the answer is larger than {most:,} bytes.")
        if time.monotonic() - began > _BODY_S:
            raise Corrupt(f"the answer takes longer than {_BODY_S:g} s.")
    return content


def _unpacked(response: httpx.Response) -> Iterator[bytes]:
    """httpx would unpack all of what came at once, however much that is."""
    packing = _packing(response)
    if packing == "":
        yield from response.iter_raw()
        return
    if packing != "gzip":
        raise Corrupt(f"the answer is packed as {packing[:60]!r}, which was not asked for.")
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        for packed in response.iter_raw():
            yield unpacking.decompress(packed, _STEP)
            while unpacking.unconsumed_tail:
                yield unpacking.decompress(unpacking.unconsumed_tail, _STEP)
    except zlib.error as error:
        raise Corrupt(f"the answer cannot be unpacked: {error}.") from error
    if not unpacking.eof:
        raise Corrupt("the answer is cut off.")


def events(response: httpx.Response, most: int = LARGEST_EVENT) -> Iterator[tuple[str, str]]:
    """Name and data of each server-sent event; a comment is one without either. Raises ``Corrupt`` for an event that
    is larger, or does not come to an end.
    """
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "text/event-stream" or _packing(response):
        raise Corrupt(f"the answer is no stream of events but {kind[:60]!r}.")
    rest, name, data, size = bytearray(), "", list[str](), 0
    whole_at = time.monotonic()
    for part in response.iter_raw():
        seen = len(rest)
        rest += part
        while (end := rest.find(b"\n", seen)) >= 0:
            line = rest[:end].removesuffix(b"\r").decode(errors="replace")
            del rest[: end + 1]
            seen, size, whole_at = 0, size + end, time.monotonic()
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "event":
                name = value
            elif field == "data":
                data.append(value)
            elif not line:
                yield name, "\n".join(data)
                name, data, size = "", [], 0
        if size + len(rest) > most:
            raise Corrupt(f"an event is larger than {most:,} bytes.")
        if time.monotonic() - whole_at > SILENCE_S:
            raise Corrupt(f"the stream has said nothing whole for {SILENCE_S:g} s.")


def _packing(response: httpx.Response) -> str:
    packing = response.headers.get("content-encoding", "").strip().lower()
    return "" if packing == "identity" else str(packing)
