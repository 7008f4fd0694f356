"""The sequential gates on real traffic: the casino's players through Envoy, releases of payments with faults in them.

Nothing is simulated but the players and the providers: the control plane, its scrapes, Envoy and the casino's processes
are those of the demo. Time is compressed: a sample a second, not ten. Run it by ``python -m benchmarks.gates.real``;
it ends with 1 when a healthy release was rolled back, or a bad one was not.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from benchmarks.control.casino import ENDED, House, open_house


@dataclass(frozen=True, slots=True)
class Scenario:
    """A release with this fault in it (none: a good one), as ``CASINO_FAULT`` has it."""

    name: str
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """One rollout: seconds from the canary's first players to the decision to go back (``None``: promoted) and to the
    moment at which Envoy sent nobody there any more; the gate that decided; what the canary's players asked and how
    much of it failed.
    """

    scenario: str
    version: str
    back_s: float | None
    zero_s: float | None
    gate: str | None
    requests: int
    failed: int


SCENARIOS: Final = (
    Scenario("healthy"),
    Scenario("one PSP in one market fails", "deposit-error:psp=kestrel,market=DE,share=1.0"),
    Scenario("a fifth of all deposits fails", "deposit-error:share=0.2"),
    Scenario("deposits are slow", "slow:route=/payments/deposit,seconds=0.3,share=1.0"),
)
_SEQUENTIAL: Final[dict[str, Any]] = {"interval": "1s"}
_DEPOSITS: Final = {
    "metric": "casino_deposits_total",
    "total": {"outcome": ["credited", "failed"]},
    "good": {"outcome": "credited"},
}
_SLOW: Final = {
    "metric": "casino_http_request_duration_seconds",
    "match": {"route": "/payments/deposit"},
    "threshold": "150ms",
}
GATES: Final[dict[str, dict[str, Any]]] = {
    "evidence-deposits": {"sli": {"ratio": _DEPOSITS}, "by": ["psp", "market"], "comparison": {}},
    "evidence-slow": {"sli": {"latency": _SLOW}, "comparison": {"canaryThreshold": "200ms"}},
}
STEPS: Final[list[dict[str, Any]]] = [
    step
    for weight in (10, 25, 50)
    for step in ({"setWeight": weight}, {"analysis": {"templates": [{"templateName": name} for name in GATES]}})
]


def gates() -> list[dict[str, Any]]:
    """The documents of the gates."""
    return [
        {
            "apiVersion": "croupier/v1",
            "kind": "Gate",
            "metadata": {"name": name},
            "spec": {**spec, "sequential": _SEQUENTIAL},
        }
        for name, spec in GATES.items()
    ]


def release(version: str, fault: str) -> dict[str, Any]:
    """The document of a release with this fault."""
    spec: dict[str, Any] = {"service": "payments", "version": version}
    if fault:
        spec["process"] = {"env": {"CASINO_FAULT": fault}}
    return {"apiVersion": "croupier/v1", "kind": "Release", "metadata": {"name": f"payments-{version}"}, "spec": spec}


async def run(scenarios: Sequence[Scenario], rollouts: int, rate: float, seed: int) -> list[Seen]:
    """So many rollouts of each, one after the other, all in one house."""
    found: list[Seen] = []
    async with open_house(rate=rate, lean=False, guards=list(GATES), steps=STEPS, seed=seed, more=gates()) as house:
        for round_ in range(rollouts):
            for index, scenario in enumerate(scenarios):
                version = f"2.{round_}.{index}"
                seen = await _rollout(house, scenario, version)
                print(f"{scenario.name}: {_told(seen)}", file=sys.stderr, flush=True)
                found.append(seen)
    return found


async def _rollout(house: House, scenario: Scenario, version: str) -> Seen:
    document = release(version, scenario.fault)
    await asyncio.to_thread(house.client.post, "apply", {"documents": [document]})
    rollout = await house.start(version)
    await house.reach(rollout, 0.01)
    began = time.time()
    last = await house.reach(rollout, 101, patience_s=600)
    assert last["phase"] in ENDED
    abort = last["abort"]
    figures = [each for each in house.crowd.snapshot().versions if each.version == version]
    return Seen(
        scenario.name,
        version,
        None if abort is None else _moment(abort["at"]) - began,
        None if abort is None or abort["zeroAt"] is None else _moment(abort["zeroAt"]) - began,
        None if abort is None else abort["gate"],
        sum(each.requests for each in figures),
        sum(each.failed for each in figures),
    )


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _told(seen: Seen) -> str:
    zero = "" if seen.zero_s is None else f", nobody there after {seen.zero_s:.1f} s"
    what = "promoted" if seen.back_s is None else f"back after {seen.back_s:.1f} s by {seen.gate}{zero}"
    return f"{what}; {seen.failed} of {seen.requests} requests failed"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rollouts", type=int, default=2, help="of each scenario")
    parser.add_argument("--rate", type=float, default=60.0, help="requests per second of the players")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenario", default="", help="only those whose name contains this")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    scenarios = [scenario for scenario in SCENARIOS if asked.scenario in scenario.name]
    found = asyncio.run(run(scenarios, asked.rollouts, asked.rate, asked.seed))
    wrong = [
        seen
        for seen in found
        for scenario in scenarios
        if seen.scenario == scenario.name and (seen.back_s is None) != (not scenario.fault)
    ]
    if asked.json:
        print(json.dumps([asdict(seen) for seen in found], indent=1))
    else:
        _show(scenarios, found)
    return int(bool(wrong))


def _show(scenarios: Sequence[Scenario], found: Sequence[Seen]) -> None:
    for scenario in scenarios:
        mine = [seen for seen in found if seen.scenario == scenario.name]
        back = [seen.back_s for seen in mine if seen.back_s is not None]
        times = f"median {statistics.median(back):.1f} s, slowest {max(back):.1f} s" if back else "-"
        failed = statistics.fmean(seen.failed for seen in mine)
        print(f"{scenario.name:32} {len(back)} of {len(mine)} rolled back, {times}; {failed:.0f} requests failed")


if __name__ == "__main__":
    sys.exit(main())
