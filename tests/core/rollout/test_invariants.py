"""The invariants of the design, on random histories of the pure core: plans, words of gates, people, clocks, outages.

A history is a list of moves; playing it yields every change with what was known when it happened. What gates said is
kept by the player itself, so that the rule "rises only on a pass" is checked against a second bookkeeping.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from croupier.core.gates import (
    ClassicRule,
    Comparison,
    Counts,
    Gate,
    HardStop,
    Objective,
    RatioSli,
    Reading,
    SequentialRule,
    Silence,
    Verdict,
)
from croupier.core.gates.edition import EDITION
from croupier.core.rollout import commands
from croupier.core.rollout import events as e
from croupier.core.rollout.asking import heard
from croupier.core.rollout.decide import Evidence, decide, looks
from croupier.core.rollout.machine import create, evolve, replay
from croupier.core.rollout.pace import paced
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause, Hold
from croupier.core.rollout.redecide import redecide
from croupier.core.rollout.rejudge import rejudge
from croupier.core.rollout.routes import ServiceRoutes
from croupier.core.rollout.segments import commands as single
from croupier.core.rollout.segments.narrowed import with_guards
from croupier.core.rollout.spec import (
    Analysis,
    Auto,
    Pause,
    Plan,
    Resort,
    RolloutSpec,
    SegmentFail,
    SetSegment,
    SetWeight,
    Step,
    Timing,
    Undecided,
)
from croupier.core.rollout.state import RolloutState, routes
from croupier.core.rollout.undo import undo
from croupier.core.segments import BUCKETS, AttributeMatch, Segment
from croupier.errors import Rejected
from croupier.testing import START, version_for

# Histories are cheap: a run plays two thousand of them, `HYPOTHESIS_PROFILE=thorough` a hundred thousand.
many = settings(max_examples=settings().max_examples * 2)

NAMES = ("deposits", "latency", "logins")
STAFF = Segment("staff", (AttributeMatch("employee", ("yes",)),))
SWEDES = Segment("market=SE", (AttributeMatch("market", ("SE",)),))
SEGMENTS = {"staff": STAFF, "se": SWEDES}
PEOPLE = tuple({"employee": staff, "market": market} for staff in ("yes", "no") for market in ("SE", "DE"))
NOBODY, EVERYBODY = (0,) * len(PEOPLE), (BUCKETS,) * len(PEOPLE)
PLAYERS = tuple(f"player-{number}" for number in range(40))

WORDS: dict[str, Reading | Silence] = {
    "good": Reading(0.0, 0.0, {(): Counts(1_000, 1_000)}, {(): Counts(1_000, 1_000)}),
    "bad": Reading(0.0, 0.0, {(): Counts(900, 1_000)}, {(): Counts(1_000, 1_000)}),
    "bad in a group": Reading(0.0, 0.0, {(): Counts(999, 1_000), (("psp", "x"),): Counts(80, 100)}, {}),
    "dead": Reading(0.0, 0.0, {(): Counts(0, 1_000)}, {(): Counts(1_000, 1_000)}),
    "few": Reading(0.0, 0.0, {(): Counts(1, 3)}, {(): Counts(1_000, 1_000)}),
    "nothing": Reading(0.0, 0.0, {(): Counts(0, 0)}, {(): Counts(1_000, 1_000)}),
    "incident": Reading(0.0, 0.0, {(): Counts(900, 1_000)}, {(): Counts(900, 1_000)}),
    "silence": Silence("the metric source is unreachable"),
}
DOUBT = ("nothing", "incident", "silence")
FEW = (*DOUBT, "few")
"""Doubt for a rule on windows; to one that gathers evidence every sample says something."""


@dataclass(frozen=True, slots=True)
class Tick:
    """The loop looks once. ``serves``: the data plane follows, lags behind, or is out of sight."""

    after_s: float
    words: tuple[str, str, str]
    serves: str = "wanted"
    ready: bool = True
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """A person asks for something."""

    what: str


Move = Tick | Ask


@dataclass(frozen=True, slots=True)
class Change:
    """One event: the states around it, what every gate had last said of the present weight, and who caused it.
    ``said`` leaves out what an analysis that began since asks again; ``last`` does not.
    """

    before: RolloutState
    event: e.Event
    after: RolloutState
    said: dict[str, Verdict]
    last: dict[str, Verdict]
    ready: bool
    by_person: bool


@dataclass(slots=True)
class Game:
    """Plays moves. ``said`` and ``last`` forget what was said of another weight, ``said`` also what was said before an
    analysis began to ask.
    """

    state: RolloutState
    events: list[e.Event]
    now: float
    served: ServiceRoutes
    ready: bool = True
    said: dict[str, Verdict] = field(default_factory=dict)
    last: dict[str, Verdict] = field(default_factory=dict)
    confirmed: ServiceRoutes | None = None
    seen: Evidence = field(default_factory=Evidence)
    held: dict[Segment, str | None] = field(default_factory=dict)

    def play(self, move: Move) -> Iterator[Change]:
        match move:
            case Ask(what=what):
                yield from self._ask(what)
            case Tick():
                yield from self._tick(move)

    def _tick(self, move: Tick) -> Iterator[Change]:
        self.now += move.after_s
        evidence = self.seen = self.evidence(move)
        for name, words in evidence.said.items():
            latest = heard(self.state, name, words, self.now).latest
            assert latest is not None
            self.said[name] = self.last[name] = latest.verdict
        yield from self._follow(decide(self.state, evidence, self.now), by_person=False)

    def evidence(self, move: Tick) -> Evidence:
        """What the loop would see: words only of gates that want to look."""
        if move.serves == "wanted":
            self.served = routes(self.state)
        self.ready = move.ready
        words = dict(zip(NAMES, move.words, strict=True))
        said = {
            look.gate.name: _of_span(WORDS[words[look.gate.name.partition("@")[0]]], look.since, look.until)
            for look in looks(self.state, self.now)
        }
        return Evidence(move.ready, move.failure, None if move.serves == "unknown" else self.served, said)

    def _ask(self, what: str) -> Iterator[Change]:
        try:
            decided = ask(self.state, what, self.now)
        except Rejected:
            return
        yield from self._follow(decided, by_person=True)

    def _follow(self, decided: tuple[e.Event, ...], *, by_person: bool) -> Iterator[Change]:
        stale = False
        for event in decided:
            # One look may hold several segments: what it said counts for each of them, and for nothing that rises.
            if stale and not isinstance(event, e.SegmentHeld):
                self._forget()
            before, self.state = self.state, evolve(self.state, event)
            self.events.append(event)
            if isinstance(event, e.WeightConfirmed):
                self.confirmed = self.served
            yield Change(before, event, self.state, dict(self.said), dict(self.last), self.ready, by_person)
            stale |= shares(before) != shares(self.state) or isinstance(event, e.Retried)
            if stale and not isinstance(event, e.SegmentHeld):
                self._forget()
                stale = False
            step = self.state.current_step
            if isinstance(event, e.StepStarted) and isinstance(step, Analysis):
                for name in step.gates:
                    self.said.pop(name, None)
        if stale:
            self._forget()

    def _forget(self) -> None:
        self.said.clear()
        self.last.clear()


def _of_span(words: Reading | Silence, since: float, until: float) -> Reading | Silence:
    return replace(words, since=since, until=until) if isinstance(words, Reading) else words


def ask(state: RolloutState, what: str, now: float) -> tuple[e.Event, ...]:  # noqa: PLR0911 - an arm a command
    match what.split():
        case ["promote"]:
            return commands.promote(state, now)
        case ["undo"]:
            return undo(state, now, reason="a person said so")
        case ["promote", "full"]:
            return commands.promote(state, now, full=True)
        case ["waive", name]:
            return commands.promote(state, now, waive=(name,))
        case ["pause"]:
            return commands.pause(state, now)
        case ["resume"]:
            return commands.resume(state, now)
        case ["abort"]:
            return commands.abort(state, now, reason="enough")
        case ["retry"]:
            return commands.retry(state, now, stable=state.stable)
        case ["hold", name]:
            return single.hold(state, now, segment=SEGMENTS[name], reason="harm")
        case ["release", name]:
            return single.release(state, now, segment=SEGMENTS[name])
        case ["supersede"]:
            return commands.supersede(state, now, by="shop-2")
        case _:
            raise AssertionError(what)


def begin(plan: Plan, stable: str | None = "1.0.0") -> Game:
    created = e.Created("shop-1", "shop", stable, "1.1.0", "sha256:0", plan, START)
    state = create(created)
    return Game(state, [created], START, routes(state))


def shares(state: RolloutState) -> tuple[int, ...]:
    """The canary's share (basis points) of the players of each kind."""
    wanted = routes(state)
    applies = [
        next((share for share in wanted.shares if share.segment is None or share.segment.contains(who)), None)
        for who in PEOPLE
    ]
    return tuple(dict(share.weights).get(state.canary, 0) if share else 0 for share in applies)


