"""The population rule: healthy players, however unlike, raise no alarm; a router that deals otherwise does."""

import random
from dataclasses import dataclass

import pytest

from croupier.core.gates import (
    Comparison,
    Counts,
    EventsSli,
    Gate,
    GateState,
    Group,
    HardStop,
    Objective,
    PopulationRule,
    RatioSli,
    Reading,
    Verdict,
)
from croupier.core.gates.check import check_gate
from croupier.core.gates.judge import judge, span
from croupier.core.gates.population import log_e
from croupier.core.gates.ready import BY_NAME, POPULATION
from croupier.core.rollout.explain import describe_gate
from croupier.core.rollout.prove import prove
from croupier.core.rollout.resolve import resolve
from croupier.core.rollout.spec import Pause, Plan, RolloutSpec, SetWeight
from croupier.core.segments import AttributeMatch, Segment
from croupier.errors import Rejected

SLI = RatioSli("edge_requests_total", good=())
GATE = Gate("people", SLI, rule=PopulationRule())
MARKETS: tuple[Group, ...] = ((("market", "DE"),), (("market", "SE"),))
WEIGHTS = (100, 500, 2_500, 5_000)
LOOKS = 30


@dataclass
class Casino:
    """Players who differ, each dealt to a version by a bucket drawn for this rollout; their visits are of many
    requests. ``dealt`` is what the router makes of a weight (a share), by the player's market.
    """

    seed: int
    players: int = 1_000
    visits: int = 20

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.activity = [self.dice.lognormvariate(0, 1) for _ in range(self.players)]
        self.bucket = [self.dice.random() for _ in range(self.players)]

    def sample(self, dealt: tuple[float, float]) -> tuple[dict[Group, int], dict[Group, int]]:
        """One look's requests of the canary and of the stable version, by market."""
        arms: tuple[dict[Group, int], dict[Group, int]] = ({(): 0}, {(): 0})
        for player in self.dice.choices(range(self.players), self.activity, k=self.visits):
            requests = 1 + int(self.dice.expovariate(1 / 12))
            market = player % 2
            arm = arms[0] if self.bucket[player] < dealt[market] else arms[1]
            for group in ((), MARKETS[market]):
                arm[group] = arm.get(group, 0) + requests
        return arms


def rollout(casino: Casino, *, factor: tuple[float, float] = (1.0, 1.0), gate: Gate = GATE) -> list[GateState]:
    """Every look of a rollout over all weights; ``factor`` is how many times the weight each market really gets."""
    state, out, now = GateState(gate.name), [], 0.0
    for weight in WEIGHTS:
        began = now
        for _ in range(LOOKS):
            now += gate.rule.interval_s
            dealt = (min(1.0, factor[0] * weight / 10_000), min(1.0, factor[1] * weight / 10_000))
            canary, stable = casino.sample(dealt)
            if not gate.by:
                canary, stable = {(): canary[()]}, {(): stable[()]}
            said = Reading(
                now - gate.rule.interval_s,
                now,
                {group: Counts(count, count) for group, count in canary.items()},
                {group: Counts(count, count) for group, count in stable.items()},
            )
            state = judge(gate, state, said, now, watching_since=began, next_bp=10_000, weight_bp=weight)
            out.append(state)
    return out


def alarms(states: list[GateState]) -> list[str]:
    found = [state.latest.reason for state in states if state.latest is not None]
    return [reason for reason in found if reason.startswith("sample-ratio mismatch")]


@pytest.mark.played
@pytest.mark.parametrize("gate", [GATE, Gate("people", SLI, by=("market",), rule=PopulationRule())], ids=["all", "by"])
def test_healthy_players_raise_no_alarm(gate: Gate) -> None:
    rollouts = [rollout(Casino(seed), gate=gate) for seed in range(100)]
    assert sum(bool(alarms(states)) for states in rollouts) == 0
    passed = sum(state.passed_at is not None for states in rollouts for state in states[LOOKS - 1 :: LOOKS])
    assert passed >= 0.9 * len(rollouts) * len(WEIGHTS), "and it does not hold the healthy for long"


def test_were_requests_players_the_healthy_would_alarm() -> None:
    """The test tests: without the correction for players, the same rollouts do alarm."""
    naive = Gate("people", SLI, rule=PopulationRule(players=1e9, visit=1.0))
    assert sum(bool(alarms(rollout(Casino(seed), gate=naive))) for seed in range(20)) >= 15


@pytest.mark.parametrize("factor", [0.0, 2.0], ids=["nobody gets to it", "twice as many as should"])
def test_a_router_that_deals_otherwise_is_found(factor: float) -> None:
    for seed in range(10):
        states = rollout(Casino(seed, visits=60), factor=(factor, factor))
        assert alarms(states), seed
        assert all(state.latest is not None and state.latest.verdict is not Verdict.FAIL for state in states)
        assert states[-1].passed_at is None, "it holds"
        assert states[-1].undecided_s == 0, "and is no doubt that ends a rollout"


def test_a_market_that_is_left_out_names_itself() -> None:
    gate = Gate("people", SLI, by=("market",), rule=PopulationRule(players=1_000))
    for seed in range(5):
        found = alarms(rollout(Casino(seed, visits=60), factor=(1.0, 0.0), gate=gate))
        assert any("market=SE: 0 % of" in reason for reason in found), found


