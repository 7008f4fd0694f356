"""A rollout's traffic by the numbers: what canary and baseline count in each sample, for one seeded rollout."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
from benchmarks.gates._scenarios import PODS, Scenario

TICK_S: Final = 10.0
PROVIDERS: Final = (0.40, 0.25, 0.15, 0.12, 0.08)
"""Shares of the deposits; the third is the one that breaks."""
PARTS: Final = 4
"""The baseline's counts come in so many parts, by pod, so that clumps can be measured."""
SLO_MS: Final = 400.0
FACTOR: Final = 1.2
_DEPOSITS: Final = 0.10
_MEDIAN_MS, _SIGMA = 120.0, 0.60
_NORMAL: Final = NormalDist()
T75_MS: Final = _MEDIAN_MS * math.exp(_SIGMA * 0.6745)
T95_MS: Final = _MEDIAN_MS * math.exp(_SIGMA * 1.6449)
EDGES_MS: Final = (T75_MS, FACTOR * T75_MS, T95_MS, FACTOR * T95_MS, SLO_MS)
"""Edges of the latency histogram, ascending."""


class Part(NamedTuple):
    """What some of a version's pods counted."""

    requests: int
    errors: int
    slower: tuple[int, ...]
    deposits: int
    failed: int


@dataclass(frozen=True, slots=True)
class Arm:
    """One version's sample: requests, errors, requests slower than each of ``EDGES_MS``, its p95 (``None`` without
    requests), (deposits, failed) by provider, and the same in parts.
    """

    requests: int
    errors: int
    slower: tuple[int, ...]
    p95_ms: float | None
    deposits: tuple[tuple[int, int], ...]
    parts: tuple[Part, ...]

    @property
    def slow(self) -> int:
        """Requests that miss the objective."""
        return self.slower[-1]


