"""One request to an address that a gate names, within its limits: JSON comes back, or why there is none.

Called by the measurer. Where requests may go, ``outgoing`` says; nothing that may be secret (path, query, headers,
body) is told of.
"""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any

import httpx
from pydantic_core import from_json

from croupier.adapters.metrics.web.args import Unmeasured
from croupier.adapters.outgoing import PORTS, Allowed, Forbidden, Guarded, TooMuch, check_url, open_client, read_up_to
from croupier.core.gates.analysis.model import Pairs
from croupier.errors import Rejected


class Sender:
    """Sends requests; one client for those who check certificates, one for those who do not."""

    def __init__(self, allowed: Allowed, answer_bytes: int) -> None:
        self._allowed = allowed
        self._answer_bytes = answer_bytes
        self._clients: dict[bool, httpx.AsyncClient] = {}
        self._guard = Guarded(allowed)

    async def close(self) -> None:
        await self._guard.aclose()
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    async def check(self, url: str, timeout_s: float) -> None:
        """Whether requests may go there, and the name is known; none is sent. Raises ``Unmeasured``."""
        host = self._host(url)
        asked = httpx.URL(url)
        try:
            async with asyncio.timeout(timeout_s):
                await self._guard.permitted(asked.host, asked.port or PORTS[asked.scheme], asked.scheme)
        except TimeoutError:
            raise Unmeasured(f"nobody says within {timeout_s:g} s where {host} is", outage=True) from None
        except httpx.ConnectError as refused:
            raise Unmeasured(str(refused)) from None

    async def json(
        self,
        method: str,
        url: str,
        *,
        headers: Pairs = (),
        body: str | None = None,
        form: Mapping[str, str] | None = None,
        timeout_s: float,
        insecure: bool,
    ) -> Any:
        """What the answer holds. Raises ``Unmeasured``."""
        host = self._host(url)
        try:
            content = body.encode() if body is not None else None
            async with (
                asyncio.timeout(timeout_s),
                self._client(insecure).stream(
                    method, url, headers=list(headers), content=content, data=form, timeout=timeout_s
                ) as answer,
            ):
                if answer.is_redirect:
                    raise Unmeasured(f"{host} answers {answer.status_code}, and redirects are not followed")
                if not answer.is_success:
                    raise Unmeasured(f"{host} answers {answer.status_code}", outage=answer.is_server_error)
                if answer.headers.get("content-encoding", "identity") != "identity":
                    raise Unmeasured(f"{host} sends a packed answer, although asked not to")
                raw = await read_up_to(answer, self._answer_bytes)
        except (TimeoutError, httpx.TimeoutException):
            raise Unmeasured(f"{host} does not answer within {timeout_s:g} s", outage=True) from None
        except (Forbidden, TooMuch) as refused:
            raise Unmeasured(str(refused)) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            away = isinstance(
                error, httpx.NetworkError | httpx.RemoteProtocolError | OSError
            )  # else what we would send
            raise Unmeasured(f"{host} cannot be asked: {_why(error)}", outage=away) from None
        try:
            return from_json(raw, allow_inf_nan=False)
        except ValueError:
            raise Unmeasured(f"{host} answers with something that is no JSON") from None

    def _host(self, url: str) -> str:
        try:
            check_url(url, self._allowed)
            return httpx.URL(url).host
        except Rejected as refused:
            raise Unmeasured(str(refused)) from None
        except httpx.InvalidURL:
            raise Unmeasured("the URL cannot be read") from None

    def _client(self, insecure: bool) -> httpx.AsyncClient:
        if insecure not in self._clients:
            trusted = ssl.create_default_context()
            if insecure:  # whoever wrote the gate said so
                trusted.check_hostname = False
                trusted.verify_mode = ssl.CERT_NONE
            self._clients[insecure] = open_client(self._allowed, timeout_s=30.0, trusted=trusted)
        return self._clients[insecure]


def _why(error: Exception) -> str:
    """A connection that was not made holds nothing of the request; any other error may tell what was in it."""
    return str(error) if isinstance(error, httpx.ConnectError) and str(error) else type(error).__name__
