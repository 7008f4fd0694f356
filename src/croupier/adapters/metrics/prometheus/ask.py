"""Asks Prometheus over HTTP, within limits of time and size, and trusts nothing that comes back.

Called by the source and its probe.
"""

import asyncio
import math
import ssl
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic_core import from_json

from croupier.adapters.metrics.prometheus.settings import PrometheusSettings
from croupier.adapters.metrics.prometheus.unreached import why_unreached
from croupier.control.ports import Clock

_OFF_LOOP_BYTES = 256 * 1024
"""Reading so much JSON would hold up the loop for milliseconds."""

_ASTRAY = "is CROUPIER_PROMETHEUS_URL its address, to which /api/v1 is added?"


class Unanswered(Exception):
    """Prometheus gave no answer that may be counted on, and why. ``outage``: nor will it in the next moment.
    ``status``: of HTTP, where it was that.
    """

    def __init__(self, reason: str, *, outage: bool = False, status: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.outage = outage
        self.status = status


class Asker:
    """One Prometheus. No redirects are followed: credentials are for it and nobody else."""

    def __init__(self, settings: PrometheusSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._client: httpx.AsyncClient | None = None
        self._replaced: list[httpx.AsyncClient] = []
        self._where = urlsplit(settings.url).netloc
        self._identity: tuple[float, ...] = ()
        """When the files of our certificate were written that are in use."""
        self.served_at = -math.inf
        """Prometheus's time at its last answer, no later than it was."""

    async def close(self) -> None:
        for client in (*self._replaced, *([self._client] if self._client is not None else [])):
            await client.aclose()
        self._replaced.clear()
        self._client = None

    async def query(self, expression: str, at: float) -> list[Mapping[str, Any]]:
        """The vector or matrix of an instant query at that time. Raises ``Unanswered``."""
        data = await self.instant(expression, at)
        found = data.get("result") if isinstance(data, dict) else None
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise self._strange("no vector and no matrix")
        return found

    async def instant(self, expression: str, at: float, timeout_s: float | None = None) -> Any:
        """The data of an instant query at that time, whatever its type. Raises ``Unanswered``."""
        patience_s = self._settings.timeout_s if timeout_s is None else timeout_s
        asked = {"query": expression, "time": f"{at:.3f}", "timeout": f"{patience_s:g}s"}
        return await self._data("POST", "query", asked, patience_s)

    async def look_up(self, path: str, asked: Mapping[str, str]) -> list[Any] | Mapping[str, Any]:
        """What another endpoint says (label values, metadata). Raises ``Unanswered``."""
        data = await self._data("GET", path, asked, self._settings.timeout_s)
        if not isinstance(data, list | dict):
            raise self._strange("neither a list nor an object")
        return data

    async def _data(self, method: str, path: str, asked: Mapping[str, str], patience_s: float) -> Any:
        status, body = await self._send(method, path, asked, patience_s)
        whole = await asyncio.to_thread(_json, body) if len(body) > _OFF_LOOP_BYTES else _json(body)
        said = f": {_short(whole['error'])}" if isinstance(whole, dict) and isinstance(whole.get("error"), str) else ""
        if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            raise Unanswered(
                f"Prometheus at {self._where} refuses our credentials ({status}); see CROUPIER_PROMETHEUS_TOKEN_FILE "
                "and CROUPIER_PROMETHEUS_USER",
                outage=True,
            )
        if status != httpx.codes.OK:
            # 4xx are about this question; any other about Prometheus, or what is in front of it.
            astray = (
                "" if said or status >= httpx.codes.INTERNAL_SERVER_ERROR else f", not as Prometheus does; {_ASTRAY}"
            )
            why = f"Prometheus at {self._where} answers {status}{said}{astray}"
            raise Unanswered(why, outage=status >= httpx.codes.INTERNAL_SERVER_ERROR, status=status)
        if not isinstance(whole, dict) or whole.get("status") != "success":
            raise self._strange(f"an error{said}" if said else f"something that is not its JSON; {_ASTRAY}")
        if warnings := whole.get("warnings"):
            first = warnings[0] if isinstance(warnings, list) else warnings
            raise Unanswered(f"Prometheus at {self._where} warns that its answer may be incomplete: {_short(first)}")
        if whole.get("isPartial"):
            raise Unanswered(f"Prometheus at {self._where} says that its answer is partial")
        return whole.get("data")

    async def _send(self, method: str, path: str, asked: Mapping[str, str], patience_s: float) -> tuple[int, bytes]:
        settings = self._settings
        url = f"{settings.url.rstrip('/')}/api/v1/{path}"
        form = {"data": asked} if method == "POST" else {"params": asked}
        try:
            client, credentials = await self._opened(), _credentials(settings)
            sent_at = self._clock.now()
            async with (
                asyncio.timeout(patience_s),
                client.stream(method, url, headers=credentials, timeout=patience_s, **form) as answer,  # type: ignore[arg-type]
            ):
                self._check_clock(answer.headers.get("date"), sent_at)
                if answer.is_redirect:
                    raise Unanswered(
                        f"Prometheus at {self._where} redirects to {_host_of(answer)}, which is not followed; set "
                        "CROUPIER_PROMETHEUS_URL to where it really is",
                        outage=True,
                    )
                if (encoding := answer.headers.get("content-encoding", "identity")) != "identity":
                    # A small answer may unpack to any size, and nobody asked for it.
                    raise self._strange(f"an answer packed as {_short(encoding)}, although asked not to")
                body = bytearray()
                async for chunk in answer.aiter_raw():
                    body += chunk
                    if len(body) > settings.answer_bytes:
                        raise Unanswered(
                            f"Prometheus at {self._where} sends more than {settings.answer_bytes} bytes, which is the "
                            "limit; match fewer series"
                        )
                return answer.status_code, bytes(body)
        except (TimeoutError, httpx.TimeoutException):
            why = f"Prometheus at {self._where} does not answer within {patience_s:g} s"
            raise Unanswered(why, outage=True) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            why = f"Prometheus at {self._where} cannot be reached: {_short(why_unreached(error, settings))}"
            raise Unanswered(why, outage=True) from None

    async def _opened(self) -> httpx.AsyncClient:
        """The client; a new one where our certificate was renewed. Questions that are on their way end with the old."""
        settings = self._settings
        files = [file for file in (settings.certificate_file, settings.key_file) if file is not None]
        identity = tuple(_written(file) for file in files)
        if self._client is None or identity != self._identity:
            trusted = _trusting(settings.ca_file)
            if settings.certificate_file is not None:
                _identify(trusted, settings.certificate_file, settings.key_file)
            old, self._identity = self._client, identity
            self._client = httpx.AsyncClient(
                verify=trusted,
                timeout=settings.timeout_s,
                headers={**dict(settings.headers), "accept": "application/json", "accept-encoding": "identity"},
                follow_redirects=False,
                trust_env=False,
            )
            if old is not None:
                self._replaced.append(old)
                if len(self._replaced) > 1:  # the one before it: its questions timed out long ago
                    await self._replaced.pop(0).aclose()
        return self._client

    def _check_clock(self, date: str | None, sent_at: float) -> None:
        """Counts are asked for by our time and dated by Prometheus's."""
        try:
            theirs = parsedate_to_datetime(date or "").timestamp()
        except ValueError:
            return
        self.served_at = theirs
        now = self._clock.now()
        # The header has whole seconds, and was written at some time in between.
        ahead_s = theirs - now if theirs > now else min(0.0, theirs + 1 - sent_at)
        if abs(ahead_s) > self._settings.skew_s:
            raise Unanswered(
                f"the clock of Prometheus at {self._where} is {abs(ahead_s):.0f} s "
                f"{'ahead of' if ahead_s > 0 else 'behind'} ours, so nobody can say what happened when; set both right",
                outage=True,
            )

    def _strange(self, what: str) -> Unanswered:
        return Unanswered(f"Prometheus at {self._where} sends {what}", outage=True)


def _credentials(settings: PrometheusSettings) -> dict[str, str]:
    """The header that says who we are. The files are small, and may be replaced at any time."""
    if settings.token_file is not None:
        return {"authorization": f"Bearer {_secret(settings.token_file)}"}
    if settings.user is not None and settings.password_file is not None:
        basic = httpx.BasicAuth(settings.user, _secret(settings.password_file))
        request = httpx.Request("GET", "http://unused")
        return {"authorization": next(basic.auth_flow(request)).headers["authorization"]}
    return {}


def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    """Trust who is signed by these, or by whom the machine trusts."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # of TLS, too
        why = f"CROUPIER_PROMETHEUS_CA_FILE cannot be read from {ca_file}: {_short(error.strerror or error)}"
        raise Unanswered(why, outage=True) from None


def _written(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError as error:
        raise _no_identity(file, error) from None


def _identify(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    """Show this certificate to who asks. A key that wants a password is none: nobody could type it."""
    try:
        context.load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ValueError) as error:
        raise _no_identity(certificate, error) from None


def _no_identity(file: Path, error: Exception) -> Unanswered:
    reason = getattr(error, "reason", None)
    why = getattr(error, "strerror", None) or reason or type(error).__name__
    if reason == "KEY_VALUES_MISMATCH":
        why = "they do not belong together"
    return Unanswered(
        f"our certificate for Prometheus cannot be read from {file} and its key: {_short(why)}", outage=True
    )


def _secret(file: Path) -> str:
    try:
        secret = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise Unanswered(f"the secret for Prometheus cannot be read from {file}: {why}", outage=True) from None
    if not secret or not secret.isprintable():
        raise Unanswered(f"the secret for Prometheus in {file} is empty or has control characters", outage=True)
    return secret


def _json(body: bytes) -> Any:
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError:
        return None


def _host_of(answer: httpx.Response) -> str:
    """Whereto, without path and query, which may hold secrets."""
    host = urlsplit(answer.headers.get("location", "")).netloc.rpartition("@")[2]
    return _short(host) if host else "another path"


def _short(text: object) -> str:
    """What somebody else wrote, on one line and not for ever."""
    line = " ".join(str(text).split())
    return line if len(line) <= 200 else f"{line[:200]}…"
