"""One logged decision, and the count of those that were left out. Made by ``DecisionLog``, taken by writers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class Decision:
    """What one player was given and why. ``key`` is the targeting key, hashed unless the log was told otherwise.

    ``at`` is epoch seconds; ``trace_id`` and ``span_id`` are OpenTelemetry's, in hex, empty without a trace.
    """

    flag: str
    variant: str | None
    reason: str
    rule: str | None
    version: int
    at: float
    environment: str
    key: str = ""
    bucket: int | None = None
    trace_id: str = ""
    span_id: str = ""
    detail: str = ""
    error: str | None = None

    def fields(self) -> dict[str, Any]:
        """What is worth writing: without what is empty."""
        return {name: value for name, value in asdict(self).items() if value not in ("", None)}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """So many decisions of this flag were made and not logged since the last such count, by variant."""

    flag: str
    left_out: int
    at: float
    environment: str
    by_variant: dict[str, int] = field(default_factory=dict)

    def fields(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Tracked:
    """Something that a player did, to be compared with what flags gave them; ``key`` and the ids as in ``Decision``."""

    event: str
    at: float
    environment: str
    key: str = ""
    value: float | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    trace_id: str = ""
    span_id: str = ""

    def fields(self) -> dict[str, Any]:
        """What is worth writing: without what is empty."""
        return {name: value for name, value in asdict(self).items() if value not in ("", None, {})}


Entry: TypeAlias = Decision | LeftOut | Tracked


class Writer(Protocol):
    """Where decisions go. Called in the thread that asked for the flag, so it must not wait for anything."""

    def write(self, entry: Entry) -> None:
        """Take an entry."""
        ...

    def flush(self) -> None:
        """Bring out what was taken; called once a second in the background, and at the end."""
        ...

    def forget(self) -> None:
        """In the child of a fork: drop what was taken and not brought out, since the parent will do it."""
        ...
