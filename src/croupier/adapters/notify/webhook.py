"""One receiver over HTTP: a try is one request, bounded in time and size, to an address that may be reached.

Made by ``server.app`` from what the operator declared; ``control.telling`` decides what is sent, and when again.
"""

import asyncio
import ssl
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

import httpx

from croupier.adapters.notify.declared import Declared, Format
from croupier.adapters.notify.messages import as_chat, as_json, signed
from croupier.adapters.outgoing import Allowed, Forbidden, check_url, open_client
from croupier.control.ports import Clock, Trouble, Wants
from croupier.core.rollout.notices import Notice
from croupier.errors import Rejected

_ANSWER_BYTES: Final = 4_096
_WORTH_ANOTHER_TRY: Final = frozenset({408, 409, 425, 429})
_SHOWN: Final = 200


class Webhook:
    """See ``Notifier``. Nothing that it says holds the receiver's whole URL, which may be a secret."""

    def __init__(self, declared: Declared, allowed: Allowed, clock: Clock) -> None:
        self._declared = declared
        self._allowed = allowed
        self._clock = clock
        self._client: httpx.AsyncClient | None = None

    @property
    def name(self) -> str:
        return self._declared.name

    @property
    def where(self) -> str:
        try:
            return urlsplit(self._declared.address()).netloc
        except (Rejected, ValueError):
            return "(its URL cannot be read)"

    @property
    def wants(self) -> Wants:
        return self._declared.wants

    async def send(self, notice: Notice) -> Trouble | None:
        """See ``Notifier.send``."""
        try:
            async with asyncio.timeout(self._declared.timeout_s):
                return await self._send(notice)
        except TimeoutError:
            return Trouble(f"no answer within {self._declared.timeout_s:g} s")
        except Forbidden as forbidden:
            return Trouble(str(forbidden), refused=True)
        except Rejected as rejected:
            return Trouble(str(rejected))
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return Trouble(f"cannot be reached: {_short(str(error) or type(error).__name__)}")

    async def close(self) -> None:
        """Close what is open."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _send(self, notice: Notice) -> Trouble | None:
        declared = self._declared
        url = declared.address()
        check_url(url, self._allowed)
        body = as_chat(notice) if declared.format is Format.SLACK else as_json(notice)
        keys = declared.secret.keys() if declared.secret is not None else []
        headers = {"content-type": "application/json", **signed(notice.id, int(self._clock.now()), body, keys)}
        async with self._opened().stream("POST", url, content=body, headers=headers) as answer:
            said = await _beginning(answer)
        return self._trouble(answer, said)

    def _trouble(self, answer: httpx.Response, said: str) -> Trouble | None:
        status = answer.status_code
        if 200 <= status < 300:
            return None
        if answer.is_redirect:
            return Trouble(f"it answers {status}: redirects are not followed; write where it really is", refused=True)
        refused = 400 <= status < 500 and status not in _WORTH_ANOTHER_TRY
        why = f"it answers {status}" + (f": {_short(said)}" if said else "")
        return Trouble(why, refused, self._later(answer.headers.get("retry-after")))

    def _later(self, said: str | None) -> float | None:
        """In how many seconds it wants to be asked again."""
        if said is None:
            return None
        if said.strip().isdigit():
            return float(said.strip()[:9])
        try:
            return max(0.0, parsedate_to_datetime(said).timestamp() - self._clock.now())
        except ValueError:
            return None

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            trusted = ssl.create_default_context(cafile=self._declared.ca_file) if self._declared.ca_file else None
            self._client = open_client(self._allowed, timeout_s=self._declared.timeout_s, trusted=trusted)
        return self._client


async def _beginning(answer: httpx.Response) -> str:
    """The first of what it says; the rest is of no interest, however much it is."""
    found = bytearray()
    async for chunk in answer.aiter_raw():
        found += chunk
        if len(found) >= _ANSWER_BYTES:
            break
    return bytes(found[:_ANSWER_BYTES]).decode("utf-8", "replace")


def _short(text: str) -> str:
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"
