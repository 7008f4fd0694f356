"""One false-rollback budget over all tests of a rollout. Called with every test's evidence after each sample.

The average of e-values is an e-value whatever depends on what, so many gates and groups cost no validity: the weights
say who may spend how much of the budget. The product would need independence, which gates on the same requests do not
have.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple


class Held(NamedTuple):
    """A test's share of the budget (all add up to 1) and its log e-value."""

    weight: float
    log_e: float


def together(tests: Iterable[Held]) -> float:
    """The log e-value of all tests together: of their weighted average."""
    terms = [math.log(weight) + log_e for weight, log_e in tests if weight > 0.0]
    if not terms:
        return 0.0
    highest = max(terms)
    return highest + math.log(math.fsum(math.exp(term - highest) for term in terms))


def needed(alpha: float, weight: float = 1.0) -> float:
    """The log e-value with which a test of this weight alone spends the budget ``alpha``, a probability."""
    return -math.log(alpha * weight)


def used(alpha: float, test: Held) -> float:
    """How much of what convicts a test has brought, 0 to 1, on the scale of evidence (a logarithm)."""
    return min(max(test.log_e / needed(alpha, test.weight), 0.0), 1.0)
