"""Many applications that listen, simulated cheaply: raw sockets and epoll in a process of its own.

Run by ``kill`` and ``herd``: ``python _crowd.py PORT TOKEN COUNT``. It reads commands from standard input and answers
each with a line of JSON; a client parses each delta as the SDK would, and notes when the killed flag's answer changed.
"""

import base64
import contextlib
import json
import select
import socket
import sys
import time
from dataclasses import dataclass
from typing import Any

ADDRESSES = 16
"""Loopback addresses to come from: one has too few ports for tens of thousands of connections."""


@dataclass(slots=True)
class Listener:
    """One application: its socket, and what it has not read to the end yet."""

    socket: socket.socket
    number: int
    rest: bytes = b""
    position: str = ""
    answered_at: float = 0.0
    greeted_at: float = 0.0
    refused: bytes = b""


class Crowd:
    """All of them, on one epoll."""

    def __init__(self, port: int, token: str, count: int, environment: str = "production") -> None:
        self.port, self.token, self.count, self.environment = port, token, count, environment
        self.poll = select.epoll()
        self.listeners: dict[int, Listener] = {}
        self.key = ""
        self.last_position = ""

    def connect(self, number: int) -> Listener:
        """Dial and ask for the stream, without waiting for the answer."""
        dialled = socket.socket()
        dialled.bind((f"127.0.1.{1 + number % ADDRESSES}", 0))
        dialled.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            dialled.connect(("127.0.0.1", self.port))
        listener = Listener(dialled, number)
        self.listeners[dialled.fileno()] = listener
        self.poll.register(dialled.fileno(), select.EPOLLOUT)
        return listener

    def ask(self, listener: Listener) -> None:
        """Send the request: it is connected."""
        resumed = f"Last-Event-ID: {self.last_position}\r\n" if self.last_position else ""
        head = (
            f"GET /api/v1/environments/{self.environment}/flags/stream?client=pod-{listener.number} HTTP/1.1\r\n"
            f"Host: 127.0.0.1\r\nAuthorization: Bearer {self.token}\r\n{resumed}\r\n"
        )
        listener.socket.sendall(head.encode())
        self.poll.modify(listener.socket.fileno(), select.EPOLLIN)

    def drop(self, listener: Listener) -> None:
        """Let go of one."""
        number = listener.socket.fileno()
        with contextlib.suppress(OSError, ValueError):
            self.poll.unregister(number)
        self.listeners.pop(number, None)
        listener.socket.close()

    def step(self, timeout_s: float) -> list[Listener]:
        """Take what came; those that lost their connection."""
        lost: list[Listener] = []
        for number, what in self.poll.poll(timeout_s, 2_048):
            listener = self.listeners.get(number)
            if listener is None:
                continue
            try:
                if what & select.EPOLLOUT:
                    if error := listener.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                        raise OSError(error, "refused")  # noqa: TRY301 -- one place for all that fails
                    self.ask(listener)
                    continue
                data = listener.socket.recv(262_144)
                if not data:
                    raise OSError(0, "closed")  # noqa: TRY301 -- as above
            except OSError:
                lost.append(listener)
                continue
            self.take(listener, data)
        return lost

    def take(self, listener: Listener, data: bytes) -> None:
        """Read the whole events in what came."""
        text = listener.rest + data
        if not listener.greeted_at and text.startswith(b"HTTP/1.1 ") and not text.startswith(b"HTTP/1.1 200"):
            listener.refused = text[9:12]
        *events, listener.rest = text.split(b"\n\n")
        for event in events:
            if b"event: delta" in event:
                self.follow(listener, event)
            elif b"event: hello" in event:
                listener.greeted_at = time.time()
                listener.position = json.loads(event.partition(b"data: ")[2])["position"]

    def follow(self, listener: Listener, event: bytes) -> None:
        """Apply a delta: the answer changes when the killed flag's line is held."""
        delta = json.loads(event.partition(b"data: ")[2])
        for line in delta["lines"]:
            key, _, rest = line.partition("\t")
            body = rest.partition("\t")[2]
            if key == self.key and body and "fixed" in json.loads(body):
                listener.answered_at = time.time()
        listener.position = f"{delta['lineage']}:{delta['version']}"

    # --- commands -------------------------------------------------------------------------------------------------

    def gather(self, seconds: float) -> dict[str, Any]:
        """Connect everybody, at most so many at a time as the backlog holds; how long until all were greeted."""
        began = time.time()
        waiting = list(range(self.count))
        while time.time() - began < seconds:
            under_way = sum(not item.greeted_at for item in self.listeners.values())
            for _ in range(min(len(waiting), 500 - under_way)):
                self.connect(waiting.pop())
            for listener in self.step(0.05):
                self.drop(listener)
                waiting.append(listener.number)
            if not waiting and all(item.greeted_at for item in self.listeners.values()):
                break
        greeted = sum(bool(item.greeted_at) for item in self.listeners.values())
        return {"greeted": greeted, "took_s": round(time.time() - began, 2)}

    def wait_for(self, key: str, seconds: float) -> dict[str, Any]:
        """Until everybody's answer for the killed flag changed; the moments at which it did."""
        self.key = key
        for listener in self.listeners.values():
            listener.answered_at = 0.0
        print(json.dumps({"ready": True}), flush=True)
        began = time.time()
        while time.time() - began < seconds:
            for listener in self.step(0.05):
                self.drop(listener)
            if all(item.answered_at for item in self.listeners.values()):
                break
        return {"at": sorted(item.answered_at for item in self.listeners.values() if item.answered_at)}

    def herd(self, position: str, seconds: float, key: str) -> dict[str, Any]:
        """Everybody lost the server: dial again at once, as often as it takes, resuming at ``position``."""
        self.key, self.last_position = key, position
        print(json.dumps({"ready": True}), flush=True)
        began = time.time()
        again: list[tuple[float, int]] = []
        refused = 0
        while time.time() - began < seconds:
            for listener in self.step(0.02):
                refused += bool(listener.refused)
                self.drop(listener)
                again.append((time.time() + 0.25, listener.number))  # much less patient than the SDK
            now = time.time()
            due, again = [item for item in again if item[0] <= now], [item for item in again if item[0] > now]
            for _, number in due:
                self.connect(number)
            everybody = self.listeners.values()
            if len(everybody) == self.count and all(item.greeted_at and item.answered_at for item in everybody):
                break
        everybody = self.listeners.values()
        return {
            "greeted_at": sorted(item.greeted_at for item in everybody if item.greeted_at),
            "answered_at": sorted(item.answered_at for item in everybody if item.answered_at),
            "refused": refused,
        }


def main() -> None:
    port, token, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    crowd = Crowd(port, base64.b64decode(token).decode() if token.startswith("b64:") else token, count)
    while line := sys.stdin.readline():
        command, *words = json.loads(line)
        match command:
            case "gather":
                said = crowd.gather(*words)
            case "wait":
                said = crowd.wait_for(*words)
            case "herd":
                said = crowd.herd(*words)
            case _:
                return
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
