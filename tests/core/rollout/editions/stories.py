"""Rollouts whose histories are recorded for every edition of the gates' arithmetic: one for each thing it decides."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from tests.core.rollout.editions.world import World, play

from croupier.core.gates import (
    MEASURED,
    AnalysisRule,
    BurnRule,
    ClassicRule,
    Comparison,
    EventsSli,
    Gate,
    HardStop,
    HoldPlayers,
    KillFlag,
    LatencySli,
    MeasuredSli,
    Objective,
    OnGroupFail,
    PopulationRule,
    RatioSli,
    SequentialRule,
)
from croupier.core.gates.analysis.model import Metric, PrometheusQuery
from croupier.core.gates.sequential.dispersion import Dispersion
from croupier.core.rollout import events as e
from croupier.core.rollout.commands import retry
from croupier.core.rollout.resolve import resolve
from croupier.core.rollout.spec import (
    Analysis,
    Asked,
    Auto,
    Pause,
    Resort,
    RolloutSpec,
    SetWeight,
    Undecided,
)
from croupier.testing import Rehearsal

ERRORS: Final = Gate(
    "errors", RatioSli("requests_total", (("code", ("200",)),)), comparison=Comparison(), rule=SequentialRule()
)
SLOW: Final = LatencySli("request_seconds", 0.4)
STEPS: Final[tuple[Asked, ...]] = (SetWeight(1_000), Pause(60.0), SetWeight(5_000), Pause(120.0))
PROVIDERS: Final = {"adyen": 0.6, "kestrel": 0.3, "trustly": 0.1}


@dataclass(frozen=True)
class Story:
    """What is asked, of which world, for so many ticks; ``per_s`` is the traffic that was known at the start."""

    name: str
    gates: tuple[Gate, ...]
    world: World
    ticks: int = 30
    steps: tuple[Asked, ...] = STEPS
    per_s: float | None = None
    waits: Undecided | None = None
    blind: Undecided | None = None
    again: bool = False

    def history(self) -> list[e.Event]:
        """What happened."""
        guards = tuple(gate.name for gate in self.gates)
        spec = RolloutSpec("shop", "shop", self.steps, guards)
        spec = spec if self.waits is None else replace(spec, on_inconclusive=self.waits)
        spec = spec if self.blind is None else replace(spec, on_no_data=self.blind)
        story = Rehearsal(resolve(spec, self.gates, [], per_s=self.per_s))
        play(story, self.world, self.ticks, self.name)
        if self.again:
            story.command(retry, stable="1.0.0")
            play(story, self.world, self.ticks, f"{self.name}, again")
        return story.events


def _late(at_s: float, bad: float, group: str | None = None, usual: float = 0.002) -> World:
    """A fault that begins late, perhaps in one group."""
    shares = PROVIDERS if group else None
    world = World(fault=lambda seconds, who: bad if seconds >= at_s and group in (None, who) else usual)
    return world if shares is None else replace(world, shares=shares)


def _stories() -> Iterator[Story]:
    lenient = Comparison(max_ratio=2.0, slack=0.02)
    classic = replace(
        ERRORS, objective=Objective(0.97), comparison=lenient, rule=ClassicRule(window_s=30.0), by=("psp",)
    )
    yield Story("classic-healthy", (classic,), World(shares=PROVIDERS))
    yield Story("classic-bad-group", (classic,), _late(60.0, 0.3, "adyen"))
    yield Story("classic-incident", (classic,), World(common=(60.0, 120.0), shares=PROVIDERS))

    events = Gate("debits", EventsSli("double_debits_total"), hard_stop=HardStop(events=2))
    yield Story("stop-events", (events,), World(usual=0.0, fault=lambda seconds, _: 0.02 * (seconds > 50)))
    failing = replace(ERRORS, hard_stop=HardStop(failing=0.5, samples=20))
    yield Story("stop-failing", (failing,), _late(90.0, 0.8))
    drop = replace(ERRORS, comparison=None, hard_stop=HardStop(drop=0.15, samples=50), rule=ClassicRule(window_s=60.0))
    yield Story("stop-drop", (drop,), World(usual=0.6, fault=lambda seconds, _: 0.6 if seconds < 90 else 0.85))

    yield Story("sequential-healthy", (ERRORS,), World(per_s=100.0))
    yield Story("sequential-bad", (ERRORS,), _late(0.0, 0.05))
    yield Story("sequential-late", (ERRORS,), _late(100.0, 0.04), again=True)
    yield Story("sequential-incident", (replace(ERRORS, objective=Objective(0.99)),), World(common=(80.0, 160.0)))
    objective = replace(ERRORS, comparison=None, objective=Objective(0.99))
    yield Story("sequential-objective", (objective,), _late(60.0, 0.08))
    yield Story("sequential-alone", (objective,), replace(_late(60.0, 0.08), alone=True))
    two = replace(ERRORS, sli=SLOW, comparison=Comparison(max_ratio=1.0, canary_threshold_s=0.48))
    slower = World(usual=0.003, fault=lambda seconds, _: 0.003 if seconds < 60 else 0.012)
    yield Story("sequential-two-thresholds", (replace(two, name="latency"),), slower)
    yield Story("sequential-latency", (replace(ERRORS, sli=SLOW, objective=Objective(0.95)),), slower)
    grouped = replace(ERRORS, by=("psp",), objective=Objective(0.99))
    yield Story("sequential-groups", (grouped,), _late(60.0, 0.25, "trustly"), ticks=24)
    acting = replace(grouped, on_group_fail=OnGroupFail((KillFlag("psp_{psp}"),)))
    outage = World(shares=PROVIDERS, fault=lambda seconds, who: 0.6 * (20 <= seconds < 70 and who == "kestrel"))
    short = (SetWeight(3_000), Pause(30.0), SetWeight(6_000), Pause(10.0))
    yield Story("group-killed", (acting,), outage, steps=short)
    holding = replace(classic, on_group_fail=OnGroupFail((HoldPlayers(("psp",)),)))
    yield Story("group-held-in-vain", (holding,), _late(60.0, 0.3, "adyen"))
    newcomers = World(shares={f"p{index}": 1.0 / (index + 1) ** 2 for index in range(12)}, per_s=20.0)
    yield Story("sequential-new-groups", (replace(ERRORS, by=("psp",)),), newcomers, ticks=15)
    clumps = World(usual=0.02, clump=4, instances=4, sick=0.5)
    yield Story("sequential-clumps", (ERRORS,), clumps)
    known = replace(ERRORS, rule=SequentialRule(dispersion=Dispersion(200.0, 50.0)))
    yield Story("sequential-clumps-known", (known,), replace(clumps, sick=0.0))
    yield Story("sequential-clumps-given", (replace(ERRORS, rule=SequentialRule(clumps=3.0)),), _late(40.0, 0.06))
    sick = World(per_s=100.0, instances=4, pods=4, ill=(30.0, 100.0))
    yield Story("sequential-sick-pod", (ERRORS,), sick, ticks=24)
    yield Story("sequential-sick-for-long", (ERRORS,), replace(sick, ill=(30.0, 999.0)), ticks=24)
    alone, steps = World(per_s=200.0, instances=4, pods=1, ill=(40.0, 100.0)), (SetWeight(500), Pause(180.0))
    yield Story("sequential-sick-alone", (ERRORS,), alone, ticks=24, steps=steps)
    yield Story("sequential-alone-for-long", (ERRORS,), replace(alone, ill=(40.0, 999.0)), ticks=24, steps=steps)
    yield Story("sequential-sparse", (ERRORS,), World(per_s=1.0, usual=0.0))
    yield Story("sequential-dies", (ERRORS,), World(per_s=20.0, drift=0.0), ticks=15)
    yield Story("sequential-silent", (ERRORS,), World(silent=(60.0, 130.0)))
    yield Story("sequential-tolerant", (replace(ERRORS, comparison=lenient),), _late(60.0, 0.04))
    slow_ones = replace(ERRORS, name="latency", sli=SLOW)
    yield Story("several-gates", (ERRORS, slow_ones, replace(classic, name="classic", by=())), _late(90.0, 0.05))
    yield Story("advisory", (replace(ERRORS, advisory=True), slow_ones), _late(60.0, 0.05))
    yield Story("warm-up", (replace(failing, warmup_s=40.0),), World(fault=lambda s, _: 0.2 if s < 40 else 0.002))

    burn = replace(
        ERRORS, comparison=None, objective=Objective(0.99), rule=BurnRule(window_s=120.0, short_s=30.0, factor=5.0)
    )
    yield Story("burn-healthy", (burn,), World(per_s=80.0))
    yield Story("burn-bad", (burn,), _late(60.0, 0.15))
    yield Story("burn-incident", (replace(burn, comparison=lenient),), World(common=(60.0, 120.0)))
    people = Gate("people", RatioSli("requests_total", ()), rule=PopulationRule(players=2_000.0, visit=5.0))
    yield Story("population", (people,), World())
    yield Story("population-wrong", (people,), World(drift=0.3), waits=Undecided(Resort.ABORT, 60.0))
    slowly = ClassicRule(interval_s=60.0, window_s=600.0, consecutive=3, min_samples=20)
    queue = Gate("queue", LatencySli("queue_age_seconds", 30.0), objective=Objective(0.95), rule=slowly)
    yield Story(
        "queue-by-looks",
        (replace(queue, comparison=Comparison(max_ratio=1.2, slack=0.02)),),
        World(per_s=1.0, usual=0.001, fault=lambda seconds, _: 0.001 if seconds < 600 else 0.02, tick_s=30.0),
        ticks=60,
        steps=(SetWeight(5_000), Pause(1_200.0)),
    )

    yield from _analyses()
    doubtful = World(per_s=4.0, usual=0.05, fault=lambda *_: 0.15)
    yield Story("undecided-pause", (ERRORS,), doubtful, waits=Undecided(Resort.PAUSE, 120.0))
    asked = Analysis(("errors",), dwell=20, on_inconclusive=Undecided(Resort.ABORT, 100.0))
    yield Story("undecided-abort", (ERRORS,), World(), steps=(SetWeight(1_000), asked))
    yield Story("no-data-abort", (ERRORS,), World(silent=(60.0, 999.0)), blind=Undecided(Resort.ABORT, 60.0))
    bounded = (SetWeight(1_000), Analysis(("errors",), harm=5, dwell=3, patience=8), SetWeight(5_000), Pause(60.0))
    yield Story("analysis-bounds", (ERRORS,), World(per_s=5.0), steps=bounded)
    auto = Auto(bake=8, watch_s=60.0, dwell=3, harm=100)
    yield Story("auto-healthy", (ERRORS,), World(per_s=150.0), steps=(auto,), per_s=150.0, ticks=50)
    yield Story("auto-bad", (ERRORS,), replace(_late(60.0, 0.05), per_s=150.0), steps=(auto,), per_s=150.0)
    yield Story("auto-unknown", (ERRORS,), World(), steps=(auto,), ticks=40)


def _analyses() -> Iterator[Story]:
    """Values that are measured, by our rules and by Argo's."""
    prometheus = PrometheusQuery("errors")
    rate = Metric("rate", prometheus, "result[0] < 0.05", interval_s=10.0, failure_limit=2)
    through = replace(rate, name="through", count=3, initial_delay_s=10.0, failure_limit=1)
    doubtful = replace(rate, name="doubtful", failure="result[0] > 0.2", failure_limit=0, inconclusive_limit=1)
    dry = replace(rate, name="dry", success="result[0] < 0", dry_run=True)
    runs = replace(rate, name="in a row", consecutive_success_limit=3, count=9)
    watched = Gate("values", MeasuredSli(), rule=AnalysisRule((rate, dry)), source=MEASURED)
    argos = replace(watched, rule=AnalysisRule((rate, through), compat="argo"))
    yield Story("measured-healthy", (replace(watched, rule=AnalysisRule((rate, through, dry, runs))),), World())
    yield Story("measured-bad", (watched,), _late(40.0, 0.3), again=True)
    yield Story("measured-outage", (watched,), World(silent=(40.0, 160.0)))
    yield Story("measured-empty", (watched,), World(alone=True), ticks=8)
    asked = (SetWeight(1_000), Analysis(("values",)), Analysis(("values",)))
    doubts = replace(watched, rule=AnalysisRule((doubtful,)))
    yield Story("measured-doubt", (doubts,), _late(0.0, 0.1), steps=asked, ticks=12)
    yield Story("measured-healthy-argo", (argos,), World())
    yield Story("measured-outage-argo", (argos,), World(silent=(40.0, 999.0)))


STORIES: Final = {story.name: story for story in _stories()}
