"""One false-rollback budget over all tests of a rollout: each has a part of it, and convicts by its own part alone.

Tests of the same hypothesis share a part by the average of their e-values, which is an e-value whatever depends on
what. The product would need independence, which tests of the same requests do not have.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple


class Held(NamedTuple):
    """A test's weight and its log e-value."""

    weight: float
    log_e: float


def together(tests: Iterable[Held]) -> float:
    """The log e-value of all tests together: of their average, by weights that add up to 1."""
    terms = [math.log(weight) + log_e for weight, log_e in tests if weight > 0.0]
    if not terms:
        return 0.0
    highest = max(terms)
    return highest + math.log(math.fsum(math.exp(term - highest) for term in terms))


def needed(budget: float) -> float:
    """The log e-value with which a test spends this budget, a probability."""
    return -math.log(budget)


def used(spent: float, budget: float) -> float:
    """How far a gate has come to a verdict, 0 to 1, on the scale of evidence; ``spent`` from ``trials``."""
    return min(max(1.0 + spent / needed(budget), 0.0), 1.0)