def rose(change: Change) -> bool:
    return any(after > before for before, after in zip(shares(change.before), shares(change.after), strict=True))


def guards(state: RolloutState) -> set[str]:
    step = state.current_step
    asked = set(step.gates) if isinstance(step, Analysis) else set()
    begun = state.plan.steps[: state.step + 1] if state.phase is not Phase.PROMOTING else ()
    for each in begun:
        if isinstance(each, SetSegment) and has_players(state, each.segment):
            asked |= set(each.guards)
    return (set(state.plan.guards) | asked) - set(state.waived)


def has_players(state: RolloutState, segment: Segment) -> bool:
    """Whether anybody of the segment has the canary."""
    return any(share for who, share in zip(PEOPLE, shares(state), strict=True) if segment.contains(who))


# --- strategies -------------------------------------------------------------------------------------------------------


def gate(name: str, *, evidence: bool = False, warmup_s: float = 0.0) -> Gate:
    classic = ClassicRule(interval_s=10, window_s=60, consecutive=3 if name == "deposits" else 2)
    return Gate(
        name,
        RatioSli(f"{name}_total", good=(("outcome", ("ok",)),)),
        objective=Objective(0.99),
        comparison=Comparison() if name == "latency" else None,
        hard_stop=HardStop(failing=0.9),
        rule=SequentialRule(dwell=2, samples=3) if evidence else classic,
        warmup_s=warmup_s,
    )


