"""A rollout's traffic by the numbers: what canary and baseline count in each sample of 10 s, for one seeded rollout.

Healthy: 0.05 % errors, log-normal latency with a p95 of 322 ms, 0.3 % of deposits failed, five payment providers.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

TICK_S: Final = 10.0
PROVIDERS: Final = (0.40, 0.25, 0.15, 0.12, 0.08)
_DEPOSITS: Final = 0.10
_MEDIAN_MS, _SIGMA = 120.0, 0.60
SLO_MS: Final = 400.0
_PODS: Final = 40


@dataclass(frozen=True, slots=True)
class Scenario:
    """``canary`` is its error rate (``None``: the baseline's), ``latency`` its multiplier, ``provider`` the third one's
    failure rate on the canary. ``onset_s``: the canary is good before. ``from_weight``: it is good below.
    ``incident``: (start, length, error rate, latency multiplier) of both. ``clump``: mean size of clumps of failures.
    ``pod_burst_s``: so long one canary pod fails 30 %. ``silence``: (start, end, whether only the canary's is missing).
    """

    name: str
    bad: bool = False
    base: float = 0.0005
    canary: float | None = None
    latency: float = 1.0
    provider: float | None = None
    deposits: float = 0.003
    onset_s: float = 0.0
    from_weight: float = 0.0
    leak: tuple[float, float, float] | None = None
    incident: tuple[float, float, float, float] | None = None
    noise: float = 0.0
    bursts: tuple[float, float] | None = None
    clump: float = 1.0
    pod_noise: float = 0.0
    pod_burst_s: float = 0.0
    silence: tuple[float, float, bool] | None = None


SCENARIOS: Final = (
    Scenario("healthy"),
    Scenario("healthy, on the SLO line (0.1%)", base=0.001),
    Scenario("5xx 0.05->0.5%", bad=True, canary=0.005),
    Scenario("5xx 0.05->1%", bad=True, canary=0.01),
    Scenario("5xx 0.05->5%", bad=True, canary=0.05),
    Scenario("5xx 0.05->20%", bad=True, canary=0.20),
    Scenario("5xx 0.1->1%", bad=True, base=0.001, canary=0.01),
    Scenario("latency x1.5", bad=True, latency=1.5),
    Scenario("latency x2", bad=True, latency=2.0),
    Scenario("one PSP of 5: 50% fail", bad=True, provider=0.5),
    Scenario("one PSP of 5: all fail", bad=True, provider=1.0),
    Scenario("slow leak to 5% over 20 min", bad=True, leak=(300, 1500, 0.05)),
    Scenario("2% errors only from 25% weight", bad=True, canary=0.02, from_weight=0.25),
    Scenario("5% errors from minute 12", bad=True, canary=0.05, onset_s=720),
    Scenario("1% errors, clumped (mean 3)", bad=True, canary=0.01, clump=3.0),
    Scenario("noisy day, common (cv 1)", noise=1.0),
    Scenario("bursts, common (3% for 10 s every 2 min)", bursts=(120, 0.03)),
    Scenario("incident outside the release", incident=(600, 300, 0.05, 2.0)),
    Scenario("clumped failures (mean 3)", clump=3.0),
    Scenario("noisy pods (cv 3)", pod_noise=3.0),
    Scenario("one pod bursts 20 s (30%)", pod_burst_s=20),
    Scenario("metrics outage 6 min", silence=(480, 840, False)),
    Scenario("canary metrics missing 3 min", silence=(480, 660, True)),
)


@dataclass(frozen=True, slots=True)
class Arm:
    """One version's sample: requests, errors, requests slower than 400 ms, and (deposits, failed) by provider."""

    requests: int
    errors: int
    slow: int
    deposits: tuple[tuple[int, int], ...]


class World:
    """Draws one rollout's samples at whatever weight it has; the same seed is the same luck."""

    def __init__(self, scenario: Scenario, per_s: float, seed: int) -> None:
        self._scenario = scenario
        self._per_s = per_s
        self._random = np.random.default_rng(seed)
        self._phase = self._random.uniform(0, 2 * math.pi)
        self._burst_at = self._random.uniform(30, 900)
        self._level = float(self._random.standard_normal())

    def sample(self, tick: int, weight: float) -> tuple[Arm | None, Arm | None]:
        """Canary and baseline of this tick; ``None`` where the metrics are missing."""
        s, random = self._scenario, self._random
        now = (tick + 0.5) * TICK_S
        mean = self._per_s * TICK_S * (1 + 0.2 * math.sin(self._phase + 2 * math.pi * now / 7200))
        requests = int(random.poisson(mean))
        canary = int(random.binomial(requests, weight))
        faulty = now >= s.onset_s and weight >= s.from_weight - 1e-9
        ours = s.canary if s.canary is not None and faulty else s.base
        theirs = s.base
        if s.leak:
            start, end, top = s.leak
            ours += top * min(max((now - start) / (end - start), 0.0), 1.0)
        slower, common = s.latency, 1.0
        if s.noise:
            self._level = math.exp(-TICK_S / 120) * self._level + math.sqrt(1 - math.exp(-TICK_S / 60)) * float(
                random.standard_normal()
            )
            spread = math.sqrt(math.log1p(s.noise**2))
            factor = math.exp(spread * self._level - spread * spread / 2)
            ours, theirs = ours * factor, theirs * factor
        if s.bursts and random.random() < TICK_S / s.bursts[0]:
            ours, theirs = ours + s.bursts[1], theirs + s.bursts[1]
        if s.incident and s.incident[0] <= now < s.incident[0] + s.incident[1]:
            ours, theirs, common = ours + s.incident[2], theirs + s.incident[2], s.incident[3]
        pods = max(1, round(weight * _PODS))
        if s.pod_burst_s:
            begins, ends = self._burst_at, self._burst_at + s.pod_burst_s
            lasting = max(0.0, min(ends, (tick + 1) * TICK_S) - max(begins, tick * TICK_S)) / TICK_S
            ours += lasting * 0.30 / pods
        arms = (
            self._arm(canary, ours, slower * common, s.provider if faulty else None, pods),
            self._arm(requests - canary, theirs, common, None, max(1, _PODS - pods)),
        )
        if s.silence and s.silence[0] <= now < s.silence[1]:
            return None, arms[1] if s.silence[2] else None
        return arms

    def _arm(self, requests: int, rate: float, slower: float, provider: float | None, pods: int) -> Arm:
        random = self._random
        left, share, deposits = int(random.binomial(requests, _DEPOSITS)), 1.0, []
        for index, part in enumerate(PROVIDERS):
            made = int(random.binomial(left, min(1.0, part / share)))
            left, share = left - made, share - part
            failing = provider if provider is not None and index == 2 else self._scenario.deposits
            deposits.append((made, int(random.binomial(made, failing))))
        slow = 0.5 * math.erfc((math.log(SLO_MS / _MEDIAN_MS) - math.log(slower)) / (_SIGMA * math.sqrt(2)))
        return Arm(requests, self._failed(requests, rate, pods), int(random.binomial(requests, slow)), tuple(deposits))

    def _failed(self, requests: int, rate: float, pods: int) -> int:
        random, s = self._random, self._scenario
        if s.pod_noise:
            shape = pods / s.pod_noise**2
            rate *= float(random.gamma(shape, 1 / shape))
        rate = min(rate, 1.0)
        if s.clump > 1.0:
            clumps = int(random.binomial(requests, rate / s.clump))
            more = int(random.negative_binomial(clumps, 1 / s.clump)) if clumps else 0
            return min(clumps + more, requests)
        return int(random.binomial(requests, rate))
