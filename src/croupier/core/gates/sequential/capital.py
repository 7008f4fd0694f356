"""The stake of one test: how it is spread over bets and what became of it. Called with the gains of ``bets``.

The stake is a mixture over bets and over the times at which they start: a reserve trickles into the bets, so that a
fault that begins late meets fresh money instead of bets long lost on a canary that was good. Everything is kept as a
logarithm, so that no evidence, however strong, drowns the rest.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

STAKED: Final = 0.5
"""Share of the stake in the bets at the start; the rest is the reserve."""

TRICKLE: Final = 1 / 120
"""Share of the reserve that moves into the bets with each sample."""

TRICKLE_AFTER_CHANGE: Final = 0.10
"""The same with the first sample after a change of weight, when a fault that comes with load would begin."""


@dataclass(frozen=True, slots=True)
class Capital:
    """Natural logarithms of what each bet and the reserve are worth, for a whole stake of 1."""

    bets: tuple[float, ...]
    reserve: float

    @property
    def log_e(self) -> float:
        """The logarithm of the whole: the log e-value, 0 at the start."""
        return _log_sum((*self.bets, self.reserve))


def stake(bets: int, *, staked: float = STAKED) -> Capital:
    """The stake before the first sample, in equal parts on so many bets."""
    return Capital((math.log(staked / bets),) * bets, math.log1p(-staked) if staked < 1.0 else -math.inf)


def trickled(*, fresh: bool) -> float:
    """The share of the reserve that moves into the bets with a sample; ``fresh``: the first one at its weight."""
    return TRICKLE_AFTER_CHANGE if fresh else TRICKLE


def grown(
    capital: Capital, gains: Sequence[float], *, trickle: float = TRICKLE, cap: float = math.inf, phi: float = 1.0
) -> Capital:
    """The capital after one sample, given each bet's gain (the logarithm of its factor).

    ``cap`` bounds each bet's gain, so that a burst in one sample convicts nobody. ``phi`` is the clump size of
    failures: gains are worth that much less. Both only ever lower the expected factor, so the capital stays fair. A
    sample from which nothing can be learnt is no call.
    """
    moved = capital.reserve + math.log(trickle / len(capital.bets)) if trickle else -math.inf
    # The sum of a bet and what moved into it, by logarithms; written out, since nothing is done more often.
    log, exp, most = math.log, math.exp, cap * phi
    bets = [
        (bet + log(1.0 + exp(moved - bet)) if bet >= moved else moved + log(1.0 + exp(bet - moved)))
        + (cap if gain > most else gain / phi)
        for bet, gain in zip(capital.bets, gains, strict=True)
    ]
    return Capital(tuple(bets), capital.reserve + math.log1p(-trickle))


def lower(capital: Capital, earlier: Capital) -> Capital:
    """The capital without what it won since ``earlier``, bet by bet. Money that is given away keeps the stake fair."""
    bets = tuple([min(pair) for pair in zip(capital.bets, earlier.bets, strict=True)])
    return Capital(bets, min(capital.reserve, earlier.reserve))


def remembered(capital: Capital, most: float) -> Capital:
    """The capital with no bet worth more than ``most`` (a logarithm). For a test that only keeps waiting: what it won
    beyond is forgotten, or it would take as long to believe that all is well again as what it saw was bad.
    """
    return Capital(tuple([min(bet, most) for bet in capital.bets]), capital.reserve)


def cap(needed: float, *, samples: int, staked: float = STAKED) -> float:
    """The cap with which ``samples - 1`` samples of any content cannot reach the evidence ``needed`` (a log e-value)
    from rest. ``staked``: the largest share of the stake that may be in the bets.
    """
    return 0.999 * math.log(math.expm1(needed) / staked) / (samples - 1)


def _log_sum(logs: Sequence[float]) -> float:
    """The logarithm of the sum."""
    highest = max(logs)
    return highest + math.log(math.fsum([math.exp(term - highest) for term in logs]))
