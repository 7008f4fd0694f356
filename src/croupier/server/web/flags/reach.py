"""How far the flags have come: per environment which clients run which version, as words and as a small picture.

Counted at most once a second for all who look. The measuring is ``Propagation``'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

from fastapi import Depends, Request

from croupier.control.flags.propagation import Client, Laggard, Summary
from croupier.server.context import Context, context_of

FRESH_S: Final = 1.0
WIDTH: Final = 100.0
"""The picture's own units."""
_LEAST: Final = 1.0
"""Who is behind is seen, however few they are."""
_MOST: Final = 5
"""Versions that are shown one by one; older ones together."""

OTHERS: Final = -1
"""Stands for the versions of another record, as ``Summary`` has it."""


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of the picture."""

    look: Literal["current", "behind", "other"]
    text: str
    clients: int
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Reach:
    """One environment's clients; ``listening`` to this control plane now. Seconds are ``None`` before the first
    measurement.
    """

    environment: str
    version: int
    clients: int
    current: int
    parts: tuple[Part, ...]
    laggards: Sequence[Laggard]
    differing: Sequence[Client]
    p50_s: float | None
    p99_s: float | None
    versions: Mapping[int, int]
    listening: int = 0

    @property
    def behind(self) -> int:
        return self.clients - self.current

    def have(self, version: int) -> int:
        """How many clients run this version or a later one."""
        return sum(count for known, count in self.versions.items() if known >= version)


@dataclass(slots=True)
class Reaches:
    """The latest counts by environment."""

    _kept: dict[str, tuple[float, Reach]] = field(default_factory=dict)

    def of(self, here: Context) -> tuple[Reach, ...]:
        """Every environment, as of a moment ago."""
        now = here.ports.clock.now()
        return tuple(self._of(here, name, now) for name in here.flags.book.environments)

    def _of(self, here: Context, environment: str, now: float) -> Reach:
        kept = self._kept.get(environment)
        if kept is None or not 0 <= now - kept[0] < FRESH_S or kept[1].version != here.flags.book.version:
            kept = self._kept[environment] = (
                now,
                reach(here.flags.propagation.summary(environment, now), here.flags.feed.open_in(environment)),
            )
        return kept[1]


def reaches_of(request: Request) -> tuple[Reach, ...]:
    """Every environment's reach, for the page that this request asks for."""
    found: Reaches | None = getattr(request.app.state, "flag_reaches", None)
    if found is None:
        found = request.app.state.flag_reaches = Reaches()
    return found.of(context_of(request))


Reached = Annotated[tuple[Reach, ...], Depends(reaches_of)]


def reach(summary: Summary, listening: int = 0) -> Reach:
    """The picture of a summary; ``listening`` are streams that are open now."""
    return Reach(
        environment=summary.environment,
        version=summary.version,
        clients=summary.clients,
        current=summary.current,
        parts=_parts(summary),
        laggards=summary.laggards,
        differing=summary.differing,
        p50_s=summary.p50_s,
        p99_s=summary.p99_s,
        versions=summary.versions,
        listening=listening,
    )


def _parts(summary: Summary) -> tuple[Part, ...]:
    """The present version first, then those before it."""
    older = sorted((version for version in summary.versions if OTHERS < version < summary.version), reverse=True)
    pieces: list[tuple[Literal["current", "behind", "other"], str, int]] = [
        ("current", f"v{summary.version}", summary.current)
    ]
    pieces += [("behind", f"v{version}", summary.versions[version]) for version in older[:_MOST]]
    pieces.append(("behind", "older", sum(summary.versions[version] for version in older[_MOST:])))
    pieces.append(("other", "of another record", summary.versions.get(OTHERS, 0)))
    pieces = [piece for piece in pieces if piece[2]]
    widths = [max(_LEAST, WIDTH * clients / summary.clients) for _, _, clients in pieces]
    scale = WIDTH / sum(widths) if widths else 1.0
    found: list[Part] = []
    x = 0.0
    for (look, text, clients), width in zip(pieces, widths, strict=True):
        found.append(Part(look, text, clients, round(x, 2), round(width * scale, 2)))
        x += width * scale
    return tuple(found)
