"""How soon is a bad release found, what did it cost until then, and how often is a healthy one blamed?

The same seeded rollouts are played, sample by sample, through the real ``decide``, under the sequential rule and under
the classic one (a rate over 60 s, looked at every 60 s, three violations in a row, as Argo Rollouts users have it). Run
it by ``python -m benchmarks.gates.rollbacks``; it ends with 1 when healthy releases are blamed by the sequential gates
in more rollouts than their budget of 1 % explains.
"""

import argparse
import math
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from benchmarks.gates._world import PROVIDERS, SCENARIOS, TICK_S, Arm, Scenario, World
from rich.console import Console
from rich.progress import track
from rich.table import Table

from croupier.core.gates import (
    ClassicRule,
    Comparison,
    Counts,
    Gate,
    HardStop,
    LatencySli,
    Objective,
    RatioSli,
    Reading,
    SequentialRule,
    Silence,
)
from croupier.core.gates.sli import Group
from croupier.core.rollout.decide import looks
from croupier.core.rollout.resolve import resolve
from croupier.core.rollout.spec import Analysis, Pause, Plan, RolloutSpec, SetWeight, Step
from croupier.core.rollout.state import Phase
from croupier.testing import Rehearsal

WATCH_S = 1800.0
NOBODY = Counts(0, 0)
_NAMES = ("errors", "slow", "deposits")
_OK = (("outcome", ("ok",)),)
_GATES = (
    Gate("errors", RatioSli("requests_total", _OK), objective=Objective(0.999), comparison=Comparison()),
    Gate("slow", LatencySli("latency_seconds", 0.4), objective=Objective(0.95)),
    Gate("deposits", RatioSli("deposits_total", _OK), by=("psp",), objective=Objective(0.99)),
)
_WEIGHTS = (100, 500, 1_000, 2_500, 5_000)
_LAST = 9_500
"""The last weight while watching: without a baseline nobody can tell an incident from a bad release."""


def plan(rule: str, per_s: float) -> Plan:
    """What is rolled out, and by which gates."""
    steps: list[Step] = []
    if rule == "sequential":
        sequential = SequentialRule()
        stop = HardStop(failing=0.5, samples=20)
        gates = [replace(gate, rule=sequential) for gate in _GATES]
        gates[0] = replace(gates[0], hard_stop=stop)
        # A failed deposit is not tried again by itself, as a request is.
        gates[2] = replace(gates[2], rule=replace(sequential, clumps=1.0))
        # The first weight is the largest at which a total failure costs at most 60 failed requests a minute.
        first = max((bp for bp in _WEIGHTS if per_s * bp / 10_000 <= 1.0), default=_WEIGHTS[0])
        for weight in (*(bp for bp in _WEIGHTS if bp >= first), _LAST):
            steps += [SetWeight(weight), Analysis(_NAMES)]
        return resolve(RolloutSpec("shop", "shop", (*steps, Pause()), _NAMES), gates, [])
    classic = ClassicRule(interval_s=60, window_s=60, consecutive=3, min_samples=1)
    plain = [replace(gate, comparison=None, rule=classic) for gate in _GATES]
    for weight in (*_WEIGHTS, _LAST):
        steps += [SetWeight(weight), Pause(300.0)]
    return resolve(RolloutSpec("shop", "shop", (*steps, Pause()), _NAMES), plain, [])


@dataclass(frozen=True, slots=True)
class Result:
    """``back_s`` is when it was rolled back (``None``: never), ``harm`` what failed until then, ``whole_s`` when it
    came to the last weight.
    """

    back_s: float | None
    harm: int
    whole_s: float | None


def play(rule: str, scenario: Scenario, per_s: float, seed: int) -> Result:
    """One rollout of half an hour."""
    world, story = World(scenario, per_s, seed), Rehearsal(plan(rule, per_s))
    story.settle()
    begin, harm, whole_s = story.now, 0, None
    history: list[tuple[float, Arm | None, Arm | None]] = []
    alone = rule == "classic"
    for tick in range(int(WATCH_S / TICK_S)):
        canary, baseline = world.sample(tick, story.state.weight_bp / 10_000)
        story.now += TICK_S
        history.append((story.now, canary, baseline))
        harm += _harm(scenario, canary)
        story.tick({name: _reading(name, story, history, alone=alone) for name in story.due()})
        if story.state.phase is Phase.ABORTING:
            return Result(story.now - begin, harm, whole_s)
        story.settle()
        if whole_s is None and story.state.weight_bp == _LAST:
            whole_s = story.now - begin
    return Result(None, harm, whole_s)


