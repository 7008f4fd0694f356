"""Unpacks a body within a bound: a few kilobytes may stand for any number of gigabytes. Called by the route."""

import zlib
from typing import Final

from croupier.errors import Rejected
from croupier.server.problems import Malformed

_WINDOW: Final = {"gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}


_MEMBERS: Final = 100
"""Senders make one; each costs time, be it empty."""


class TooLarge(Rejected):
    """More than the limit, packed or not."""


def unpack(body: bytes, encoding: str, limit: int) -> bytes:
    """The body as it was before it was packed. Raises ``TooLarge``, ``Malformed``."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return body
    if name not in _WINDOW:
        raise Malformed(f"The body's encoding {name[:40]!r} is not known here.", hint="Send it as gzip, or plain.")
    found = bytearray()
    rest = body
    members = 0
    while rest:  # gzip may have several members
        members += 1
        if members > _MEMBERS:
            raise Malformed(f"The body's {name} has more than {_MEMBERS} members.", hint="Send it as one.")
        unpacker = zlib.decompressobj(_WINDOW[name])
        try:
            found += unpacker.decompress(rest, limit + 1 - len(found))
        except zlib.error:
            raise Malformed(f"The body is no {name}.") from None
        if len(found) > limit:
            raise TooLarge(f"Unpacked, a push may have {limit:,} bytes.", hint="Send less at a time.")
        if not unpacker.eof:
            raise Malformed(f"The body's {name} ends too early.")
        rest = unpacker.unused_data
    return bytes(found)
