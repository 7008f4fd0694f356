"""What came of a smoke check: short enough for the record, and without anything secret."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a step or a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Something before it failed, so it was not tried."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step of a scenario, or one test of a command's report. ``said`` is why it failed, or what to look at."""

    name: str
    outcome: Outcome
    said: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check. ``said`` is the reason in a line; ``tail`` the end of what a command printed."""

    check: str
    outcome: Outcome
    said: str = ""
    seconds: float = 0.0
    steps: tuple[StepResult, ...] = ()
    tail: str = ""

    @property
    def passed(self) -> bool:
        """Whether the version does what the check asks for."""
        return self.outcome is Outcome.PASSED
