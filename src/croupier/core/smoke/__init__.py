"""Smoke checks: what a version must do right before, and right after, players are moved to it."""

from croupier.core.smoke.model import (
    Account,
    Claim,
    Command,
    Extract,
    Op,
    Request,
    SecretRef,
    SmokeCheck,
    SmokeStep,
    Where,
)
from croupier.core.smoke.result import CheckResult, Outcome, StepResult

__all__ = [
    "Account",
    "CheckResult",
    "Claim",
    "Command",
    "Extract",
    "Op",
    "Outcome",
    "Request",
    "SecretRef",
    "SmokeCheck",
    "SmokeStep",
    "StepResult",
    "Where",
]
