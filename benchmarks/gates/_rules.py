"""All rules of the comparison by name: a function each that plays one seeded rollout."""

from collections.abc import Callable
from functools import cache
from typing import Final

from benchmarks.gates import _ours
from benchmarks.gates._result import Result, harm
from benchmarks.gates._scenarios import Scenario
from benchmarks.gates._world import TICK_S, World
from benchmarks.gates.peers import ArgoRun, Flagger, Kayenta, Peer, Said, Threshold, fast, usual

from croupier.core.gates import SequentialRule
from croupier.core.rollout.spec import Plan

Play = Callable[[Scenario, float, int], Result]

_WATCH: Final = 180
"""Samples: half an hour."""
_PATIENCE: Final = 300
"""Samples that a peer which halts may take."""


def _peer(make: Callable[[float], Peer], ticks: int = _WATCH) -> Play:
    def play(scenario: Scenario, per_s: float, seed: int) -> Result:
        world, peer = World(scenario, per_s, seed), make(per_s)
        suffered, whole_s = 0, None
        for tick in range(ticks):
            canary, baseline = world.sample(tick, peer.weight)
            suffered += harm(scenario, canary) if canary is not None else 0
            said = peer.see(canary, baseline)
            now = (tick + 1) * TICK_S
            if said is Said.BACK:
                return Result(now, suffered, whole_s)
            if said is Said.DONE:
                break
            if whole_s is None and peer.whole:
                whole_s = now
        return Result(None, suffered, whole_s)

    return play


@cache
def _sequential(per_s: float, interval_s: float = TICK_S) -> Plan:
    return _ours.sequential(per_s, SequentialRule(interval_s))


@cache
def _careful_plan(per_s: float) -> Plan:
    return _ours.sequential(per_s, harm=20)


def _evidence(scenario: Scenario, per_s: float, seed: int) -> Result:
    return _ours.play(_sequential(per_s), scenario, per_s, seed)


def _every_second(scenario: Scenario, per_s: float, seed: int) -> Result:
    return _ours.play(_sequential(per_s, 1.0), scenario, per_s, seed, tick_s=1.0)


def _careful(scenario: Scenario, per_s: float, seed: int) -> Result:
    return _ours.play(_careful_plan(per_s), scenario, per_s, seed)


def _classic(scenario: Scenario, per_s: float, seed: int) -> Result:
    return _ours.play(_CLASSIC, scenario, per_s, seed, alone=True)


_CLASSIC: Final = _ours.classic()

RULES: Final[dict[str, Play]] = {
    "ours": _evidence,
    "ours, classic": _classic,
    "A1": _peer(lambda _: Threshold(usual())),
    "A1 fast": _peer(lambda per_s: Threshold(fast(per_s))),
    "A2": _peer(lambda _: ArgoRun(usual())),
    "B": _peer(lambda _: Flagger(), _PATIENCE),
    "C": _peer(lambda _: Kayenta(usual())),
    "ours, every second": _every_second,
    "ours, harm 20": _careful,
}
"""In the order of the table's columns, ``ASKED`` behind them."""

ASKED: Final = ("ours, every second", "ours, harm 20")
"""Left out unless they are asked for: what shows one thing only, false rollbacks or the price of a promise."""

MEANINGS: Final = {
    "ours": "sequential gates, `steps: auto`",
    "ours, classic": "the classic rule of a gate without `sequential`, 5 minutes a weight",
    "A1": "rate over 1 min, looked at every minute, 3 violations in a row; 5 minutes a weight",
    "A1 fast": "the same rule on steps of a minute, as ours take them",
    "A2": "Argo Rollouts: rate over 5 min every minute, `failureLimit: 3` (cumulative); 5 minutes a weight",
    "B": "Flagger: 5 failed checks in all, a failed check halts the advance",
    "C": "Kayenta: Mann-Whitney over all points so far, every 5 minutes; 5 minutes a weight",
    "ours, every second": "ours, with samples of 1 s",
    "ours, harm 20": "ours, with `harm: 20` in the gate on deposits",
}
