"""Chooses the port of each new instance. Ports are handed out in turn, so that one is not used again soon after."""

import random
import socket

from croupier.errors import Transient


class PortRange:
    """Free ports of one address between two numbers, both included."""

    def __init__(self, host: str, first: int, last: int) -> None:
        self._host, self._first, self._count = host, first, last - first + 1
        # Another control plane on this machine most likely begins elsewhere.
        self._next = random.SystemRandom().randrange(self._count)
        self._taken: set[int] = set()

    def take(self) -> int:
        """A port on which nobody listens. Raises ``Transient`` when all are taken."""
        for _ in range(self._count):
            port = self._first + self._next
            self._next = (self._next + 1) % self._count
            if port not in self._taken and self._is_free(port):
                self._taken.add(port)
                return port
        last = self._first + self._count - 1
        raise Transient(f"no free port on {self._host} from {self._first} to {last}")

    def keep(self, port: int) -> None:
        """An adopted process has it."""
        self._taken.add(port)

    def give_back(self, port: int) -> None:
        self._taken.discard(port)

    def _is_free(self, port: int) -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            # As servers do: connections of a server that is gone must not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self._host, port))
            except OSError:
                return False
        return True