a_few_gates = st.sampled_from([*((name,) for name in NAMES), *permutations(NAMES, 2)])
some_gates = st.one_of(a_few_gates, a_few_gates, st.just(()))
weights = st.sampled_from([1, 25, 100, 500, 2_500, 5_000, 9_999, 10_000])
inside = st.builds(
    SetSegment,
    st.sampled_from([STAFF, SWEDES]),
    weights,
    guards=st.sampled_from([(), ("deposits",), ("latency",), ("deposits", "logins")]),
    on_fail=st.just(SegmentFail.HOLD) | st.just(SegmentFail.HOLD) | st.just(SegmentFail.ABORT),
)


resorts = st.builds(Undecided, st.sampled_from(Resort), st.sampled_from([0.0, 20.0, 60.0, 600.0]))
holds = st.just(Undecided())


def analyses(waits: st.SearchStrategy[Undecided]) -> st.SearchStrategy[Analysis]:
    own = st.none() | waits
    bound = st.none() | st.sampled_from([1, 3])
    return st.builds(Analysis, a_few_gates, harm=bound, dwell=bound, on_inconclusive=own, on_no_data=own)


@st.composite
def plans(
    draw: st.DrawFn,
    *,
    guarded: bool = False,
    open_pauses: bool = True,
    evidence: bool = True,
    waits: st.SearchStrategy[Undecided] = holds | resorts,
) -> Plan:
    """Any plan that may start: weights in any order, but 0 only before the first one, or those of ``auto``."""
    automatic = evidence and draw(st.sampled_from([False, False, True]))
    guards = draw(a_few_gates if guarded or automatic else some_gates)
    warm = st.sampled_from([0.0, 0.0, 15.0])
    gathers = {name: evidence and (draw(st.booleans()) or (automatic and name == guards[0])) for name in NAMES}
    gates = {name: gate(name, evidence=gathers[name], warmup_s=draw(warm)) for name in NAMES}
    steps = draw(auto_steps(guards, gates)) if automatic else draw(any_steps(open_pauses=open_pauses, waits=waits))
    by_segment = any(isinstance(step, SetSegment) for step in steps)
    steps, own = with_guards(steps, gates)
    return Plan(
        steps=steps,
        guards=guards,
        gates=(*gates.values(), *own),
        segment=None if by_segment else draw(st.sampled_from([None, None, STAFF])),
        timing=Timing(progress_deadline_s=300),
        on_inconclusive=draw(waits),
        on_no_data=draw(waits),
        edition=EDITION,
    )


