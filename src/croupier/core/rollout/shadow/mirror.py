"""What is copied to a version that serves nobody with it: which requests, how many of them, and what is left out.

Pure data, part of ``ServiceRoutes``: the router renders it and reads it back.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SHADOW_HEADER: Final = "x-croupier-shadow"
"""Marks a copy. The edge removes it from whatever clients send, so that only the edge can set it."""

COMPARE_HEADER: Final = "x-croupier-compare"
"""On a copy for the process that compares answers: the service that it is of."""

SAFE_METHODS: Final = ("GET", "HEAD")
"""What may be copied without being named path by path: reads (RFC 9110, 9.2.1)."""


class How(StrEnum):
    """How a text is compared."""

    EXACT = "exact"
    PREFIX = "prefix"
    REGEX = "regex"
    """The whole text, in RE2."""


@dataclass(frozen=True, slots=True)
class TextMatch:
    """Texts that are this, begin with it, or are all of the regular expression."""

    how: How
    text: str


@dataclass(frozen=True, slots=True)
class Allowed:
    """Requests that may be copied: with one of the methods, and with path (without query) and headers like these."""

    methods: tuple[str, ...] = SAFE_METHODS
    path: TextMatch | None = None
    headers: tuple[tuple[str, TextMatch], ...] = ()

    @property
    def safe(self) -> tuple[str, ...]:
        """Those of its methods that only read."""
        return tuple(method for method in self.methods if method in SAFE_METHODS)

    @property
    def unsafe(self) -> tuple[str, ...]:
        """Those of its methods that may change something."""
        return tuple(method for method in self.methods if method not in SAFE_METHODS)


EVERY_READ: Final = (Allowed(),)
"""What is allowed where nobody says more."""


@dataclass(frozen=True, slots=True)
class Mirror:
    """Of the allowed requests this share (basis points) is copied, without the ``withheld`` headers; of those that only
    read, ``sample_bp`` are compared.
    """

    name: str
    share_bp: int
    allowed: tuple[Allowed, ...] = EVERY_READ
    withheld: tuple[str, ...] = ()
    sample_bp: int = 0


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What is copied to ``version``. A request is copied by the first mirror that allows it."""

    version: str
    mirrors: tuple[Mirror, ...]


@dataclass(frozen=True, slots=True)
class Ignored:
    """What two answers may differ in: fields of their bodies (``$.rounds[*].id``, ``$..requestId``), headers, and
    numbers by this share of the larger one (0: not at all).
    """

    fields: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    tolerance: float = 0.0


NOTHING: Final = Ignored()


@dataclass(frozen=True, slots=True)
class Compare:
    """Ask the stable version twice and the canary once for a sample (basis points) of the reads.

    With ``most`` (0 to 1) the step is left only if no larger share of at least ``at_least`` answers differs.
    """

    sample_bp: int
    ignored: Ignored = NOTHING
    most: float | None = None
    at_least: int = 100
