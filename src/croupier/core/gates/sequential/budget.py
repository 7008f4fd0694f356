"""One false-rollback budget over all tests of a rollout. Called with every test's evidence after each sample.

The average of e-values is an e-value whatever depends on what, so many gates and groups cost no validity: the weights
say who may spend how much of the budget. The product would need independence, which gates on the same requests do not
have.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple


class Held(NamedTuple):
    """A test's part of the budget and its log e-value."""

    weight: float
    log_e: float


def together(tests: Iterable[Held]) -> float:
    """The logarithm of what the budget has become: of the sum of its parts times their e-values. With parts that add up
    to 1 it is the log e-value of all tests together.
    """
    terms = [math.log(weight) + log_e for weight, log_e in tests if weight > 0.0]
    if not terms:
        return 0.0
    highest = max(terms)
    return highest + math.log(math.fsum(math.exp(term - highest) for term in terms))


def needed(budget: float) -> float:
    """The log e-value with which a test spends this budget, a probability."""
    return -math.log(budget)


def used(spent: float, budget: float) -> float:
    """How far a gate has come to its verdict, 0 to 1, on the scale of evidence. ``spent`` is the logarithm of what its
    budget has become, as ``look.spent`` says it.
    """
    return min(max(1.0 + spent / needed(budget), 0.0), 1.0)
