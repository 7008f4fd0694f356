"""A rollout's traffic by the numbers: what canary and baseline count in each sample, for one seeded rollout."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from benchmarks.gates._scenarios import PODS, Scenario
from numpy.typing import NDArray

TICK_S: Final = 10.0
PROVIDERS: Final = (0.40, 0.25, 0.15, 0.12, 0.08)
"""Shares of the deposits; the third is the one that breaks."""
PARTS: Final = 4
"""The baseline's counts come in so many parts, so that clumps can be measured; the canary's pod by pod."""
SLO_MS: Final = 400.0
FACTOR: Final = 1.2
_DEPOSITS: Final = 0.10
_MEDIAN_MS, _SIGMA = 120.0, 0.60
_NORMAL: Final = NormalDist()
Counted: TypeAlias = NDArray[np.int64]
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
    requests), (deposits, failed) by provider, and the same in parts: the canary's pods, parts of the baseline.
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

    def __init__(self, scenario: Scenario, per_s: float, seed: int | tuple[int, int], tick_s: float = TICK_S) -> None:
        self._scenario, self._per_s, self._tick_s = scenario, per_s, tick_s
        self._random = random = np.random.default_rng(seed)
        self._phase = random.uniform(0, 2 * math.pi)
        self._burst_at = random.uniform(30, 900)
        self._incident_at = random.uniform(*scenario.incident[:2]) if scenario.incident else math.inf
        self._outage_at = random.uniform(*scenario.outage[:2]) if scenario.outage else math.inf
        # What varies slowly, with a memory of two minutes: the day, the canary's pods, the baseline's by part.
        self._slow_noise: list[float] = random.standard_normal(2 + PARTS).tolist()

    def sample(self, tick: int, weight: float) -> tuple[Arm | None, Arm | None]:
        """Canary and baseline of this tick; ``None`` where the metrics are missing."""
        s, random = self._scenario, self._random
        now = (tick + 0.5) * self._tick_s
        mean = self._per_s * self._tick_s * (1 + 0.2 * math.sin(self._phase + 2 * math.pi * now / 7200))
        pods = max(1, round(weight * PODS))
        # The canary pod by pod, then the baseline in parts: all at once, since each draw costs as much as ten.
        shares = [*[weight / pods] * pods, *[(1.0 - weight) / PARTS] * PARTS]
        rows = random.multinomial(random.poisson(mean), shares)
        faulty = now >= s.onset_s and weight >= s.from_weight - 1e-9
        ours, theirs = self._rates(now, faulty=faulty)
        rates = [ours + self._burst(tick), *[ours] * (pods - 1), *[theirs] * PARTS]
        errors = self._failed(rows, rates, [*[1.0] * pods, *[max(1, PODS - pods) / PARTS] * PARTS])
        slower = self._multipliers(now, pods)
        over = random.multinomial(rows, [_shares(each) for each in slower])[:, ::-1].cumsum(axis=1)[:, -2::-1]
        made = random.multinomial(random.binomial(rows, _DEPOSITS), PROVIDERS)
        failing = np.full((pods + PARTS, len(PROVIDERS)), s.deposits)
        if faulty and s.provider is not None:
            failing[:pods, 2] = s.provider
        if s.outage and self._outage_at <= now < self._outage_at + s.outage[2]:
            failing[:, 2] = 1.0
        failed = random.binomial(made, failing)
        canary, baseline = (
            self._arm(slice(*span), rows, errors, over, made, failed, slower=slower)
            for span in ((0, pods), (pods, pods + PARTS))
        )
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

    def _multipliers(self, now: float, pods: int) -> list[float]:
        """How much slower than usual the canary is, and each part of the baseline."""
        s = self._scenario
        common = s.incident[4] if s.incident and self._struck(now) else 1.0
        if not s.pod_latency:
            return [*[s.latency * common] * pods, *[common] * PARTS]
        pods_of_part = max(1, PODS - pods) / PARTS
        spreads = [s.pod_latency / math.sqrt(pods), *[s.pod_latency / math.sqrt(pods_of_part)] * PARTS]
        drifts = [math.exp(spread * self._drift(1 + row)) for row, spread in enumerate(spreads)]
        return [*[s.latency * common * drifts[0]] * pods, *(common * drift for drift in drifts[1:])]

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

    def _arm(self, some: slice, *drawn: Counted, slower: Sequence[float]) -> Arm:
        """These rows as one version."""
        rows, errors, over, made, failed = (each[some] for each in drawn)
        requests = int(rows.sum())
        columns = rows.tolist(), errors.tolist(), map(tuple, over.tolist())
        return Arm(
            requests,
            int(errors.sum()),
            tuple(over.sum(axis=0).tolist()),
            self._p95(requests, sum(slower[some]) / len(columns[0])),
            tuple(zip(made.sum(axis=0).tolist(), failed.sum(axis=0).tolist(), strict=True)),
            tuple(map(Part, *columns, made.sum(axis=1).tolist(), failed.sum(axis=1).tolist())),
        )

    def _p95(self, requests: int, slower: float) -> float | None:
        """The measured 95th percentile of so many requests: an order statistic."""
        if not requests:
            return None
        rank = math.ceil(0.95 * requests)
        quantile = float(self._random.beta(rank, requests + 1 - rank))
        return _MEDIAN_MS * slower * math.exp(_SIGMA * _NORMAL.inv_cdf(min(max(quantile, 1e-12), 1 - 1e-12)))

    def _failed(self, rows: Counted, rates: Sequence[float], pods: Sequence[float]) -> Counted:
        """How many requests of each row fail."""
        random, s = self._random, self._scenario
        wanted = np.asarray(rates)
        if s.pod_noise:
            shapes = np.maximum(pods, 1.0) / s.pod_noise**2
            wanted = wanted * random.gamma(shapes, 1.0 / shapes)
        wanted = np.minimum(wanted, 1.0)
        if s.clump == 1.0:
            return random.binomial(rows, wanted)
        clumps = random.binomial(rows, wanted / s.clump)
        more = random.negative_binomial(np.maximum(clumps, 1), 1.0 / s.clump)
        return np.minimum(clumps + np.where(clumps > 0, more, 0), rows)


@lru_cache(maxsize=64)
def _shares(slower: float) -> tuple[float, ...]:
    """The shares of requests between the edges."""
    distances = [(math.log(edge / _MEDIAN_MS) - math.log(slower)) / _SIGMA for edge in EDGES_MS]
    tails = [0.5 * math.erfc(distance / math.sqrt(2)) for distance in distances]
    return tuple(high - low for high, low in zip([1.0, *tails], [*tails, 0.0], strict=True))
