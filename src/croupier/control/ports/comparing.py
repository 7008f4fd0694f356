"""The outside that compares answers: it asks two versions the same, beside what players do. Adapters implement it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from croupier.control.ports.outside import Endpoint
from croupier.core.rollout.shadow.mirror import NOTHING, Ignored
from croupier.core.rollout.shadow.report import ShadowReport


@dataclass(frozen=True, slots=True)
class Comparison:
    """Reads of ``service`` are to be asked of the stable version twice and of the canary once. ``id`` names the step of
    the rollout, and so what is counted together.
    """

    id: str
    service: str
    stable: tuple[str, tuple[Endpoint, ...]]
    canary: tuple[str, tuple[Endpoint, ...]]
    ignored: Ignored = NOTHING


class Comparer(Protocol):
    """Compares in the background. Never waited for, and never in a player's way."""

    def compare(self, wanted: Sequence[Comparison]) -> None:
        """Compare exactly for these from now on; none ends it. Idempotent."""
        ...

    def found(self, id_: str) -> ShadowReport | None:
        """What came of it so far; ``None`` where nothing is known."""
        ...


class NoComparer:
    """Compares nothing."""

    def compare(self, wanted: Sequence[Comparison]) -> None:
        """See ``Comparer.compare``."""

    def found(self, id_: str) -> ShadowReport | None:  # noqa: ARG002 - the port's own parameter
        """See ``Comparer.found``."""
        return None