@st.composite
def any_steps(draw: st.DrawFn, *, open_pauses: bool, waits: st.SearchStrategy[Undecided]) -> tuple[Step, ...]:
    steps: list[Step] = draw(st.lists(st.just(Pause(30.0)), max_size=1))
    steps += [draw(st.one_of(st.builds(SetWeight, weights), st.builds(SetWeight, weights), inside))]
    durations = st.sampled_from([0.0, 15.0, 60.0, None] if open_pauses else [0.0, 15.0, 60.0])
    others = st.one_of(st.builds(SetWeight, weights), st.builds(Pause, durations), analyses(waits), inside)
    steps += draw(st.lists(others, max_size=6))
    if draw(st.booleans()):  # as people write them
        rising = iter(sorted(step.weight_bp for step in steps if isinstance(step, SetWeight)))
        steps = [SetWeight(next(rising)) if isinstance(step, SetWeight) else step for step in steps]
    return tuple(steps)


@st.composite
def auto_steps(draw: st.DrawFn, guards: tuple[str, ...], gates: dict[str, Gate]) -> tuple[Step, ...]:
    auto = Auto(
        weights_bp=draw(st.sampled_from([(100, 2_500), (500, 1_000, 5_000)])),
        dwell=draw(st.sampled_from([None, 1, 3])),
        bake=draw(st.sampled_from([1, 4])),
        watch_s=draw(st.sampled_from([0.0, 30.0])),
    )
    spec = RolloutSpec("shop", "shop", (auto,), guards)
    return paced(spec, gates, draw(st.sampled_from([None, 3.0, 500.0])))[0]


seconds = st.sampled_from([0.0, 1.0, 10.0, 10.0, 10.0, 60.0, 600.0, -5.0, -90.0, -3_600.0])
mostly_good = st.sampled_from(["good"] * 4 + list(WORDS))
commands_asked = st.sampled_from(
    [
        "promote",
        "promote",
        "resume",
        "resume",
        "pause",
        "pause",
        "retry",
        "retry",
        "promote full",
        "abort",
        "undo",
        "supersede",
    ]
    + [f"waive {name}" for name in NAMES]
    + [f"{verb} {name}" for verb in ("hold", "release", "release") for name in SEGMENTS]
)
# Most of the time all is well: only so do histories get far enough to have something to lose.
well = st.just(Tick(10.0, ("good", "good", "good")))


