"""Requests to a control plane; turns problem answers into errors. Opened by ``Connection``."""

import json
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx
from httpx_sse import connect_sse

from croupier.cli.connection import Denied
from croupier.cli.whereabouts import DEFAULT_URL, is_loopback, token_for
from croupier.errors import Conflict, CroupierError, NotFound, Problem, Rejected, Transient

_TIMEOUT_S: Final = 30.0
_LONG: Final = ("flags/apply", "journal/verify")
_LONG_S: Final = 630.0
_LAST_PORT: Final = 65_535
_PAGE: Final = 200
"""As many as the control plane gives at a time."""
_MARK: Final = "x-request-id"
"""Every answer of a control plane has it."""
_PROBLEM: Final = "application/problem+json"
_AWAY: Final = (429, 502, 503, 504)


@contextmanager
def connect(url: str, token: str | None) -> Iterator["Client"]:
    """A client of the control plane at this address. ``Rejected``: that is no address. ``Denied``: it is another
    machine's, and no token was given for it.
    """
    headers = {"accept": "application/json", "user-agent": "croupier-cli"}
    try:
        base = httpx.URL(f"{url.rstrip('/')}/api/v1")
        if base.scheme not in ("http", "https") or not base.host or (base.port or 0) > _LAST_PORT:
            raise Rejected(f"{url} is no address of a control plane.", hint=f"Write it like {DEFAULT_URL}.")
        here = is_loopback(base.host)
        if token := token_for(base.host, token, os.environ):
            headers["authorization"] = f"Bearer {token}"
        elif not here:
            raise Denied(
                f"There is no token for {url}; this machine's own is sent to no other machine.",
                hint="Give one with --token or CROUPIER_TOKEN.",
            )
        # Nothing stands between us and our own machine: a proxy of the environment would read the token.
        routes: dict[str, httpx.BaseTransport | None] = {"http://": None, "https://": None} if here else {}
        # Making ready for TLS takes 30 ms, and redirects are not followed: plain HTTP needs none.
        http = httpx.Client(
            base_url=base, headers=headers, timeout=_TIMEOUT_S, mounts=routes, verify=base.scheme != "http"
        )
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
        return self._send("GET", path, params=_given(params), **_patience(path))

    def content(self, path: str, kind: str) -> bytes:
        """The content of a GET that answers with another media type than JSON."""
        try:
            answer = self.http.get(path, headers={"accept": kind})
        except httpx.TransportError as lost:
            raise self._unreachable(lost) from lost
        self._check(answer, kind)
        return answer.content

    def pages(self, path: str, limit: int, **params: Any) -> list[Any]:
        """Up to ``limit`` items of a listing, following its cursor."""
        items: list[Any] = []
        cursor: str | None = None
        while len(items) < limit:
            page = self.get(path, cursor=cursor, limit=min(limit - len(items), _PAGE), **params)
            items += page["items"]
            cursor = page.get("next")
            if cursor is None:
                break
        return items

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON answer of a POST; sent with an idempotency key, so that a request that is repeated happens once."""
        key = {"idempotency-key": str(uuid.uuid4())}
        return self._send("POST", path, json=dict(body), headers=key, **_patience(path))

    def put(self, path: str, body: Mapping[str, Any], *, version: int | None = None, **params: Any) -> Any:
        """The JSON answer of a PUT; refused with ``Conflict`` where ``version`` is no longer the thing's."""
        return self._send("PUT", path, json=dict(body), params=_given(params), headers=_if_match(version))

    def delete(self, path: str, *, version: int | None = None, **params: Any) -> Any:
        """The JSON answer of a DELETE, if it has one."""
        return self._send("DELETE", path, params=_given(params), headers=_if_match(version))

    def events(self, **params: Any) -> Iterator[tuple[int, Any]]:
        """Server-sent journal entries as they come: sequence number and content. Ends when the connection does."""
        try:
            with connect_sse(
                self.http, "GET", "events", params=params, timeout=httpx.Timeout(_TIMEOUT_S, read=60)
            ) as source:
                self._check(source.response, "text/event-stream")
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
            self._check(answer, "application/json")
            return answer.json() if answer.content else None
        raise AssertionError("unreachable")  # pragma: no cover

    def _check(self, answer: httpx.Response, wanted: str) -> None:
        """Raise the error that the answer stands for, or that of an answer which no control plane gives."""
        kind = answer.headers.get("content-type", "").partition(";")[0]
        ours = _MARK in answer.headers
        if ours and answer.is_success and kind in (wanted, ""):
            return
        if ours and kind == _PROBLEM:
            raise _error(answer.status_code, json.loads(answer.read()))
        said = f"it answered {answer.status_code}" + (f" with {kind}" if kind else "")
        if answer.status_code in _AWAY:
            raise Transient(f"What stands before the control plane at {self.url} does not reach it: {said}.")
        if place := answer.headers.get("location"):
            said += f", which leads to {place}"
        raise self._other(said)

    def _other(self, said: str) -> Rejected:
        return Rejected(
            f"Something answers at {self.url}, but it is not Croupier: {said}.",
            hint="Name the control plane's address with --url or CROUPIER_URL.",
        )

    def _unreachable(self, lost: Exception) -> CroupierError:
        why = str(lost) or type(lost).__name__
        if isinstance(lost, httpx.RemoteProtocolError) and why.startswith("illegal"):  # as h11 words it
            return self._other("it does not speak HTTP")
        mute = isinstance(lost, httpx.RemoteProtocolError | httpx.ReadError | httpx.ReadTimeout)
        return Transient(
            f"Something takes connections at {self.url}, but gives no answer ({why})."
            if mute
            else f"No control plane answers at {self.url} ({why}).",
            hint="Start one with 'croupier serve', or name another with --url or CROUPIER_URL.",
        )


def _patience(path: str) -> dict[str, Any]:
    """So long as the control plane itself takes for what takes long."""
    return {"timeout": httpx.Timeout(_TIMEOUT_S, read=_LONG_S)} if path in _LONG else {}


def _given(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}


def _if_match(version: int | None) -> dict[str, str]:
    return {} if version is None else {"if-match": f'"{version}"'}


def _error(status: int, problem: dict[str, Any]) -> CroupierError:
    """The error that a problem answer (RFC 9457) stands for."""
    message = str(problem.get("detail") or problem.get("title") or f"The control plane answered {status}.")
    hint = str(problem.get("hint") or "")
    match status:
        case 401:
            return Denied(message, hint=hint or "Give a token with --token or CROUPIER_TOKEN.")
        case 403:
            return Denied(message, hint=hint)
        case 404:
            return NotFound(message, hint=hint)
        case 409 | 412:
            return Conflict(message, hint=hint)
        case code if code in _AWAY:
            return Transient(message, hint=hint)
        case _:
            return Rejected(message, hint=hint, problems=tuple(map(_problem, problem.get("problems", ()))))


def _problem(raw: Mapping[str, Any]) -> Problem:
    where = ".".join(str(raw[key]) for key in ("document", "field") if raw.get(key))
    return Problem(str(raw.get("message", "")), (where,) if where else (), str(raw.get("hint") or ""))
