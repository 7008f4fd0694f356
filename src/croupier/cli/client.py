"""Requests to a control plane: finds its address and token, turns problem answers into errors. Opened by
``Connection``.

The address comes from ``--url`` or ``CROUPIER_URL``; the token from ``--token``, ``CROUPIER_TOKEN``, or the file that a
control plane on this machine wrote for its owner at its first start.
"""

import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from httpx_sse import connect_sse
from platformdirs import user_state_path

from croupier.cli.connection import Denied
from croupier.errors import Conflict, NotFound, Problem, Rejected, Transient

DEFAULT_URL: Final = "http://127.0.0.1:8700"
_TIMEOUT_S: Final = 30.0


@contextmanager
def connect(url: str | None, token: str | None) -> Iterator["Client"]:
    """A client of the control plane at this address, or wherever it is found. ``Rejected``: that is no address."""
    url = url or os.environ.get("CROUPIER_URL") or DEFAULT_URL
    headers = {"accept": "application/json", "user-agent": "croupier-cli"}
    if token := token or os.environ.get("CROUPIER_TOKEN") or _token_file():
        headers["authorization"] = f"Bearer {token}"
    try:
        http = httpx.Client(base_url=f"{url.rstrip('/')}/api/v1", headers=headers, timeout=_TIMEOUT_S)
    except httpx.InvalidURL as wrong:
        raise Rejected(f"{url} is no address ({wrong}).", hint=f"Write it like {DEFAULT_URL}.") from wrong
    except UnicodeEncodeError as wrong:
        raise Denied("The token has characters that no token has.", hint="Copy it once more.") from wrong
    with http:
        yield Client(http, url)


@dataclass(frozen=True, slots=True)
class Client:
    """Requests to one control plane. Raises the errors of ``croupier.errors``, and ``Denied``."""

    http: httpx.Client
    url: str

    def get(self, path: str, **params: Any) -> Any:
        """The JSON answer of a GET; parameters that are ``None`` are left out."""
        return self._send("GET", path, params={name: value for name, value in params.items() if value is not None})

    def pages(self, path: str, limit: int, **params: Any) -> list[Any]:
        """Up to ``limit`` items of a listing, following its cursor."""
        items: list[Any] = []
        cursor: str | None = None
        while len(items) < limit:
            page = self.get(path, cursor=cursor, limit=min(limit - len(items), 100), **params)
            items += page["items"]
            cursor = page.get("next")
            if cursor is None:
                break
        return items

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON answer of a POST; sent with an idempotency key, so that a request that is repeated happens once."""
        return self._send("POST", path, json=dict(body), headers={"idempotency-key": str(uuid.uuid4())})

    def events(self, **params: Any) -> Iterator[tuple[int, Any]]:
        """Server-sent journal entries as they come: sequence number and content. Ends when the connection does."""
        try:
            with connect_sse(
                self.http, "GET", "events", params=params, timeout=httpx.Timeout(_TIMEOUT_S, read=60)
            ) as source:
                _raise_for(source.response)
                for event in source.iter_sse():
                    if event.id and event.data:
                        yield int(event.id), event.json()
        except httpx.TransportError as lost:
            raise self._unreachable(lost) from lost

    def _send(self, method: str, path: str, **request: Any) -> Any:
        for last in (False, True):
            try:
                answer = self.http.request(method, path, **request)
            except (httpx.ConnectError, httpx.RemoteProtocolError, httpx.ReadError) as lost:
                if last or isinstance(lost, httpx.ConnectError):
                    raise self._unreachable(lost) from lost
                continue
            except httpx.TransportError as lost:
                raise self._unreachable(lost) from lost
            _raise_for(answer)
            try:
                return answer.json() if answer.content else None
            except ValueError as other:
                raise Rejected(
                    f"What answers at {self.url} is no control plane.", hint="Name it with --url or CROUPIER_URL."
                ) from other
        raise AssertionError("unreachable")  # pragma: no cover

    def _unreachable(self, lost: Exception) -> Transient:
        return Transient(
            f"No control plane answers at {self.url} ({str(lost) or type(lost).__name__}).",
            hint="Start one with 'croupier serve', or name another with --url or CROUPIER_URL.",
        )


def _token_file() -> str | None:
    state = os.environ.get("CROUPIER_STATE_DIR")
    path = (Path(state) if state else user_state_path("croupier")) / "admin.token"
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def _raise_for(answer: httpx.Response) -> None:
    """The error that a problem answer (RFC 9457) stands for."""
    if answer.is_success:
        return
    answer.read()
    try:
        said = answer.json()
    except ValueError:
        said = None
    problem: dict[str, Any] = said if isinstance(said, dict) else {}
    message = str(problem.get("detail") or problem.get("title") or f"The control plane answered {answer.status_code}.")
    hint = str(problem.get("hint") or "")
    match answer.status_code:
        case 401:
            raise Denied(message, hint=hint or "Give a token with --token or CROUPIER_TOKEN.")
        case 403:
            raise Denied(message, hint=hint)
        case 404:
            raise NotFound(message, hint=hint)
        case 409 | 412:
            raise Conflict(message, hint=hint)
        case 503 | 502 | 504 | 429:
            raise Transient(message, hint=hint)
        case _:
            raise Rejected(message, hint=hint, problems=tuple(map(_problem, problem.get("problems", ()))))


def _problem(raw: Mapping[str, Any]) -> Problem:
    where = ".".join(str(raw[key]) for key in ("document", "field") if raw.get(key))
    return Problem(str(raw.get("message", "")), (where,) if where else (), str(raw.get("hint") or ""))