def ticks(words: st.SearchStrategy[str] = mostly_good, failures: bool = True) -> st.SearchStrategy[Tick]:
    return st.builds(
        Tick,
        seconds,
        st.tuples(words, words, words),
        st.sampled_from(["wanted", "wanted", "wanted", "before", "unknown"]),
        st.sampled_from([True, True, True, False]),
        st.sampled_from([None] * 20 + ["exit status 1"]) if failures else st.none(),
    )


def histories(*moves: st.SearchStrategy[Move]) -> st.SearchStrategy[list[Move]]:
    # Short lists end before anything is at stake, and Hypothesis prefers short ones.
    return st.lists(st.one_of(*moves), min_size=12, max_size=50)


anything = histories(well, well, well, ticks(), ticks(), st.builds(Ask, commands_asked))
stables = st.sampled_from(["1.0.0"] * 9 + [None])


def changes(game: Game, history: list[Move]) -> Iterator[Change]:
    for move in history:
        yield from game.play(move)


# --- invariants of any history ----------------------------------------------------------------------------------------
#
# One history is looked at by all of them: to think one up takes longer than to play it.


def weights_always_total_100_percent_in_every_segment(change: Change) -> None:
    """Invariant 1."""
    wanted = routes(change.after)
    for share in wanted.shares:
        assert sum(weight for _, weight in share.weights) == BUCKETS
    assert bool(wanted.shares) == (wanted.default is not None)
    assert not wanted.shares or wanted.shares[-1].segment is None
    assert all(share.segment is not None for share in wanted.shares[:-1])


def the_share_never_rises_unless_every_guard_passes_on_the_present_weight(change: Change) -> None:
    """Invariant 2."""
    if not rose(change):
        return
    before = change.before
    assert change.by_person or change.ready
    if shares(before) == NOBODY:
        return  # nobody has been there: there is nothing that a gate could have seen
    assert before.confirmed_bp == before.weight_bp
    assert {name: change.said.get(name) for name in guards(before)} == dict.fromkeys(guards(before), Verdict.PASS)


def only_a_failing_verdict_blames_a_gate(change: Change) -> None:
    """Invariant 4, of any history; more of it below."""
    if isinstance(change.event, e.AbortStarted) and change.event.cause in (Cause.GATE, Cause.HARD_STOP):
        assert change.event.gate is not None
        assert change.said[change.event.gate] is Verdict.FAIL


def a_segment_is_held_by_a_failing_gate_or_a_person(change: Change) -> None:
    """Invariant 4, of holds."""
    if isinstance(change.event, e.SegmentHeld) and change.event.gate is not None:
        base = change.event.gate.partition("@")[0]
        assert Verdict.FAIL in (change.said.get(change.event.gate), change.said.get(base))
        assert not change.by_person


def who_is_held_has_the_stable_version(game: Game, change: Change) -> None:
    """Whatever steps, gates and people do, until a person releases them or everybody moves."""
    match change.event:
        case e.SegmentHeld(segment=segment, gate=by):
            game.held[segment] = by
        case e.SegmentReleased(segment=segment):
            assert change.by_person
            game.held.pop(segment)
        case e.Retried():
            game.held = {segment: by for segment, by in game.held.items() if by is None}
        case _:
            pass
    if change.after.phase not in (Phase.PROMOTING, Phase.SUCCEEDED):
        assert not any(has_players(change.after, segment) for segment in game.held)


def raising_the_weight_never_moves_a_player_back(change: Change) -> None:
    """Invariant 5."""
    before, after = routes(change.before), routes(change.after)
    canary = change.before.canary
    grows = all(new >= old for old, new in zip(shares(change.before), shares(change.after), strict=True))
    for player in PLAYERS if grows and before != after else ():
        for who in PEOPLE:
            assert version_for(after, player, who) == version_for(after, player, who)
            if version_for(before, player, who) == canary:
                assert version_for(after, player, who) == canary
    everybody = len(before.shares) == 1 and before.weight_of(canary) == BUCKETS
    assert version_for(before, None) == (canary if everybody else before.default)


