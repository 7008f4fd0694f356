"""The control plane's endpoints for clients, over HTTP: the stream, the whole snapshot, the acknowledgement, exposures.

Plain blocking requests, made in the client's own threads. Errors are what httpx raises, ``Refused`` and ``Corrupt``.

Everything that a request needs is imported here, in the thread that makes the client: a fork in the middle of an import
would leave the child with that import's lock, which nobody would ever give back.
"""

import encodings.idna  # noqa: F401 -- names are looked up with it, see above
import json
import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from ipaddress import ip_address
from typing import Any, Final, TypeAlias
from urllib.parse import quote

import httpcore  # noqa: F401 -- httpx would do it when it is used, see above
import httpx

from croupier.core.flags.snapshot import MEDIA_TYPE, Delta, Snapshot, decode, decode_delta
from croupier.errors import Corrupt, CroupierError, Rejected
from croupier.sdk.answers import SILENCE_S, body, events
from croupier.sdk.known import LARGEST

_CONNECT_S: Final = 10.0
_ACKNOWLEDGE_S: Final = 10.0
"""Nothing depends on it, and what is fetched waits for it."""
_LARGEST_REFUSAL: Final = 64 * 1024
_ADDRESS: Final = "Write it like http://127.0.0.1:8700."


class Refused(CroupierError):
    """The server answered, but not with flags; ``status`` is HTTP's."""

    def __init__(self, message: str, *, hint: str = "", status: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.status = status


@dataclass(frozen=True, slots=True)
class Hello:
    """The stream is open. Acknowledge within ``ack_within_s``."""

    now: "Now"
    ack_within_s: float


@dataclass(frozen=True, slots=True)
class Now:
    """Where the server's flags are, said with every heartbeat: who misses something finds out. ``digest`` is ``None``
    where the server does not say it.
    """

    lineage: str
    version: int
    digest: int | None = None

    @property
    def position(self) -> str:
        return f"{self.lineage}:{self.version}"


@dataclass(frozen=True, slots=True)
class Resync:
    """Fetch the whole, at a random moment within ``within_s``."""

    within_s: float


Message: TypeAlias = Hello | Now | Delta | Resync


class Connection:
    """One process's connection to one environment of one control plane. Not shared with children of a fork: theirs is
    ``forked``, and has a name of its own. No answer may be larger than ``largest`` bytes. Raises ``Rejected`` for a URL
    that is no address.
    """

    def __init__(
        self, url: str, token: str, environment: str, name: str = "", largest: int = LARGEST, *, forked: bool = False
    ) -> None:
        if forked or not name:
            name = f"{name or socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self.name = name
        self._largest = largest
        headers = {"user-agent": sdk(), "accept-encoding": "identity"}
        if token := token.strip():  # a file's last line break comes along easily
            headers["authorization"] = f"Bearer {token}"
        base = base_of(url, environment)
        self._http = httpx.Client(
            base_url=base,
            headers=headers,
            mounts=direct(base),
            verify=base.scheme == "https",  # to read the certificates takes a while, and plain HTTP needs none
            timeout=httpx.Timeout(_CONNECT_S, read=SILENCE_S),
            follow_redirects=False,  # the token would go along
            # Nothing idle to inherit, to time out, or to keep a server's slot.
            limits=httpx.Limits(max_keepalive_connections=0),
        )
        self._environment = environment
        self._socket: socket.socket | None = None

    def messages(self, position: str) -> Iterator[Message]:
        """What the server says, as it says it, from ``position`` on; ends when the server ends the stream."""
        headers = {"accept": "text/event-stream", "cache-control": "no-store"}
        if position:
            headers["last-event-id"] = position
        with self._http.stream("GET", "flags/stream", params={"client": self.name}, headers=headers) as response:
            self._socket = response.extensions["network_stream"].get_extra_info("socket")
            try:
                _accept(response)
                for name, data in events(response):
                    message = _message(name, data)
                    if message is not None:
                        yield message
            finally:
                self._socket = None

    def fetch(self, position: str) -> Snapshot | None:
        """The whole; ``None`` if the server is at ``position`` too (``""``: fetch in any case)."""
        headers = {"accept": MEDIA_TYPE, "accept-encoding": "gzip"}
        if position:
            headers["if-none-match"] = f'"{position}"'
        with self._http.stream("GET", "flags", headers=headers) as response:
            if response.status_code == httpx.codes.NOT_MODIFIED:
                return None
            _accept(response)
            content = body(response, self._largest)
        fetched = decode(content)
        if fetched.environment != self._environment:
            raise Corrupt(f"the server sent the flags of {fetched.environment[:60]!r}, not of {self._environment!r}.")
        return fetched

    def acknowledge(self, snapshot: Snapshot, held_s: float) -> None:
        """Tell the server what this client runs; ``held_s`` is how long it waited with that, to spread the load."""
        said = {
            "client": self.name,
            "sdk": sdk(),
            "position": snapshot.position,
            "digest": f"{snapshot.digest:064x}",
            "held_s": round(held_s, 3),
        }
        with self._http.stream("POST", "flags/acknowledge", json=said, timeout=_ACKNOWLEDGE_S) as response:
            _accept(response)

    def report(self, said: dict[str, Any], timeout_s: float) -> None:
        """Tell the server what experiments want to hear of; returns once that is counted."""
        with self._http.stream("POST", "flags/exposures", json=said, timeout=timeout_s) as response:
            _accept(response)

    def interrupt(self) -> None:
        """End the stream from another thread: its reader sees the end at once."""
        if (stream := self._socket) is not None:
            with suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)

    def abandon(self) -> None:
        """After a fork, in the child: let go of the socket without a word, since the parent goes on using it."""
        if (stream := self._socket) is not None:
            with suppress(OSError):
                os.close(stream.detach())


