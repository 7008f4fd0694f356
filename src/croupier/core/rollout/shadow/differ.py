"""Where a canary's answer differs from the stable version's, apart from what differs anyway. Pure.

The stable version is asked twice: places in which its own two answers differ say nothing (times, ids, dice), and
neither do those that a rule means. Called by the process that compares.
"""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from croupier.core.rollout.shadow.mirror import NOTHING, Ignored
from croupier.core.rollout.shadow.pattern import ANY_ITEM, Place, means, named, pattern

Pair: TypeAlias = tuple[str, str]

STATUS: Final = "status"
BODY: Final = "body"
_VOLATILE: Final = frozenset(
    (
        *("age", "connection", "content-encoding", "content-length", "date", "etag", "expires", "keep-alive"),
        *("last-modified", "server", "set-cookie", "traceparent", "tracestate", "transfer-encoding", "via"),
        *("x-correlation-id", "x-envoy-upstream-service-time", "x-request-id", "x-runtime", "x-trace-id"),
    )
)
"""Headers that differ from one answer to the next, or say how it was sent and not what."""
_DEEPEST: Final = 64
_MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a version said: header names in lower case, and ``version``, which it may name without differing."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    version: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The places that differ, each with what the stable version and the canary said; ``noisy`` if the stable version's
    own answers differ somewhere that no rule takes out.
    """

    fields: tuple[tuple[str, Pair], ...] = ()
    noisy: bool = False


def outcome(first: Answer, second: Answer, canary: Answer, ignored: Ignored = NOTHING) -> Outcome:
    """What the canary's answer comes to beside the stable version's two."""
    noise = [place for place, _ in _differences(first, second, 0.0)]
    rules = [rule for text in ignored.fields if (rule := pattern(text)) is not None]
    left_out = {f"header:{name.lower()}" for name in ignored.headers}

    def taken_out(place: Place) -> bool:
        return _named(place) in left_out or (place[0] == BODY and any(means(rule, place[1:]) for rule in rules))

    found: dict[str, Pair] = {}
    for place, pair in _differences(first, canary, ignored.tolerance):
        if not taken_out(place) and not any(means(each, place) for each in noise):
            found.setdefault(_named(place), pair)
    return Outcome(tuple(found.items()), not all(map(taken_out, noise)))


def _named(place: Place) -> str:
    return named(place[1:]) if place[0] == BODY and len(place) > 1 else place[0]


def _differences(one: Answer, other: Answer, tolerance: float) -> Iterator[tuple[Place, Pair]]:
    """Places begin with ``status``, ``header:NAME`` or ``body``."""
    if one.status != other.status:
        yield (STATUS,), (str(one.status), str(other.status))
    ours, theirs = _headers(one), _headers(other)
    for name in sorted(ours.keys() | theirs.keys()):
        pair = ours.get(name, "(none)"), theirs.get(name, "(none)")
        if pair[0] != pair[1] and pair != (one.version, other.version):
            yield (f"header:{name}",), pair
    if one.body != other.body:
        parsed = _json(one.body), _json(other.body)
        if _MISSING in parsed:
            yield (BODY,), (f"{len(one.body)} bytes", f"{len(other.body)} bytes, other ones")
        else:
            yield from _walk(parsed[0], parsed[1], (one.version, other.version), tolerance)


def _headers(answer: Answer) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in answer.headers:
        if name not in _VOLATILE:
            found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return _MISSING


def _walk(one: Any, other: Any, versions: Pair, tolerance: float) -> Iterator[tuple[Place, Pair]]:
    """Places in two JSON values that differ; a stack, since what comes from outside may be deep."""
    stack: list[tuple[Place, Any, Any]] = [((BODY,), one, other)]
    while stack:
        place, left, right = stack.pop()
        if len(place) > _DEEPEST:
            continue
        if isinstance(left, dict) and isinstance(right, dict):
            keys = sorted(left.keys() | right.keys())
            stack += [((*place, key), left.get(key, _MISSING), right.get(key, _MISSING)) for key in reversed(keys)]
        elif isinstance(left, list) and isinstance(right, list):
            if len(left) != len(right):
                yield place, (_items(left), _items(right))
            stack += [((*place, ANY_ITEM), *both) for both in zip(left, right, strict=False)][::-1]
        elif not _same(left, right, tolerance) and (left, right) != versions:
            yield place, (_shown(left), _shown(right))


def _items(values: Sequence[Any]) -> str:
    return f"{len(values)} item{'' if len(values) == 1 else 's'}"


def _same(left: Any, right: Any, tolerance: float) -> bool:
    if _is_number(left) and _is_number(right):
        return left == right or (tolerance > 0.0 and _close(left, right, tolerance))
    if isinstance(left, dict | list) or isinstance(right, dict | list):
        return False  # of one kind they never get here
    return type(left) is type(right) and bool(left == right)


def _close(left: float, right: float, tolerance: float) -> bool:
    try:
        return math.isclose(left, right, rel_tol=tolerance)
    except OverflowError:  # a whole number beyond any float
        return False


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    if value is _MISSING:
        return "(none)"
    if isinstance(value, dict):
        return "an object"
    return "a list" if isinstance(value, list) else json.dumps(value, ensure_ascii=False)