def nothing_counts_as_served_before_it_was_seen(game: Game, change: Change) -> None:
    """Invariant 12."""
    if isinstance(change.event, e.WeightConfirmed):
        assert game.confirmed == routes(change.before)
    if isinstance(change.event, e.Promoted):
        assert game.confirmed == routes(change.before)
        assert shares(change.before) == EVERYBODY


def whoever_failed_has_nobody(game: Game) -> None:
    """Invariant 3, of a release that failed and that no person has tried again since."""
    assert shares(game.state) == NOBODY
    assert routes(game.state).default != game.state.canary
    assert game.state.phase in (Phase.ABORTING, Phase.ABORTED, Phase.SUPERSEDED)


def deciding_again_changes_no_traffic_and_comes_to_rest(game: Game) -> None:
    """The same evidence at the same time; the gates have been heard and do not ask again yet."""
    same = replace(game.seen, said={})
    again = decide(game.state, same, game.now)
    state = game.state
    for event in again:
        state = evolve(state, event)
    assert routes(state) == routes(game.state)
    assert decide(state, same, game.now) == ()


def an_abort_outranks_everything_in_every_active_phase(game: Game, meanwhile: Tick) -> None:
    if not game.state.phase.active:
        assert list(game.play(Ask("abort"))) == []
        return
    list(game.play(Ask("abort")))
    assert (game.state.phase, shares(game.state)) == (Phase.ABORTING, NOBODY)
    for serves in ("before", "unknown"):
        # Whatever else is going on, it stays given up: aborted only if nobody was there to begin with.
        list(game.play(replace(meanwhile, serves=serves)))
        assert shares(game.state) == NOBODY
    list(game.play(replace(meanwhile, serves="wanted")))
    assert game.state.phase is Phase.ABORTED


@settings(max_examples=settings().max_examples * 4)
@given(plans(), stables, anything, ticks())
def test_invariants_01_02_03_04_05_10_12_hold_whatever_happens(
    plan: Plan, stable: str | None, history: list[Move], meanwhile: Tick
) -> None:
    game, condemned = begin(plan, stable), False
    for move in history:
        before, guarded, asked = game.state, guards(game.state), game.state.phase.active
        happened = []
        for change in game.play(move):
            weights_always_total_100_percent_in_every_segment(change)
            the_share_never_rises_unless_every_guard_passes_on_the_present_weight(change)
            only_a_failing_verdict_blames_a_gate(change)
            a_segment_is_held_by_a_failing_gate_or_a_person(change)
            who_is_held_has_the_stable_version(game, change)
            raising_the_weight_never_moves_a_player_back(change)
            nothing_counts_as_served_before_it_was_seen(game, change)
            happened.append(change.event)
        failed = [name for name in guarded if game.said.get(name) is Verdict.FAIL] if asked else []
        alone = any(isinstance(event, e.SegmentHeld) for event in happened)
        condemned |= (bool(failed) and not alone) or any(isinstance(event, e.AbortStarted) for event in happened)
        condemned &= not any(isinstance(event, e.Retried) for event in happened)
        if condemned:
            whoever_failed_has_nobody(game)
        assert replay(game.events) == game.state, "10: the recorded events rebuild every state"
        assert bool(happened) or game.state == before
        if isinstance(move, Tick):
            deciding_again_changes_no_traffic_and_comes_to_rest(game)
    assert all(verdict.agrees for verdict in rejudge(game.events)), "a verdict made again comes out the same"
    assert all(action.agrees for action in redecide(game.events)), "and so does what was done about a segment"
    an_abort_outranks_everything_in_every_active_phase(game, meanwhile)


# --- invariants of some histories -------------------------------------------------------------------------------------


