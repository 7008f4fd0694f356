"""What a rollout remembers of its smoke checks. Part of the state; what follows from it is in ``smoking``."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from croupier.core.smoke.result import CheckResult

KEPT: Final = 12
"""Runs in the state, for people to look at; the journal has them all."""


class Occasion(StrEnum):
    """What asked for the checks."""

    STEP = "step"
    """A step of the rollout."""
    SWITCH = "switch"
    """The data plane was seen to serve another share."""


@dataclass(frozen=True, slots=True)
class SmokeRun:
    """One run that ended ``at`` (epoch seconds) while players had ``exposure``. One that does not stand is history: it
    was about an earlier share or step, or a person had it tried again.
    """

    occasion: Occasion
    at: float
    exposure: str
    results: tuple[CheckResult, ...]
    stands: bool = True

    @property
    def passed(self) -> bool:
        """Whether every check did."""
        return all(result.passed for result in self.results)


def forgotten(runs: tuple[SmokeRun, ...], occasion: Occasion) -> tuple[SmokeRun, ...]:
    """The runs, with those of this occasion as history."""
    return tuple(replace(run, stands=False) if run.occasion is occasion else run for run in runs)
