"""``Idempotency-Key``: the same request gets the same answer, however often it is sent. Used by every POST.

The answer is recorded in the same commit as the change, so that no crash comes between. Keys are one token's own. What
needed no commit (an abort of something given up already) is remembered in memory, which is enough: doing nothing again
harms only after somebody changed it back, and for that the memory is there.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakValueDictionary

from fastapi import Request, Response

from croupier.control.ports import Answer, Clock, Store
from croupier.errors import Conflict, Transient
from croupier.server.api.wire import Model
from croupier.server.auth import Principal
from croupier.server.patience import soon
from croupier.server.problems import KeyReused, Malformed

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotent-Replayed"
_LONGEST: Final = 200
_REMEMBERED: Final = 10_000
_PATIENCE_S: Final = 0.05


@dataclass(slots=True)
class Kept:
    """The answer of one request in the making; the last one fixed counts. No ``key``: nobody asks again."""

    key: str | None
    fingerprint: str
    clock: Clock
    answer: Answer | None = None

    def fix(self, status: int, body: Model) -> Answer:
        """Fix the answer."""
        text = body.model_dump_json(by_alias=True)
        self.answer = Answer(self.key or "", self.fingerprint, status, text, self.clock.now())
        return self.answer

    def keep(self, status: int, body: Model) -> Answer | None:
        """Fix the answer; what is to be recorded with the change, ``None`` where the request has no key."""
        fixed = self.fix(status, body)
        return fixed if self.key is not None else None

    def drop(self) -> None:
        """Nothing was recorded: there is no answer to be given again."""
        self.answer = None

    def response(self) -> Response:
        """The answer as a response."""
        if self.answer is None:
            raise AssertionError("no answer was kept")
        return _response(self.answer)


@dataclass(slots=True)
class Answers:
    """Runs a request once per key. Duplicates in flight wait for the first one."""

    store: Store
    clock: Clock
    _running: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    _remembered: OrderedDict[str, Answer] = field(default_factory=OrderedDict)

    async def once(
        self, request: Request, asking: Principal, run: Callable[[Kept], Awaitable[Response]], *, urgent: bool = False
    ) -> Response:
        """Run the request, or give the answer that it got before. ``urgent``: also while the store cannot be asked.

        Raises ``KeyReused`` where the key came with another request before, ``Malformed`` for an impossible key.
        """
        given = request.headers.get(HEADER)
        fingerprint = await _fingerprint(request)
        if given is None:
            return await run(Kept(None, fingerprint, self.clock))
        key = _scoped(asking, given)
        lock = self._running.setdefault(key, asyncio.Lock())
        async with lock:
            if (before := await self._find(key, urgent=urgent)) is not None:
                return _replay(before, fingerprint)
            kept = Kept(key, fingerprint, self.clock)
            try:
                response = await run(kept)
            except Conflict:
                # The same request may have been answered by another control plane just now.
                if (before := await self._find(key, urgent=urgent)) is None:
                    raise
                return _replay(before, fingerprint)
            if kept.answer is not None:
                self._remember(kept.answer)
            return response

    async def _find(self, key: str, *, urgent: bool) -> Answer | None:
        if (known := self._remembered.get(key)) is not None:
            return known
        if not urgent:
            return await self.store.answer(key)
        try:
            return await soon(self.store.answer(key), _PATIENCE_S)
        except Transient:
            return None

    def _remember(self, answer: Answer) -> None:
        self._remembered[answer.key] = answer
        while len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)


def _replay(answer: Answer, fingerprint: str) -> Response:
    if answer.fingerprint != fingerprint:
        raise KeyReused("This idempotency key was used for another request.", hint="Use a new key for a new request.")
    response = _response(answer)
    response.headers[REPLAYED] = "true"
    return response


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, media_type="application/json")


def _scoped(asking: Principal, given: str) -> str:
    """One token's keys are not another's; hashed, since a key may be anything."""
    if not 0 < len(given) <= _LONGEST or not given.isprintable():
        raise Malformed(f"{HEADER} must have 1 to {_LONGEST} printable characters.", hint="A UUID is a good key.")
    return hashlib.sha256(f"{asking.id}\n{given}".encode()).hexdigest()


async def _fingerprint(request: Request) -> str:
    """The request's digest: method, path, query, If-Match and body."""
    head = "\n".join((request.method, request.url.path, request.url.query, request.headers.get("if-match", "")))
    return hashlib.sha256(head.encode() + b"\n" + await request.body()).hexdigest()
