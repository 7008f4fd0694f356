"""What may happen to a rollout: the 40 stories that every rule is judged by.

Healthy: 0.05 % errors, log-normal latency with a p95 of 322 ms, 0.3 % of deposits failed, five payment providers. The
objectives are 0.1 % errors, 5 % of requests slower than 400 ms, 1 % of deposits failed.
"""

from dataclasses import dataclass
from typing import Final

PODS: Final = 40
"""Of both versions together."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """``canary`` is its error rate (``None``: the baseline's), ``latency`` its multiplier, ``provider`` the third one's
    failure rate on the canary. ``onset_s``: the canary is good before. ``from_weight``: it is good below. ``leak``:
    (start, end, rate at the end). ``bad``: going back is right.

    ``incident`` strikes both: (earliest, latest start, length, error rate, latency multiplier). So does the ``outage``
    of the third provider, of which all deposits fail: (earliest, latest start, length). ``noise`` is the
    coefficient of variation of both versions' error rate, ``bursts`` (mean gap, error rate) of both. ``clump``: mean
    size of clumps of failures. ``pod_noise``: coefficient of variation of one pod in one sample. ``pod_burst_s``: so
    long one canary pod fails 30 %. ``pod_latency``: spread of the pods' log latency. ``silence``: (start, end, whether
    only the canary's metrics are missing).
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
    incident: tuple[float, float, float, float, float] | None = None
    outage: tuple[float, float, float] | None = None
    noise: float = 0.0
    bursts: tuple[float, float] | None = None
    clump: float = 1.0
    pod_noise: float = 0.0
    pod_burst_s: float = 0.0
    pod_latency: float = 0.0
    silence: tuple[float, float, bool] | None = None


def _bad(name: str, **what: float | tuple[float, float, float]) -> Scenario:
    return Scenario(name, bad=True, **what)  # type: ignore[arg-type] # the keywords are the fields'


SCENARIOS: Final = (
    Scenario("healthy"),
    Scenario("healthy, on the SLO line (0.1%)", base=0.001),
    Scenario("healthy, +10% latency, +5% errors", canary=0.000525, latency=1.10),
    Scenario("healthy, every gate on the edge of its H0", base=0.001, canary=0.0011, latency=1.2, deposits=0.01),
    _bad("5xx 0.05->0.1%", canary=0.001),
    _bad("5xx 0.05->0.2%", canary=0.002),
    _bad("5xx 0.05->0.5%", canary=0.005),
    _bad("5xx 0.05->1%", canary=0.01),
    _bad("5xx 0.05->5%", canary=0.05),
    _bad("5xx 0.05->20%", canary=0.20),
    _bad("5xx 0.1->0.2%", base=0.001, canary=0.002),
    _bad("5xx 0.1->0.5%", base=0.001, canary=0.005),
    _bad("5xx 0.1->1%", base=0.001, canary=0.01),
    _bad("5xx 0.1->5%", base=0.001, canary=0.05),
    _bad("5xx 0.1->20%", base=0.001, canary=0.20),
    _bad("latency x1.3", latency=1.3),
    _bad("latency x1.5", latency=1.5),
    _bad("latency x2", latency=2.0),
    _bad("one PSP of 5: 10% fail", provider=0.1),
    _bad("one PSP of 5: 50% fail", provider=0.5),
    _bad("one PSP of 5: all fail", provider=1.0),
    _bad("slow leak to 5% over 20 min", leak=(300, 1500, 0.05)),
    _bad("2% errors only from 25% weight", canary=0.02, from_weight=0.25),
    _bad("5% errors from minute 12", canary=0.05, onset_s=720),
    _bad("0.5% errors from minute 12", canary=0.005, onset_s=720),
    _bad("1% errors, clumped (mean 3)", canary=0.01, clump=3.0),
    Scenario("noisy day, common (cv 1)", noise=1.0),
    Scenario("bursts, common (3% for 10 s every 2 min)", bursts=(120, 0.03)),
    Scenario("incident outside the release", incident=(180, 1200, 300, 0.05, 2.0)),
    Scenario("incident at 100% weight", incident=(1560, 1561, 200, 0.05, 2.0)),
    Scenario("one PSP of 5 is out, for both", outage=(180, 1200, 300)),
    Scenario("one PSP of 5 is out, at 100% weight", outage=(1500, 1501, 300)),
    Scenario("clumped failures (mean 3)", clump=3.0),
    Scenario("noisy pods (cv 3)", pod_noise=3.0),
    Scenario("one pod bursts 20 s (30%)", pod_burst_s=20),
    Scenario("one pod bursts 60 s (30%)", pod_burst_s=60),
    Scenario("pods of uneven latency (sd 10%)", pod_latency=0.10),
    Scenario("metrics outage 6 min", silence=(480, 840, False)),
    Scenario("canary metrics missing 3 min", silence=(480, 660, True)),
    Scenario("no canary data at all", silence=(0, 99_999, True)),
)