def look(canary: int, stable: int, *, bp: int = 500, at: float = 60, before: GateState | None = None) -> GateState:
    said = Reading(0, at, {(): Counts(canary, canary)}, {(): Counts(stable, stable)})
    return judge(GATE, before or GateState("people"), said, at, watching_since=0, next_bp=1, weight_bp=bp)


def test_what_it_says() -> None:
    for state, verdict, reason in (
        (look(0, 0), Verdict.NO_DATA, "nobody was counted in either version"),
        (look(5, 95, at=20), Verdict.INCONCLUSIVE, "5 % of 100 are the canary's, 5 % were due; 40 s more are needed"),
        (look(50, 950), Verdict.PASS, "5 % of 1000 are the canary's, 5 % were due"),
        (look(20, 2_980), Verdict.INCONCLUSIVE, "0.667 % of 3000 are the canary's, 5 % were due; that may still be"),
        (
            look(0, 200_000),
            Verdict.INCONCLUSIVE,
            "sample-ratio mismatch: 0 % of 200000 are the canary's, 5 % were due; ",
        ),
        (look(10, 0, bp=10_000), Verdict.PASS, "100 % of 10 are the canary's, 100 % were due"),
    ):
        assert state.latest is not None
        assert (state.latest.verdict, state.latest.reason[: len(reason)]) == (verdict, reason)


def test_a_sample_counts_once_and_a_weight_begins_anew() -> None:
    first = look(50, 950)
    assert first.population is not None
    assert look(50, 950, before=first) is first
    assert span(GATE, first, 90, watching_since=0) == (60, 90)
    said = Reading(60, 90, {(): Counts(1, 1)}, None)
    second = judge(GATE, first, said, 90, watching_since=60, next_bp=1, weight_bp=1_000)
    assert second.population is not None
    assert (second.population.counted, second.population.weights) == ((((), 1, 1),), 2)


def test_no_population_is_no_evidence() -> None:
    assert log_e(0, 0, 0.5, 200) == 0
    assert log_e(5, 10, 0, 200) == 0
    assert log_e(5, 10, 1, 200) == 0


@pytest.mark.parametrize("share", [0.01, 0.25, 0.5])
def test_it_is_a_fair_bet(share: float) -> None:
    """Summed over all that can happen, the factor is 1 on average, exactly."""
    from math import comb, exp, lgamma

    players, total = 50.0, 30
    a, b = players * share, players * (1 - share)

    def beta(x: float, y: float) -> float:
        return lgamma(x) + lgamma(y) - lgamma(x + y)

    mean = sum(
        comb(total, x) * exp(beta(a + x, b + total - x) - beta(a, b)) * exp(log_e(x, total, share, players))
        for x in range(total + 1)
    )
    assert mean == pytest.approx(1.0, abs=1e-9)


def test_it_can_turn_red_and_says_what_it_asks() -> None:
    steps = (SetWeight(500), Pause(60), SetWeight(5_000), Pause(60))
    assert prove(Plan(steps, ("people",), (GATE,)), "people").red_after_s is not None
    assert describe_gate(GATE) == "the canary's share of edge_requests_total is what its weight says"
    assert not any(check_gate(GATE))


@pytest.mark.parametrize(
    "gate, path",
    [
        (Gate("g", SLI, objective=Objective(0.9), rule=PopulationRule()), ("spec", "objective")),
        (Gate("g", SLI, comparison=Comparison(), rule=PopulationRule()), ("spec", "comparison")),
        (Gate("g", SLI, hard_stop=HardStop(events=1), rule=PopulationRule()), ("spec", "hardStop")),
        (Gate("g", EventsSli("x"), rule=PopulationRule()), ("spec", "sli")),
        (Gate("g", SLI, rule=PopulationRule(players=1)), ("spec", "population", "players")),
        (Gate("g", SLI, rule=PopulationRule(visit=0)), ("spec", "population", "visit")),
        (Gate("g", SLI, rule=PopulationRule(error=0)), ("spec", "population", "error")),
        (Gate("g", SLI, rule=PopulationRule(samples=0)), ("spec", "population", "samples")),
        (Gate("g", SLI, objective=Objective(0.9)), ("spec", "sli", "ratio", "good")),
    ],
)
def test_senseless_ones_are_refused(gate: Gate, path: tuple[str, ...]) -> None:
    assert path in [problem.path for problem in check_gate(gate)]


def test_inside_a_segment_only_its_own_events_tell() -> None:
    germans = Segment("germans", (AttributeMatch("market", ("DE",)),))
    spec = RolloutSpec("p", "p", (SetWeight(500), Pause(60)), (POPULATION,), "germans")
    everybody = BY_NAME[POPULATION].gate
    with pytest.raises(Rejected, match="counts everybody, and the weight is a share of segment 'germans' only"):
        resolve(spec, [everybody], [germans])
    own = Gate(POPULATION, RatioSli("logins_total", (), (("market", ("DE",)),)), rule=PopulationRule())
    assert resolve(spec, [own], [germans]).gates == (own,)