@many
@given(
    st.one_of(
        st.tuples(plans(guarded=True), st.lists(ticks(st.sampled_from(DOUBT), failures=False), max_size=50)),
        st.tuples(
            plans(guarded=True, evidence=False), st.lists(ticks(st.sampled_from(FEW), failures=False), max_size=50)
        ),
    )
)
def test_invariant_04_no_data_and_doubt_never_promote_and_abort_only_where_asked(
    course: tuple[Plan, list[Tick]],
) -> None:
    plan, history = course
    unguarded = next(step.weight_bp for step in plan.steps if isinstance(step, SetWeight | SetSegment))
    game = begin(plan)
    for change in changes(game, list(history)):
        assert max(shares(change.after)) <= unguarded
        if change.after.phase is Phase.PROMOTING:
            assert shares(change.before) == EVERYBODY  # a plan that gives everything before anybody looks
        if isinstance(change.event, e.AbortStarted) and change.event.cause is not Cause.DEADLINE:
            assert_asked_for(change, Resort.ABORT)
        if isinstance(change.event, e.Paused) and change.event.hold is not Hold.STEP:
            assert_asked_for(change, Resort.PAUSE)


def assert_asked_for(change: Change, then: Resort) -> None:
    """The rollout, or its step, says so for what its gate said last."""
    event, before = change.event, change.before
    assert isinstance(event, e.AbortStarted | e.Paused)
    assert event.gate is not None
    said, step = change.last[event.gate], before.current_step
    why = event.cause if isinstance(event, e.AbortStarted) else event.hold
    assert why.value == said.value
    own = step if isinstance(step, Analysis) else None
    if said is Verdict.NO_DATA:
        wait = (own.on_no_data if own else None) or before.plan.on_no_data
    else:
        assert said is Verdict.INCONCLUSIVE
        wait = (own.on_inconclusive if own else None) or before.plan.on_inconclusive
    assert wait.then is then


abort_in_doubt = st.just(Undecided(Resort.ABORT, 20.0))
blind = st.sampled_from(["nothing", "silence"])


@many
@given(plans(guarded=True, waits=holds), abort_in_doubt, st.lists(ticks(blind, failures=False), max_size=50))
def test_invariant_04_missing_data_takes_nobody_back_where_only_doubt_is_to(
    plan: Plan, in_doubt: Undecided, history: list[Tick]
) -> None:
    game = begin(replace(plan, on_inconclusive=in_doubt))
    for change in changes(game, list(history)):
        assert not isinstance(change.event, e.AbortStarted) or change.event.cause is Cause.DEADLINE


@many
@given(plans(open_pauses=False, waits=holds), stables)
def test_a_good_release_becomes_stable_without_anybody(plan: Plan, stable: str | None) -> None:
    game = begin(plan, stable)
    for _ in range(10 * (len(plan.steps) + 2)):
        list(game.play(Tick(10.0, ("good", "good", "good"))))
    assert game.state.phase is Phase.SUCCEEDED, game.state


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.PENDING])
def test_histories_reach_every_phase(phase: Phase) -> None:
    """The properties above say little about phases that no history visits."""
    endings: dict[Phase, list[Move]] = {
        Phase.PROGRESSING: [],
        Phase.PAUSED: [Ask("pause")],
        Phase.PROMOTING: [Ask("promote full")],
        Phase.SUCCEEDED: [Ask("promote full"), Tick(1.0, ("good", "good", "good"))],
        Phase.ABORTING: [Ask("abort")],
        Phase.ABORTED: [Ask("abort"), Tick(1.0, ("good", "good", "good"))],
        Phase.SUPERSEDED: [Ask("supersede")],
    }
    game = begin(Plan(steps=(SetWeight(500), Pause(600.0)), guards=(), gates=tuple(gate(name) for name in NAMES)))
    beginning: list[Move] = [Tick(1.0, ("good", "good", "good")), Tick(1.0, ("good", "good", "good"))]
    for _ in changes(game, beginning + endings[phase]):
        pass
    assert game.state.phase is phase
