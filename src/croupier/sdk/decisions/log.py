"""Which decisions are logged, and how many were left out: so many a second for each flag, and exact counts of the rest.

Costs nearly nothing beyond its limit: outcomes count themselves, and only the first ones of a second come here. Fed by
``FlagClient``, refilled once a second in the background.

Counts are exact whatever threads do: an outcome counts, and is set back to nothing, in single statements without a
call, within which CPython with its lock never switches threads. Everything else happens under ``DecisionLog._lock``.
"""

import logging
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

from croupier.core.flags.evaluate import Compiled, Context
from croupier.core.flags.outcome import Outcome
from croupier.core.flags.targeting_key import key_of
from croupier.sdk.decisions import trace
from croupier.sdk.decisions.decision import Decision, Entry, LeftOut, Tracked, Writer

_UNKNOWN: Final = "(unknown flags)"
_MADE_ANEW: Final = ("FLAG_NOT_FOUND", "GENERAL")
"""Errors whose outcomes are made for each answer, and cannot count."""
_WAIT_S: Final = 1.0
_usual_key = key_of("")
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Flow:
    """One flag's decisions: how many may still be logged in this second, the outcomes that count them, and by variant
    how many were left out and not reported yet.
    """

    tokens: int
    outcomes: set[Outcome] = field(default_factory=set)
    missed: dict[str, int] = field(default_factory=dict)

    def miss(self, outcome: Outcome) -> None:
        """Take over what the outcome counted. A thread that counts meanwhile does so for the next time."""
        count, outcome.count = outcome.count, 0
        if count:
            variant = outcome.variant or ""
            self.missed[variant] = self.missed.get(variant, 0) + count


class DecisionLog:
    """Logs up to ``per_second`` decisions of each flag, and once a second how many more there were.

    Targeting keys are hashed with ``salt``; the default is random, so hashes can be compared within one process only.
    Give all processes the same secret salt to compare among them; ``hash_keys=False`` writes keys as they are.
    ``spans`` notes every decision on the current OpenTelemetry span as well, without a limit, if that span is recorded.
    """

    def __init__(
        self,
        *writers: Writer,
        per_second: int = 10,
        salt: str | bytes = b"",
        hash_keys: bool = True,
        spans: bool = False,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._writers = writers
        self._per_second = max(per_second, 0)
        salted = salt.encode() if isinstance(salt, str) else salt
        self._salt = blake2b(salted, digest_size=32).digest() if salted else secrets.token_bytes(32)
        self._hash_keys = hash_keys
        self._spans = spans
        self._wall = wall
        self._lock = threading.Lock()
        self._flows: dict[str, _Flow] = {}
        self._touched: set[str] = set()
        self._environment = ""
        self._unwritten = 0
        self._trouble: Exception | None = None

    def begin(self, environment: str) -> None:
        """Say which environment the decisions are of; called by the client that logs here."""
        self._environment = environment

    def decided(self, flag: str, outcome: Outcome, context: Context, compiled: Compiled) -> None:
        """An outcome whose count is within its limit. Logs it, unless the flag's second is used up."""
        span = trace.current_span()
        logged = self._take(flag, outcome)
        noted = self._spans and span is not None and span.is_recording()
        if not logged and not noted:
            return
        trace_id, span_id = trace.ids(span)
        decision = Decision(
            flag=flag,
            variant=outcome.variant,
            reason=outcome.reason.value,
            rule=outcome.rule,
            version=outcome.version,
            at=self._wall(),
            environment=self._environment,
            key=self._key(context),
            bucket=compiled.bucket_of(context),
            trace_id=trace_id,
            span_id=span_id,
            detail=outcome.detail,
            error=outcome.error,
        )
        if noted and span is not None:
            span.add_event(trace.EVENT, trace.attributes(decision))
        if logged:
            self._write(decision)

    def tracked(self, event: str, context: Context, value: float | None, attributes: Mapping[str, Any]) -> None:
        """Something that a player did. Every one is written: how many there are is the application's business."""
        trace_id, span_id = trace.ids(trace.current_span())
        key = self._key(context)
        self._write(Tracked(event, self._wall(), self._environment, key, value, attributes, trace_id, span_id))

    def refill(self) -> None:
        """Allow the next second's decisions, and report what the last one left out. Called once a second."""
        reports: list[tuple[str, dict[str, int]]] = []
        # A client that is dropped may come here from within a lock of ours, by garbage collection.
        if not self._lock.acquire(timeout=_WAIT_S):
            return
        try:
            touched, self._touched = self._touched, set()
            for flag in touched:
                flow = self._flows[flag]
                for outcome in flow.outcomes:
                    flow.miss(outcome)
                    # The next one comes here in any case, so that this flag is looked at again.
                    outcome.limit = self._limit(outcome, max(self._per_second, 1))
                if flow.missed:
                    reports.append((flag, flow.missed))
                flow.tokens, flow.missed = self._per_second, {}
                if not flow.outcomes:
                    del self._flows[flag]
        finally:
            self._lock.release()
        for flag, by_variant in reports:
            self._write(LeftOut(flag, sum(by_variant.values()), self._wall(), self._environment, by_variant))
        for writer in self._writers:
            self._try(writer.flush)
        unwritten, self._unwritten = self._unwritten, 0
        if unwritten:
            _log.warning("a writer of the decision log failed %d times: %r", unwritten, self._trouble)

    def retire(self, flags: Iterable[str]) -> None:
        """These flags changed: what their old versions left out is reported with the next refill. A thread that still
        answers by one of these comes here with it, since nobody looks at its count any more.
        """
        with self._lock:
            for flag in flags:
                flow = self._flows.get(flag)
                if flow is None:
                    continue
                for outcome in flow.outcomes:
                    outcome.limit = sys.maxsize
                    flow.miss(outcome)
                flow.outcomes = set()
                self._touched.add(flag)

    def forked(self) -> None:
        """In the child, where every flag is compiled anew: the parent reports what was decided so far."""
        self._lock = threading.Lock()
        self._flows, self._touched = {}, set()
        for writer in self._writers:
            writer.forget()

    def _take(self, flag: str, outcome: Outcome) -> bool:
        """Account for the decision here and now, if it may be logged."""
        made_anew = outcome.error in _MADE_ANEW
        place = _UNKNOWN if made_anew else flag
        with self._lock:
            flow = self._flows.setdefault(place, _Flow(self._per_second))
            self._touched.add(place)
            # A refill that was faster has reported it as left out.
            logged = flow.tokens > 0 and outcome.count > 0
            if logged:
                flow.tokens -= 1
                outcome.count -= 1
            if made_anew:
                flow.miss(outcome)
            else:
                flow.outcomes.add(outcome)
                outcome.limit = self._limit(outcome, outcome.count + flow.tokens)
            return logged

    def _limit(self, outcome: Outcome, count: int) -> int:
        """Spans want to hear of every decision, and so does a running experiment."""
        return sys.maxsize if self._spans or outcome.run is not None else count

    def _key(self, context: Context) -> str:
        try:
            key = _usual_key(context)
        except Exception:  # noqa: BLE001 -- a context may be anything, and the log must not break an evaluation
            return ""
        return (
            blake2b(key.encode(errors="replace"), key=self._salt, digest_size=8).hexdigest() if self._hash_keys else key
        )

    def _write(self, entry: Entry) -> None:
        for writer in self._writers:
            self._try(writer.write, entry)

    def _try(self, work: Callable[..., None], *given: Entry) -> None:
        try:
            work(*given)
        except Exception as error:  # noqa: BLE001 -- it breaks neither an evaluation nor another writer, and is said
            self._trouble = error
            self._unwritten += 1
