"""What comparing a canary's answers with the stable version's came to; recorded at the end of the step that did it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Difference:
    """At paths like ``path`` (ids as ``{id}``), ``field`` differed in ``count`` answers.

    ``field`` is ``status``, ``header:NAME``, ``body`` or a place in it (``$.rounds[*].stake``). ``examples`` are pairs
    of what the stable version and the canary said, shortened, never of fields that look secret.
    """

    path: str
    field: str
    count: int
    examples: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ShadowReport:
    """Of ``compared`` requests ``differing`` got another answer from the canary, ``noisy`` got two different ones from
    the stable version; ``skipped`` were not compared, by reason. ``step`` is the index of the step.
    """

    step: int
    compared: int = 0
    differing: int = 0
    noisy: int = 0
    skipped: tuple[tuple[str, int], ...] = ()
    differences: tuple[Difference, ...] = ()

    @property
    def share(self) -> float:
        """The share of compared requests that got another answer, 0 to 1."""
        return self.differing / self.compared if self.compared else 0.0