def direct(base: httpx.URL) -> dict[str, httpx.BaseTransport | None] | None:
    """No proxy to our own machine: one of the environment would read the token, and stands nowhere in between."""
    return {"http://": None, "https://": None} if _is_this_machine(base.host) else None


def base_of(url: str, environment: str) -> httpx.URL:
    """Where a control plane has an environment's flags. Raises ``Rejected`` for a URL that is no address."""
    try:
        base = httpx.URL(f"{url.rstrip('/')}/api/v1/environments/{quote(environment, safe='')}/")
    except httpx.InvalidURL as wrong:
        raise Rejected(f"{url[:200]!r} is no address of a control plane ({wrong}).", hint=_ADDRESS) from None
    if base.scheme not in ("http", "https") or not base.host:
        raise Rejected(f"{url[:200]!r} is no address of a control plane.", hint=_ADDRESS)
    return base


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def sdk() -> str:
    """This SDK's name and version, as servers list it."""
    try:
        return f"croupier-python/{version('croupier')}"
    except PackageNotFoundError:
        return "croupier-python"


def _accept(response: httpx.Response) -> None:
    if response.is_success:
        return
    said = ""
    with suppress(ValueError, AttributeError, RecursionError, Corrupt):
        said = str(json.loads(body(response, _LARGEST_REFUSAL)).get("detail", ""))[:200].rstrip(".")
    hints = {
        401: "Give FlagClient a token of the role client.",
        403: "The token may not read this environment: give one of the role client for it.",
        404: "Look at the URL and the environment's name.",
    }
    if response.has_redirect_location:
        said = f"it is at {response.headers['location'].partition('?')[0][:200]!r}"
        hints[response.status_code] = "The token would go along, so no redirect is followed: give FlagClient its URL."
    raise Refused(
        f"{response.url.copy_with(query=None)} answered {response.status_code}{f': {said}' if said else ''}.",
        hint=hints.get(response.status_code, ""),
        status=response.status_code,
    )


def _message(name: str, data: str) -> Message | None:
    """What the event says; ``None`` for a kind that a newer server has."""
    match name:
        case "delta":
            return decode_delta(data)
        case "now":
            return _now(_object(data))
        case "hello":
            said = _object(data)
            return Hello(_now(said), _seconds(said.get("ack_within_s")))
        case "resync":
            return Resync(_seconds(_object(data).get("within_s")))
        case _:
            return None


def _now(said: dict[str, Any]) -> Now:
    lineage, _, version = str(said.get("position", "")).rpartition(":")
    digest = said.get("digest")
    try:
        return Now(lineage, int(version[:15]), None if digest is None else int(digest, 16))
    except (TypeError, ValueError):
        raise Corrupt(f"not a position of flags: {said!r:.80}.") from None


def _object(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise Corrupt(f"not a message of flags: {text[:80]!r}.")
    return data


def _seconds(value: Any) -> float:
    return min(max(float(value), 0.0), 3600.0) if isinstance(value, int | float) else 0.0
