"""Ports for servers that tests and benchmarks start: free now, and nobody else's until the server is up.

A port that the system chose is free for a moment only: whoever connects or listens next may get it before the server
that it was meant for. So each process takes a block of ports that systems do not give out, and holds it by a socket
bound to the first one: no other process, of this run or of another, hands out any of the block.
"""

from __future__ import annotations

import atexit
import os
import random
import socket
from collections.abc import Iterator
from contextlib import suppress
from itertools import cycle, islice
from typing import Final

# Below what Linux (32,768 on) and others give out, and below what Croupier gives to workloads (20,000 on).
_FIRST: Final = 10_000
_BLOCK: Final = 250
_BLOCKS: Final = 40

_held: dict[int, tuple[socket.socket, Iterator[int]]] = {}
"""What this process holds, by its pid: a fork takes another block than its parent."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 on which nobody listens; 249 calls later it may come again.

    Raises ``OSError`` when all of them are busy, or all blocks are held.
    """
    pid = os.getpid()
    if pid not in _held:
        for holder, _ in _held.values():
            holder.close()
        _held.clear()
        _held[pid] = _hold()
    for port in islice(_held[pid][1], _BLOCK - 1):
        if _is_free(port):
            return port
    raise OSError("no free port")


def _hold() -> tuple[socket.socket, Iterator[int]]:
    for number in random.SystemRandom().sample(range(_BLOCKS), _BLOCKS):
        first = _FIRST + number * _BLOCK
        holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            holder.bind(("127.0.0.1", first))
        except OSError:
            holder.close()
            continue
        atexit.register(holder.close)
        return holder, cycle(range(first + 1, first + _BLOCK))
    raise OSError("no free block of ports")


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe, suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False
