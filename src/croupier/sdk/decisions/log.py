"""Which decisions are logged, and how many were left out: so many a second for each flag, and exact counts of the rest.

Costs nearly nothing beyond its limit: outcomes count themselves, and only the first ones of a second come here. Fed by
``FlagClient``, refilled once a second in the background.
"""

import secrets
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from croupier.core.flags.evaluate import Compiled, Context
from croupier.core.flags.outcome import Outcome
from croupier.core.flags.targeting_key import key_of
from croupier.sdk.decisions import trace
from croupier.sdk.decisions.decision import Decision, Entry, LeftOut, Tracked, Writer

_UNKNOWN: Final = "(unknown flags)"
_usual_key = key_of("")


@dataclass(slots=True)
class _Flow:
    """One flag's decisions: how many may still be logged in this second. Each outcome knows which are accounted for, so
    that it does not matter if threads see the flag change at different moments.
    """

    tokens: int
    compiled: Compiled | None
    dropped: int = 0

    def outcomes(self) -> list[Outcome]:
        return [] if self.compiled is None else self.compiled.outcomes

    def left_out(self) -> dict[str, int]:
        """Decisions by variant that nobody heard of, which are accounted for from now on."""
        found: dict[str, int] = {}
        for outcome in self.outcomes():
            count = outcome.count
            missed = count - outcome.told
            if missed > 0:
                outcome.told = count
                variant = outcome.variant or ""
                found[variant] = found.get(variant, 0) + missed
        return found


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
        self._retired: list[tuple[str, _Flow]] = []
        self._parting: list[tuple[str, _Flow]] = []
        """Retired a second ago, and looked at once more: a thread may have been in the middle of counting."""
        self._environment = ""

    def begin(self, environment: str) -> None:
        """Say which environment the decisions are of; called by the client that logs here."""
        self._environment = environment

    def decided(self, flag: str, outcome: Outcome, context: Context, compiled: Compiled) -> None:
        """An outcome whose count is within its limit. Logs it, unless the flag's second is used up."""
        span = trace.current_span()
        logged = self._take(flag, outcome, compiled)
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
        with self._lock:
            touched, self._touched = self._touched, set()
            retired, self._parting, self._retired = [*self._parting, *self._retired], self._retired, []
            reports = [(flag, flow.left_out(), flow.dropped) for flag, flow in retired]
            for _, gone in retired:
                gone.dropped = 0
            for flag in touched:
                flow = self._flows.get(flag)
                if flow is None:
                    continue
                reports.append((flag, flow.left_out(), flow.dropped))
                flow.dropped = 0
                flow.tokens = self._per_second
                for outcome in flow.outcomes():
                    outcome.limit = self._limit(outcome, flow)
        for flag, by_variant, dropped in reports:
            if total := sum(by_variant.values()) + dropped:
                self._write(LeftOut(flag, total, self._wall(), self._environment, by_variant))
        for writer in self._writers:
            writer.flush()

    def retire(self, retired: Mapping[str, Compiled]) -> None:
        """These flags changed: what their old versions left out is reported with the next refill."""
        with self._lock:
            for flag in retired:
                flow = self._flows.pop(flag, None)
                if flow is not None:
                    self._retired.append((flag, flow))

    def forked(self) -> None:
        """In the child: the parent reports what was decided so far."""
        self._lock = threading.Lock()
        self._retired, self._parting = [], []
        for flow in self._flows.values():
            flow.left_out()
            flow.dropped = 0
        self._touched = set(self._flows)
        for writer in self._writers:
            writer.forget()

    def _take(self, flag: str, outcome: Outcome, compiled: Compiled) -> bool:
        unknown = outcome.error == "FLAG_NOT_FOUND"  # its outcome is made anew each time, so it cannot count
        place = _UNKNOWN if unknown else flag
        with self._lock:
            known = self._flows.get(place)
            if known is not None and not unknown and _is_newer(compiled, known.compiled):
                self._retired.append((place, known))
                known = None
            flow = known or _Flow(self._per_second, None if unknown else compiled)
            self._flows[place] = flow
            self._touched.add(place)
            logged = flow.tokens > 0
            flow.tokens -= logged
            outcome.told += logged
            outcome.limit = self._limit(outcome, flow)
            if unknown or outcome not in flow.outcomes():
                # Of a flag that changed while a thread asked it, nobody knows later: each answer has to come here.
                flow.dropped += outcome.count - outcome.told
                outcome.told, outcome.limit = outcome.count, sys.maxsize
            return logged

    def _limit(self, outcome: Outcome, flow: _Flow) -> int:
        return sys.maxsize if self._spans else outcome.count + flow.tokens

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
            writer.write(entry)


def _is_newer(asked: Compiled, counted: Compiled | None) -> bool:
    """Whether the flag is compiled anew since: a thread may have come with the old one after that was retired."""
    return counted is not None and asked is not counted and asked.default.version >= counted.default.version
