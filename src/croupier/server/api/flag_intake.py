"""Flags on their way in: the declaration as people send it becomes a ``Flag``, every mistake with its place.

Called by the flags' routes. What a declaration may weigh is decided before it is read: reading is the work. What a flag
must satisfy among the others is decided by ``FlagChanges``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from pydantic_core import to_json

from croupier.adapters.manifests import Misread, read_day
from croupier.control.flags.book import FlagBook
from croupier.core.flags.model import Flag
from croupier.core.flags.read import read_flag
from croupier.errors import NotFound, Problem, Rejected
from croupier.server.api.formats import moment

LARGE: Final = 64 * 1024
"""From so many bytes on, a request's declarations are read beside the event loop, so that a kill comes through."""

MOST_BYTES: Final = 1_048_576
"""One declaration may have so many, as JSON."""

MOST: Final = {"rules": 2_000, "variants": 1_000, "tags": 1_000, "prerequisites": 1_000, "environments": 100}
"""One declaration may have so many of each; rules are counted with those of its environments."""

_MOST_FIELDS: Final = 64
"""An object with more has fields that nobody knows, and each of them costs a look for what was meant."""


def flag_of(data: Mapping[str, Any], key: str | None = None) -> Flag:
    """The declared flag; with ``key`` it may leave its name out, and must not have another. Raises ``Rejected``."""
    if excess := _excess(data):
        raise Rejected(f"The flag is wrong: {excess}", problems=(excess,))
    if key is not None and data.get("feature", key) != key:
        problem = Problem(f"this declares another flag than '{key[:128]}'.", ("feature",), "Leave it out.")
        raise Rejected(f"The flag is wrong: {problem}", problems=(problem,))
    fields = {**data, **({} if key is None else {"feature": key})}
    if "expires" in fields:
        if "expires_at" in fields:
            problem = Problem("'expires' and 'expires_at' together.", ("expires_at",), "Write one of them.")
            raise Rejected(f"The flag is wrong: {problem}", problems=(problem,))
        fields["expires_at"] = time_of(fields.pop("expires"))
    return read_flag(fields)


def flags_of(declarations: Sequence[Mapping[str, Any]]) -> list[Flag]:
    """All of them. Raises ``Rejected`` with the problems of all, whose paths begin with ``flags`` and a place."""
    found: list[Flag] = []
    problems: list[Problem] = []
    for index, data in enumerate(declarations):
        try:
            found.append(flag_of(data))
        except Rejected as refused:
            problems += placed(refused.problems or (Problem(refused.message),), ("flags", index))
    if problems:
        many = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        raise Rejected(f"{problems[0]}{many}", problems=tuple(problems))
    return found


def _excess(data: Mapping[str, Any]) -> Problem | None:
    """What the declaration has too much of."""
    if len(data) > _MOST_FIELDS:
        return Problem(f"{len(data):,} fields are too many: a flag has {_MOST_FIELDS} at most.", (), "See: the format.")
    there = data.get("environments")
    overrides = [item for item in there.values() if isinstance(item, Mapping)] if isinstance(there, Mapping) else []
    rules = [rule for item in (data, *overrides) for rule in _list(item.get("rules"))]
    for name, most in MOST.items():
        given = data.get(name)
        found = len(rules) if name == "rules" else len(given) if isinstance(given, list | tuple | Mapping) else 0
        if found > most:
            hint = "Put what they have in common into one rule, or into a segment." if name == "rules" else ""
            return Problem(f"{found:,} are too many: a flag has {most:,} {name} at most.", (name,), hint)
    if any(len(item) > _MOST_FIELDS for item in (*overrides, *rules) if isinstance(item, Mapping)):
        return Problem(f"a rule or an environment has more than {_MOST_FIELDS} fields.", ("rules",))
    if (size := _bytes(data)) > MOST_BYTES:
        return Problem(f"{size:,} bytes are too many: a flag has {MOST_BYTES:,} at most, as JSON.", ())
    return None


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _bytes(data: Mapping[str, Any]) -> int:
    try:
        return len(to_json(data, fallback=str))
    except ValueError:  # text that is none: the reader says where
        return len(repr(data))


def as_shown(flag: Flag, book: FlagBook) -> Flag:
    """The flag with its recorded expiry to the last digit, where what was sent is that expiry as it is shown, or a
    renewed one: who declares a flag as it is shown changes nothing.
    """
    state = book.recorded(flag.key)
    if state is None or flag.expires_at is None or moment(flag.expires_at) != moment(state.expires_at):
        return flag
    return replace(flag, expires_at=state.flag.expires_at)


def placed(problems: Sequence[Problem], where: tuple[str | int, ...]) -> list[Problem]:
    """The problems, one level further out, with fields named as people write them."""
    return [replace(problem, path=(*where, *written(problem.path))) for problem in problems]


def inside(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """The problems of a single flag: its place among several, which the paths begin with, says nothing."""
    return tuple(
        replace(item, path=written(item.path[1:] if item.path[:1] == (0,) else item.path)) for item in problems
    )


def written(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The path with ``expires`` for what the core calls ``expires_at``."""
    return tuple("expires" if part == "expires_at" else part for part in path)


def unplaced(refused: Rejected) -> Rejected:
    """The refusal of a single flag."""
    if isinstance(refused, NotFound) or not refused.problems:
        return refused
    problems = inside(refused.problems)
    return Rejected(f"The flag is wrong: {problems[0]}", hint=refused.hint, problems=problems)


def time_of(value: Any) -> float | None:
    """Epoch seconds of a day (its end, in UTC) or of a time with its zone, as files write them. Raises ``Rejected``."""
    if value is None:
        return None
    try:
        return read_day(value)
    except Misread as misread:
        problem = Problem(misread.message.replace("{written}", str(value)), ("expires",), misread.hint)
        raise Rejected(str(problem), problems=(problem,)) from None