class World:
    """Draws one rollout's samples at whatever weight it has; the same seed is the same luck."""

    def __init__(self, scenario: Scenario, per_s: float, seed: int, tick_s: float = TICK_S) -> None:
        self._scenario, self._per_s, self._tick_s = scenario, per_s, tick_s
        self._random = random = np.random.default_rng(seed)
        self._phase = random.uniform(0, 2 * math.pi)
        self._burst_at = random.uniform(30, 900)
        self._incident_at = random.uniform(*scenario.incident[:2]) if scenario.incident else math.inf
        # What varies slowly, with a memory of two minutes: the day, the canary's pods, the baseline's by part.
        self._slow_noise: list[float] = random.standard_normal(2 + PARTS).tolist()

    def sample(self, tick: int, weight: float) -> tuple[Arm | None, Arm | None]:
        """Canary and baseline of this tick; ``None`` where the metrics are missing."""
        s, random = self._scenario, self._random
        now = (tick + 0.5) * self._tick_s
        mean = self._per_s * self._tick_s * (1 + 0.2 * math.sin(self._phase + 2 * math.pi * now / 7200))
        requests = int(random.poisson(mean))
        mine = int(random.binomial(requests, weight))
        faulty = now >= s.onset_s and weight >= s.from_weight - 1e-9
        pods = max(1, round(weight * PODS))
        ours, theirs = self._rates(now, faulty=faulty)
        slower, slower_theirs = self._multipliers(now, pods)
        ours += self._burst(tick) / pods
        canary = self._arm([mine], ours, [slower], s.provider if faulty else None, pods)
        others = random.multinomial(requests - mine, [1 / PARTS] * PARTS).tolist()
        baseline = self._arm(others, theirs, slower_theirs, None, max(1, PODS - pods))
        if s.silence and s.silence[0] <= now < s.silence[1]:
            return None, baseline if s.silence[2] else None
        return canary, baseline

    def _rates(self, now: float, *, faulty: bool) -> tuple[float, float]:
        """The error rates of both versions."""
        s, random = self._scenario, self._random
        ours = s.canary if s.canary is not None and faulty else s.base
        theirs = s.base
        if s.leak:
            start, end, top = s.leak
            ours += top * min(max((now - start) / (end - start), 0.0), 1.0)
        if s.noise:
            spread = math.sqrt(math.log1p(s.noise**2))
            factor = math.exp(spread * self._drift(0) - spread * spread / 2)
            ours, theirs = ours * factor, theirs * factor
        common = s.bursts[1] if s.bursts and random.random() < self._tick_s / s.bursts[0] else 0.0
        if self._struck(now) and s.incident:
            common += s.incident[3]
        return ours + common, theirs + common

    def _multipliers(self, now: float, pods: int) -> tuple[float, list[float]]:
        """How much slower than usual the canary is, and each part of the baseline."""
        s = self._scenario
        common = s.incident[4] if s.incident and self._struck(now) else 1.0
        ours, theirs = s.latency * common, [common] * PARTS
        if s.pod_latency:
            ours *= math.exp(s.pod_latency * self._drift(1) / math.sqrt(pods))
            spread = s.pod_latency / math.sqrt(max(1, PODS - pods) / PARTS)
            theirs = [common * math.exp(spread * self._drift(2 + part)) for part in range(PARTS)]
        return ours, theirs

    def _struck(self, now: float) -> bool:
        incident = self._scenario.incident
        return incident is not None and self._incident_at <= now < self._incident_at + incident[2]

    def _drift(self, which: int) -> float:
        kept = math.exp(-self._tick_s / 120)
        fresh = float(self._random.standard_normal())
        self._slow_noise[which] = kept * self._slow_noise[which] + math.sqrt(1 - kept * kept) * fresh
        return self._slow_noise[which]

    def _burst(self, tick: int) -> float:
        """What the one bursting pod fails of its requests in this tick, 0 to 0.3."""
        begins, ends = self._burst_at, self._burst_at + self._scenario.pod_burst_s
        lasting = min(ends, (tick + 1) * self._tick_s) - max(begins, tick * self._tick_s)
        return 0.30 * max(0.0, lasting) / self._tick_s

    def _arm(
        self, parts: Sequence[int], rate: float, slower: Sequence[float], provider: float | None, pods: int
    ) -> Arm:
        random, requests = self._random, sum(parts)
        errors = [self._failed(part, rate, pods / len(parts)) for part in parts]
        bins = random.multinomial(parts, [_shares(multiplier) for multiplier in slower])
        over = bins[:, ::-1].cumsum(axis=1)[:, -2::-1]
        made = random.multinomial(random.binomial(parts, _DEPOSITS), PROVIDERS)
        failing = [self._scenario.deposits] * len(PROVIDERS)
        if provider is not None:
            failing[2] = provider
        failed = random.binomial(made, failing)
        columns = (parts, errors, map(tuple, over.tolist()), made.sum(axis=1).tolist(), failed.sum(axis=1).tolist())
        return Arm(
            requests,
            sum(errors),
            tuple(over.sum(axis=0).tolist()),
            self._p95(requests, sum(slower) / len(slower)),
            tuple(zip(made.sum(axis=0).tolist(), failed.sum(axis=0).tolist(), strict=True)),
            tuple(map(Part, *columns)),
        )

    def _p95(self, requests: int, slower: float) -> float | None:
        """The measured 95th percentile of so many requests: an order statistic."""
        if not requests:
            return None
        rank = math.ceil(0.95 * requests)
        quantile = float(self._random.beta(rank, requests + 1 - rank))
        return _MEDIAN_MS * slower * math.exp(_SIGMA * _NORMAL.inv_cdf(min(max(quantile, 1e-12), 1 - 1e-12)))

    def _failed(self, requests: int, rate: float, pods: float) -> int:
        random, s = self._random, self._scenario
        if s.pod_noise:
            shape = max(pods, 1) / s.pod_noise**2
            rate *= float(random.gamma(shape, 1 / shape))
        rate = min(rate, 1.0)
        if s.clump > 1.0:
            clumps = int(random.binomial(requests, rate / s.clump))
            more = int(random.negative_binomial(clumps, 1 / s.clump)) if clumps else 0
            return min(clumps + more, requests)
        return int(random.binomial(requests, rate))


@lru_cache(maxsize=64)
def _shares(slower: float) -> tuple[float, ...]:
    """The shares of requests between the edges."""
    distances = [(math.log(edge / _MEDIAN_MS) - math.log(slower)) / _SIGMA for edge in EDGES_MS]
    tails = [0.5 * math.erfc(distance / math.sqrt(2)) for distance in distances]
    return tuple(high - low for high, low in zip([1.0, *tails], [*tails, 0.0], strict=True))
