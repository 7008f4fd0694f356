"""Reference vectors: inputs and the log e-value that independent implementations (scipy, savvi, confseq) agree on."""

from typing import NamedTuple

from croupier.core.gates.sequential.bets import RATIOS, TAIL_RATIOS, Arm, Pair


def tick(bad_canary: int, canary: int, bad_baseline: int, baseline: int) -> tuple[Pair, ...]:
    """One sample of one stratum."""
    return (Pair(Arm(bad_canary, canary), Arm(bad_baseline, baseline)),)


class Ratio(NamedTuple):
    name: str
    ticks: tuple[tuple[Pair, ...], ...]
    log_e: float
    tolerance: float = 1.1
    ratios: tuple[float, ...] = RATIOS
    staked: float = 1.0
    trickle: float = 0.0
    cap: float = float("inf")
    phi: float = 1.0


_CALM = (tick(0, 20, 1, 1980),) * 5

RATIO = (
    Ratio("one tick", (tick(4, 20, 1, 1980),), 13.621787756807),
    Ratio("no failures", (tick(0, 200, 3, 1800),), -1.079743328994),
    Ratio("three weights", (tick(1, 20, 1, 1980), tick(3, 100, 1, 1900), tick(9, 1000, 1, 1000)), 10.663304158433),
    Ratio("tails", (tick(130, 400, 101, 400),) * 3, 3.636306715259, 1.0, TAIL_RATIOS),
    Ratio("reserve", _CALM + (tick(2, 20, 1, 1980),) * 3, 15.387372172444, staked=0.5, trickle=1 / 120),
    Ratio("reserve and cap", _CALM + (tick(9, 20, 1, 1980),) * 2, 2.864263936159, staked=0.5, trickle=1 / 120, cap=2.0),
    Ratio("clumps of 3", (tick(9, 100, 1, 1900),), 6.449547398410, phi=3.0),
    Ratio("no pair", (tick(5, 100, 0, 0), tick(0, 0, 3, 1000)), 0.0),
    Ratio("two strata", ((*tick(2, 50, 5, 950), *tick(0, 150, 1, 850)),), 0.551818515147),
)


class Slo(NamedTuple):
    name: str
    permitted: float
    ticks: tuple[Arm, ...]
    log_e: float
    staked: float = 1.0
    trickle: float = 0.0


SLO = (
    Slo("3 of 1000", 0.001, (Arm(3, 1000),), 0.295203074307),
    Slo("0 of 5000", 0.001, (Arm(0, 5000),), -4.784717955834),
    Slo("late", 0.001, (Arm(0, 2000),) * 10 + (Arm(40, 2000),) * 2, 148.033894040288, staked=0.5, trickle=1 / 120),
    Slo("a provider", 0.01, (Arm(4, 9),), 11.167203768246),
)
