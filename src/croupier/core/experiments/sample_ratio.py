"""Were players dealt as the flag's shares say? If not, players of the variants differ before they do anything, and no
comparison of them means what it says: the result is withheld.

The sequential multinomial test of Lindon and Malek ("Anytime-valid inference for multinomial count data", NeurIPS 2022,
section 3; the sample-ratio test of Lindon's "ssrm"): a Dirichlet mixture around the shares against the shares. Each
player is dealt once and alone, so other than in a ``population`` gate nothing clumps.
"""

import math
from collections.abc import Sequence
from typing import Final

ERROR: Final = 0.001
"""The probability of ever withholding a result of players who were dealt as they should be."""

_WEIGHTS: Final = (10.0, 100.0, 1_000.0, 10_000.0)
"""Concentrations of the alternatives: from shares that are far off to those that are off by a hair."""


def log_e(counts: Sequence[int], shares: Sequence[float]) -> float:
    """The log e-value of so many players by variant against these shares, which add up to 1."""
    terms = [_mixture(counts, shares, weight) for weight in _WEIGHTS]
    highest = max(terms)
    mixed = highest + math.log(math.fsum(math.exp(term - highest) for term in terms) / len(terms))
    return mixed - math.fsum(count * math.log(share) for count, share in zip(counts, shares, strict=True))


def mismatch(counts: Sequence[int], shares: Sequence[float], *, error: float = ERROR) -> bool:
    """Whether the counts are not those of the shares; wrong at any time with probability ``error`` at most."""
    return log_e(counts, shares) >= -math.log(error)


def _mixture(counts: Sequence[int], shares: Sequence[float], weight: float) -> float:
    """Dirichlet-multinomial, without the factor that all hypotheses share."""
    pairs = [(share * weight, count) for share, count in zip(shares, counts, strict=True)]
    gained = math.fsum(math.lgamma(prior + count) - math.lgamma(prior) for prior, count in pairs)
    return gained + math.lgamma(weight) - math.lgamma(weight + sum(counts))
