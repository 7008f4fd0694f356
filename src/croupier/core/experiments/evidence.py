"""What the counts of two variants say, at any time: by how much more players of one do it than of the other.

Players are dealt by chance, in shares that are known. So if the variant makes no difference, whoever does the event is
a treated player with the probability of the treatment's share, whatever the level, its swings over the day, the mix of
players, and how long after the exposure they do it. Each player who does it is one toss of that coin: the counts of
converted players alone decide (Lindon and Malek, "Anytime-valid inference for multinomial count data", NeurIPS 2022),
with the mixture and the bounds of the gates (``gates.sequential.bound``). Nothing is assumed of those who have not done
it yet, which is what breaks a comparison of rates while conversions still come in.

If the treated do it r times as often, the coin is r times its odds: so an interval for the coin is one for the ratio.
The price: where most players convert, those who do not are information that this leaves out. At a rate of 50 % it
needs twice the players that a test of matured rates needs, at 10 % a tenth more.
"""

import math
from dataclasses import dataclass
from typing import Final

from croupier.core.gates.sequential.bound import Prior, evidence_against, interval

_WIDER: Final = 3.0
"""The second bet is on effects of so many times the smallest that matters."""
_MOST: Final = 10**9


@dataclass(frozen=True, slots=True)
class Pair:
    """Two variants: how their players are dealt to the treatment (``share``, 0 to 1, of the players of both), and the
    error that the comparison may spend.
    """

    share: float
    minimum_effect: float
    error: float

    @property
    def priors(self) -> tuple[Prior, ...]:
        """Bets around the coin of no difference, fixed at the start: as wide as the smallest effect, and wider."""
        spread = self.share * (1.0 - self.share)
        return tuple(_prior(self.share, spread, math.log1p(self.minimum_effect) * size) for size in (1.0, _WIDER))

    @property
    def needed(self) -> float:
        """The log e-value with which there is a difference."""
        return -math.log(self.error)

    def log_e(self, treated: int, control: int) -> float:
        """The log e-value of so many converted players against "the variant makes no difference"."""
        return evidence_against(self.share, treated, treated + control, self.priors)

    def ratio(self, treated: int, control: int) -> tuple[float, float]:
        """Between which ratios of the rates the true one is, at all times at once but with probability ``error``."""
        low, high = interval(treated, treated + control, error=self.error, priors=self.priors)
        return self._ratio(low), self._ratio(high)

    def estimate(self, treated: int, control: int) -> float | None:
        """The ratio that the counts suggest; ``None`` where nobody converted."""
        return self._ratio(treated / (treated + control)) if treated + control else None

    def difference(self, ratio: float, rate: float) -> float:
        """The difference of the rates (treatment less control) where their ratio is this and ``rate`` is that of both
        together.
        """
        if math.isinf(ratio):
            return rate / self.share
        return rate * (ratio - 1.0) / (1.0 - self.share + self.share * ratio)

    def conversions_needed(self, effect: float) -> float:
        """After how many conversions of both a ratio of 1 + ``effect`` is found, if they come as expected."""
        odds = (1.0 + effect) * self.share / (1.0 - self.share)
        coin = odds / (1.0 + odds)

        def found(total: int) -> bool:
            return evidence_against(self.share, coin * total, total, self.priors) >= self.needed

        low, high = 0, 1
        while not found(high):
            if high > _MOST:
                return math.inf
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if found(middle) else (middle, high)
        return high

    def _ratio(self, coin: float) -> float:
        if coin >= 1.0:
            return math.inf
        return coin / (1.0 - coin) * (1.0 - self.share) / self.share


def _prior(share: float, spread: float, log_ratio: float) -> Prior:
    """A beta distribution around the share, whose spread is what a ratio of that logarithm moves the coin by."""
    weight = max(1.0 / (spread * log_ratio * log_ratio), 1.0)
    return Prior(share * weight, (1.0 - share) * weight)
