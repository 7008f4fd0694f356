"""Ports for servers that tests start: none that the system gives out by itself, and none of another test process.

A port that the system chose is free for a moment only: whoever connects or listens next may get it before the server
that it was meant for is up. Two test processes of a run never get the same one.
"""

import os
import random
import socket
from collections.abc import Iterator
from itertools import count
from typing import Final

# Below what Linux (32,768 on) and others give out, and below what Croupier gives to workloads (20,000 on).
_FIRST: Final = 10_000
_OF_A_PROCESS: Final = 1_000
_PROCESSES: Final = 10


def _candidates() -> Iterator[int]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _PROCESSES
    # Another run on this machine most likely begins elsewhere.
    for number in count(random.SystemRandom().randrange(_OF_A_PROCESS)):
        yield _FIRST + worker * _OF_A_PROCESS + number % _OF_A_PROCESS


_ports = _candidates()


def free_port() -> int:
    """A TCP port of 127.0.0.1 on which nobody listens; a thousand calls later it may come again."""
    while True:
        port = next(_ports)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