def _harm(scenario: Scenario, canary: Arm | None) -> int:
    if canary is None:
        return 0
    if scenario.latency > 1.0:
        return canary.slow
    return sum(failed for _, failed in canary.deposits) if scenario.provider is not None else canary.errors


def _reading(
    name: str, story: Rehearsal, history: Sequence[tuple[float, Arm | None, Arm | None]], *, alone: bool
) -> Reading | Silence:
    """What a source says of the span that the gate asks for."""
    look = next(look for look in looks(story.state, story.now) if look.gate.name == name)
    seen = [(canary, baseline) for at, canary, baseline in history if at > look.since + 1e-6]
    canaries = [canary for canary, _ in seen if canary is not None]
    baselines = [baseline for _, baseline in seen if baseline is not None]
    if len(canaries) < len(seen) or len(baselines) < len(seen):
        return Silence("no metrics")
    return Reading(look.since, story.now, _counted(name, canaries), None if alone else _counted(name, baselines))


def _counted(name: str, arms: Sequence[Arm]) -> Mapping[Group, Counts]:
    total = sum(arm.requests for arm in arms)
    if name == "errors":
        return {(): Counts(total - sum(arm.errors for arm in arms), total)}
    if name == "slow":
        return {(): Counts(total - sum(arm.slow for arm in arms), total)}
    groups: dict[Group, Counts] = {}
    for index in range(len(PROVIDERS)):
        made = sum(arm.deposits[index][0] for arm in arms)
        groups[(("psp", f"p{index}"),)] = Counts(made - sum(arm.deposits[index][1] for arm in arms), made)
    whole = Counts(sum(counts.good for counts in groups.values()), sum(counts.total for counts in groups.values()))
    return {(): whole, **groups}


def _cell(scenario: Scenario, results: Sequence[Result]) -> str:
    """Bad: median / 95th percentile of the seconds to rollback, and the mean harm. Healthy: the share rolled back."""
    back = sorted(result.back_s for result in results if result.back_s is not None)
    if not scenario.bad:
        reached = [result.whole_s for result in results if result.whole_s is not None]
        last = f", last weight {statistics.median(reached):.0f} s" if reached else ", last weight never"
        return f"{len(back) / len(results):.1%}{last}"
    harm = statistics.fmean(result.harm for result in results)
    if len(back) * 2 < len(results):
        return f"({len(back) / len(results):.0%}) {harm:.0f}"
    late = math.ceil(0.95 * len(results)) - 1
    return f"{statistics.median(back):.0f}/{f'{back[late]:.0f}' if late < len(back) else '-'}, {harm:.0f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rollouts", type=int, default=20, help="a scenario, rate and rule")
    parser.add_argument("--rates", type=float, nargs="+", default=[20, 200, 2000], metavar="PER_S")
    parser.add_argument("--scenario", default="", help="only those whose name contains this")
    arguments = parser.parse_args()
    console, blamed, healthy = Console(), 0, 0
    scenarios = [scenario for scenario in SCENARIOS if arguments.scenario in scenario.name]
    for rate in arguments.rates:
        table = Table(title=f"{rate:g} requests/s: seconds to rollback (median/p95), harm; or rolled back falsely")
        for heading in ("scenario", "classic", "sequential"):
            table.add_column(heading)
        for scenario in track(scenarios, f"{rate:g}/s", console=console, transient=True):
            row = []
            for rule in ("classic", "sequential"):
                results = [play(rule, scenario, rate, seed) for seed in range(arguments.rollouts)]
                row.append(_cell(scenario, results))
                if rule == "sequential" and scenario.name.startswith("healthy"):
                    healthy += len(results)
                    blamed += sum(result.back_s is not None for result in results)
            table.add_row(scenario.name, *row)
        console.print(table)
    allowed = 0.01 * healthy + 3 * math.sqrt(0.01 * 0.99 * healthy)
    console.print(f"healthy releases blamed by evidence: {blamed} of {healthy} (at most {allowed:.1f} are chance)")
    return int(blamed > allowed)


if __name__ == "__main__":
    sys.exit(main())
