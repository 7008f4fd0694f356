"""A failing group is acted upon instead of giving up the whole release; what that is, and when it is not."""

from dataclasses import replace

import pytest
from tests.core.rollout.groups.stories import BY_MARKET, CLASSIC, DEPOSITS, MARKETS, PROVIDERS, of, play, started, total

from croupier.adapters.store import codec
from croupier.core.gates import (
    Counts,
    Gate,
    GateState,
    HardStop,
    HoldPlayers,
    KillFlag,
    OnGroupFail,
    Opinion,
    PopulationRule,
    Reading,
    SequentialRule,
    Silence,
)
from croupier.core.gates.sli import Group
from croupier.core.gates.wording import name
from croupier.core.rollout import commands
from croupier.core.rollout import events as e
from croupier.core.rollout.explain import describe_event
from croupier.core.rollout.explain_gate import explain_gate
from croupier.core.rollout.gate_words import describe_story
from croupier.core.rollout.groups.acted import Acted
from croupier.core.rollout.groups.blame import also_fails, responsible
from croupier.core.rollout.groups.remedy import remedy
from croupier.core.rollout.groups.words import outcome
from croupier.core.rollout.headline import explain
from croupier.core.rollout.machine import replay
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause, Hold
from croupier.core.rollout.rejudge import rejudge
from croupier.core.rollout.spec import Pause, Resort, SetWeight, Undecided
from croupier.core.rollout.state import RolloutState, routes
from croupier.core.segments import AttributeMatch, Segment
from croupier.errors import Rejected
from croupier.testing import Rehearsal, version_for

KESTREL = (("psp", "kestrel"),)
GERMANY = Segment("market=DE", (AttributeMatch("market", ("DE",)),))


def broken(gate: Gate = DEPOSITS) -> Rehearsal:
    """Kestrel fails, and that was just found."""
    story = started(gate)
    while not story.state.acted:
        play(story, 1, {"kestrel": 200})
    return story


def stands(story: Rehearsal) -> str:
    """What people are told of the first action."""
    return outcome(story.state.acted[0], "1.0.0", given_up=story.state.abort is not None)


@pytest.mark.parametrize("gate", [DEPOSITS, CLASSIC])
def test_one_provider_fails_and_its_flag_is_turned_off(gate: Gate) -> None:
    story = broken(gate)
    acted = next(event for event in story.events if isinstance(event, e.GroupActed))
    assert (acted.group, acted.kills, acted.held, acted.gate) == (KESTREL, ("psp_kestrel",), None, "deposits")
    assert "psp=kestrel" in acted.reason
    assert story.state.phase is Phase.PROGRESSING
    assert story.state.weight_bp == 2_000
    assert stands(story).endswith("turned off as soon as it is confirmed")
    assert explain(story.state, story.now) == "acting on psp=kestrel: flag psp_kestrel turned off, to be confirmed"


@pytest.mark.parametrize("gate", [DEPOSITS, CLASSIC])
def test_once_it_is_off_and_was_watched_the_others_go_on_to_the_end(gate: Gate) -> None:
    story = broken(gate)
    assert not of(list(story.settle()), "group_set_aside"), "nobody said that the flag is off"
    story.killed = frozenset({"psp_kestrel"})
    told = [event.type for event in story.settle()]
    assert told == ["group_set_aside", "weight_confirmed"]
    assert stands(story) == "psp=kestrel: flag psp_kestrel turned off; watched whether it helps"
    watched = of(play(story, 12, values=("tarn", "velora")), "group_watched")
    assert len(watched) == 1
    assert stands(story) == "psp=kestrel: flag psp_kestrel turned off; others go on"
    play(story, 80, values=("tarn", "velora"))
    assert story.state.phase is Phase.SUCCEEDED
    assert explain(story.state, story.now).endswith("flag psp_kestrel stays off until somebody restores it")


def test_nothing_rises_while_it_is_watched() -> None:
    story = broken()
    story.killed = frozenset({"psp_kestrel"})
    story.settle()
    with pytest.raises(Rejected, match="gate deposits has not looked yet"):
        story.command(commands.promote)
    play(story, 8, values=("tarn", "velora"))
    with pytest.raises(Rejected, match="psp=kestrel was acted upon and is watched for 120 s"):
        story.command(commands.promote)
    play(story, 5, values=("tarn", "velora"))
    story.command(commands.promote)
    assert story.state.weight_bp == 5_000


def test_what_was_before_does_not_count_against_the_others() -> None:
    story = broken()
    story.killed = frozenset({"psp_kestrel"})
    story.settle()
    play(story, 1, values=("tarn", "velora"))
    gate = story.state.gate_state("deposits")
    assert gate.evidence is not None
    whole = gate.evidence.trials[0]
    assert whole.canary.total == 800, "one sample, of two providers"
    assert whole.relative.log_e < 1.0
    tarn = next(trial for trial in gate.evidence.trials if trial.group == (("psp", "tarn"),))
    assert tarn.canary.total > 400, "another group goes on where it was"


@pytest.mark.parametrize("gate", [DEPOSITS, CLASSIC])
@pytest.mark.parametrize("late", [0, 15])
def test_an_action_that_does_not_help_takes_everybody_back(gate: Gate, late: int) -> None:
    story = broken(gate)
    story.killed = frozenset({"psp_kestrel"})
    story.settle()
    play(story, late)
    assert story.state.phase is Phase.PROGRESSING
    play(story, 20, {"kestrel": 200})
    assert story.state.abort is not None
    assert story.state.abort.cause is Cause.GATE
    assert "psp=kestrel was acted upon for gate deposits, and fails on" in story.state.abort.reason
    assert stands(story) == "psp=kestrel: flag psp_kestrel turned off; then everybody went back"
    assert routes(story.state).weight_of("1.1.0") == 0


def test_a_suspect_is_watched_for_longer_than_the_watch() -> None:
    story = broken()
    story.killed = frozenset({"psp_kestrel"})
    story.settle()
    play(story, 11, values=("tarn", "velora"))
    play(story, 1, {"kestrel": 60})
    latest = story.state.gate_state("deposits/psp=kestrel").latest
    assert latest is not None
    assert latest.findings[0].opinion is Opinion.VIOLATED
    assert story.state.acted[0].watched_at is None
    play(story, 8)
    assert story.state.acted[0].watched_at is not None


def test_a_person_is_told_why_it_is_watched_for_longer() -> None:
    story = lingering(Resort.HOLD)
    with pytest.raises(Rejected, match=r"watched for 120 s, and for as long as gate deposits/psp=kestrel says inc"):
        story.command(commands.promote)


def test_a_watch_whose_source_is_silent_is_not_over() -> None:
    """Nobody saw whether it helped: it is watched until somebody does."""
    story = broken()
    story.killed = frozenset({"psp_kestrel"})
    story.settle()
    for _ in range(20):
        story.tick(dict.fromkeys(story.due(), Silence("away")), after=10.0)
    assert story.state.acted[0].watched_at is None
    assert story.state.phase is Phase.PROGRESSING
    watched = of(play(story, 1, values=("tarn", "velora")), "group_watched")
    assert len(watched) == 1, "nobody uses it any more, and that was counted"


def lingering(then: Resort) -> Rehearsal:
    """The flag is off, and the group was not well for a while: too much to go on, too little to go back."""
    story = started(DEPOSITS, steps=(SetWeight(2_000), Pause(10.0), SetWeight(5_000), Pause(60.0)))
    story.state = replace(story.state, plan=replace(story.state.plan, on_inconclusive=Undecided(then, 60.0)))
    while not story.state.acted:
        play(story, 1, {"kestrel": 200})
    story.killed = frozenset({"psp_kestrel"})
    story.settle()
    play(story, 4, {"kestrel": 10})
    play(story, 7, {"kestrel": 2})
    assert story.state.phase is Phase.PROGRESSING, "a watch has its time"
    play(story, 7, {"kestrel": 2})
    return story


@pytest.mark.parametrize(
    "then, event", [(Resort.HOLD, None), (Resort.PAUSE, "paused"), (Resort.ABORT, "abort_started")]
)
def test_a_watch_that_cannot_decide_is_doubt_like_any_other(then: Resort, event: str | None) -> None:
    story = lingering(then)
    ends = [each for each in story.events if isinstance(each, e.Paused | e.AbortStarted)]
    assert [each.type for each in ends] == ([event] if event else [])
    for end in ends:
        assert end.gate == "deposits"
        assert end.reason.startswith("gate deposits/psp=kestrel could not decide for 110 s: ")
    assert story.state.acted[0].watched_at is None


def test_a_watch_whose_suspicion_can_cost_little_is_over() -> None:
    """It passes as any gate does, and guards on."""
    story = started(DEPOSITS, steps=(SetWeight(2_000), Pause(10.0), SetWeight(5_000), Pause(60.0)))
    while not story.state.acted:
        play(story, 1, {"kestrel": 200})
    story.killed = frozenset({"psp_kestrel"})
    story.settle()
    play(story, 4, {"kestrel": 8})
    while story.state.acted[0].watched_at is None:
        play(story, 1, {"kestrel": 2})
        assert story.state.phase is Phase.PROGRESSING
    latest = story.state.gate_state("deposits/psp=kestrel").latest
    assert latest is not None
    assert (latest.verdict, latest.findings[0].opinion) == ("pass", Opinion.VIOLATED)


def test_what_was_in_flight_holds_nobody_up_for_good() -> None:
    """The flag is off: nothing comes after, neither for the group nor against it."""
    story = broken()
    story.killed = frozenset({"psp_kestrel"})
    story.settle()
    play(story, 1, {"kestrel": 60})
    play(story, 11, values=("tarn", "velora"))
    assert story.state.acted[0].watched_at is None
    play(story, 1, values=("tarn", "velora"))
    assert story.state.acted[0].watched_at is not None


def test_a_flag_that_cannot_be_turned_off_takes_everybody_back() -> None:
    story = broken()
    story.refused = "flag psp_kestrel cannot be turned off: There is no flag 'psp_kestrel'"
    story.tick()
    assert story.state.abort is not None
    assert "but flag psp_kestrel cannot be turned off" in story.state.abort.reason
    assert stands(story).endswith(
        "flag psp_kestrel turned off: was to be done, and not confirmed before everybody went back"
    )
    story.settle()
    assert explain(story.state, story.now).endswith("; flag psp_kestrel may be off until somebody restores it")


def test_an_action_that_is_not_in_force_in_time_takes_everybody_back() -> None:
    story = broken()
    story.tick(after=120.0)
    assert story.state.phase is Phase.PROGRESSING
    story.tick(after=1.0)
    assert story.state.abort is not None
    assert "was not in force within 120 s" in story.state.abort.reason


def test_an_action_that_is_done_late_is_done_all_the_same() -> None:
    """The control plane was away for longer than the watch, and turned the flag off as soon as it was back."""
    story = broken()
    story.killed = frozenset({"psp_kestrel"})
    assert [event.type for event in story.tick(after=500.0)] == ["group_set_aside", "weight_confirmed"]


def test_without_the_record_nobody_is_acted_upon_and_everybody_goes_back() -> None:
    story = started(DEPOSITS)
    story.recording = False
    play(story, 20, {"kestrel": 200})
    assert story.state.abort is not None
    assert story.state.abort.reason.endswith("this cannot be recorded now, so everybody goes back")


@pytest.mark.parametrize("gate", [DEPOSITS, CLASSIC])
def test_the_whole_that_fails_takes_everybody_back(gate: Gate) -> None:
    story = started(gate)
    play(story, 10, dict.fromkeys(PROVIDERS, 100))
    assert not story.state.acted
    assert story.state.abort is not None
    assert story.state.abort.reason.endswith("so everybody goes back")


def test_without_actions_all_is_as_it_was() -> None:
    story = started(replace(DEPOSITS, on_group_fail=None))
    play(story, 10, {"kestrel": 200})
    assert story.state.abort is not None
    assert "everybody" not in story.state.abort.reason
    rule = story.state.plan.gate("deposits").rule
    assert isinstance(rule, SequentialRule)
    assert rule.budget == 0.01, "nothing is kept back"


def test_more_groups_than_may_be_take_everybody_back() -> None:
    story = started(replace(DEPOSITS, on_group_fail=OnGroupFail((KillFlag("psp_{psp}"),), at_most=1)))
    while not story.state.acted:
        play(story, 1, {"kestrel": 200})
    story.killed = frozenset({"psp_kestrel"})
    story.settle()
    play(story, 20, {"tarn": 200}, values=("tarn", "velora"))
    assert story.state.abort is not None
    assert "more than 1 groups fail" in story.state.abort.reason


def test_a_second_group_has_its_own_turn_and_the_first_is_watched_on() -> None:
    story = broken()
    story.killed = frozenset({"psp_kestrel"})
    story.settle()
    play(story, 3)
    before = story.state.gate_state("deposits/psp=kestrel")
    assert before.evidence is not None
    while len(story.state.acted) < 2:
        play(story, 1, {"tarn": 200})
    kept = story.state.gate_state("deposits/psp=kestrel").evidence
    assert kept is not None
    assert kept.samples > before.evidence.samples, "a watch does not begin anew"
    story.killed = frozenset({"psp_kestrel", "psp_tarn"})
    story.settle()
    play(story, 100)
    assert story.state.phase is Phase.SUCCEEDED
    assert "flags psp_kestrel, psp_tarn stay off until somebody restores them" in explain(story.state, story.now)


def test_a_market_is_held_and_the_others_go_on() -> None:
    story = started(BY_MARKET)
    while not story.state.acted:
        play(story, 1, {"DE": 200}, by="market", values=MARKETS, settle=False)
    assert story.state.acted[0].held == GERMANY
    wanted = routes(story.state)
    assert [share.segment for share in wanted.shares] == [GERMANY, None]
    assert all(version_for(wanted, f"p{n}", {"market": "DE"}) == "1.0.0" for n in range(50))
    assert any(version_for(wanted, f"p{n}", {"market": "SE"}) == "1.1.0" for n in range(50))
    assert not story.tick(), "the data plane has not taken it yet"
    assert [event.type for event in story.settle()] == ["group_set_aside", "weight_confirmed"]
    play(story, 60, by="market", values=MARKETS)
    assert story.state.weight_bp == 5_000
    assert story.state.hold is Hold.GROUPS, "nobody gives a held market the canary in silence"
    assert "market=DE is held on 1.0.0: promote it to give them 1.1.0, too" in explain(story.state, story.now)


def finished_for_the_others() -> Rehearsal:
    story = started(BY_MARKET)
    while story.state.hold is not Hold.GROUPS:
        play(story, 1, {} if story.state.acted else {"DE": 200}, by="market", values=MARKETS)
    return story


def test_a_population_that_can_tell_who_is_held_lets_the_others_go_on() -> None:
    """Of a held group the canary gets nobody, which is as it should be."""
    ratio = Gate("ratio", DEPOSITS.sli, by=("market",), rule=PopulationRule(players=100_000))
    story = started(BY_MARKET, ratio)

    def sample(bad: int) -> None:
        kept = "DE" if story.state.acted else ""
        canary: dict[Group, Counts] = {(("market", each),): Counts(399, 400) for each in MARKETS if each != kept}
        stable = {each: 2_000 if each == kept else 1_600 for each in MARKETS}
        baseline: dict[Group, Counts] = {
            (("market", each),): Counts(events - events // 400, events) for each, events in stable.items()
        }
        if not kept:
            canary[(("market", "DE"),)] = Counts(400 - bad, 400)
        story.now += 10.0
        said = Reading(story.now - 10.0, story.now, {(): total(canary), **canary}, {(): total(baseline), **baseline})
        story.tick(dict.fromkeys(story.due(), said))
        story.settle()

    while not story.state.acted:
        sample(200)
    for _ in range(31):
        sample(1)
    assert story.state.acted[0].watched_at is not None
    assert (story.state.weight_bp, story.state.abort) == (5_000, None)


def test_a_person_may_give_it_to_the_held_ones_too() -> None:
    story = finished_for_the_others()
    with pytest.raises(Rejected, match=r"waits for more than going on: market=DE is held on 1\.0\.0"):
        story.command(commands.resume)
    story.command(commands.promote)
    assert routes(story.state).weight_of("1.1.0") == 10_000
    assert len(routes(story.state).shares) == 1
    story.settle()
    assert story.state.phase is Phase.SUCCEEDED


def test_it_may_be_given_up_as_well() -> None:
    story = finished_for_the_others()
    story.command(commands.abort, reason="DE first")
    assert len(routes(story.state).shares) == 1
    assert routes(story.state).weight_of("1.1.0") == 0


def test_a_person_does_not_pass_over_held_players() -> None:
    story = started(BY_MARKET, steps=(SetWeight(2_000), Pause(), SetWeight(5_000), Pause()))
    while not story.state.acted:
        play(story, 1, {"DE": 200}, by="market", values=MARKETS)
    play(story, 20, by="market", values=MARKETS)
    with pytest.raises(Rejected, match=r"cannot be promoted in full: market=DE is held on 1\.0\.0"):
        story.command(commands.promote, full=True)
    story.command(commands.promote)
    play(story, 20, by="market", values=MARKETS)
    assert [event.type for event in story.command(commands.promote)] == ["resumed", "paused"]
    assert story.state.hold is Hold.GROUPS


def test_held_players_of_a_rollout_that_already_has_everybody_else() -> None:
    """The weight says 100 %, and yet promoting moves players: it must be confirmed."""
    story = started(BY_MARKET, steps=(SetWeight(2_000), Pause(300.0), SetWeight(10_000), Pause(10.0)))
    while story.state.hold is not Hold.GROUPS:
        play(story, 1, {} if story.state.acted else {"DE": 200}, by="market", values=MARKETS)
    assert story.state.weight_bp == 10_000
    story.command(commands.promote)
    assert story.state.confirmed_bp is None
    assert not story.tick()


def test_a_retry_forgets_the_groups() -> None:
    story = finished_for_the_others()
    story.command(commands.abort, reason="DE first")
    story.settle()
    story.command(commands.retry, stable="1.0.0")
    assert story.state.acted == ()


def test_a_hard_stop_of_one_group_is_acted_upon_and_one_of_everything_is_not() -> None:
    gate = replace(CLASSIC, hard_stop=HardStop(failing=0.5))
    story = started(gate)
    play(story, 1, {"kestrel": 300})
    assert story.state.acted[0].kills == ("psp_kestrel",)
    other = started(gate)
    play(other, 1, dict.fromkeys(PROVIDERS, 300))
    assert other.state.abort is not None
    assert other.state.abort.cause is Cause.HARD_STOP
    double = started(replace(CLASSIC, hard_stop=HardStop(failing=0.5, events=250)))
    play(double, 1, {"kestrel": 300})
    assert double.state.abort is not None
    assert "such a hard stop is about everything" in double.state.abort.reason


def test_a_group_without_a_name_takes_everybody_back() -> None:
    story = started(DEPOSITS)
    play(story, 10, {"": 200}, values=("", *PROVIDERS))
    assert story.state.abort is not None
    assert "has no psp that an action could name" in story.state.abort.reason


def test_a_group_that_an_action_cannot_name_takes_everybody_back() -> None:
    """The source knows labels that the gate asked for only in part."""
    both = OnGroupFail((KillFlag("psp_{psp}"), HoldPlayers(("market",))))
    story = started(replace(DEPOSITS, by=("psp", "market"), on_group_fail=both))
    play(story, 10, {"kestrel": 200})
    assert story.state.abort is not None
    assert "has no market that an action could name" in story.state.abort.reason
    gate = replace(story.state.plan.gate("deposits"), on_group_fail=both)
    again = replace(failing_state(), acted=(Acted("other", (("psp", "tarn"),), ("psp_tarn",), None, "it fails", 0.0),))
    assert remedy(again, gate, 0.0) == "psp=kestrel has no market that an action could name"


def test_what_was_done_already_is_not_done_again() -> None:
    """Another gate, with groups of its own, wants the same flag off."""
    story = broken()
    gate = story.state.plan.gate("deposits")
    why = remedy(replace(story.state, gates=failing_state().gates), gate, story.now)
    assert why == "psp=kestrel was acted upon already"


def failing_state() -> RolloutState:
    """As the gate said that kestrel fails."""
    story = started(replace(DEPOSITS, on_group_fail=None))
    play(story, 10, {"kestrel": 200})
    return story.state


def test_while_everybody_moves_nobody_is_acted_upon() -> None:
    story = started(DEPOSITS)
    state = replace(story.state, gates=failing_state().gates, phase=Phase.PROMOTING)
    assert remedy(state, story.state.plan.gate("deposits"), 0.0) == "everybody is moving to the canary"
    assert remedy(state, replace(DEPOSITS, on_group_fail=None), 0.0) == ""


def test_the_whole_alone_is_nobodys_fault() -> None:
    """Nothing points at a group: not a single one stands out."""
    state = failing_state()
    evidence = state.gates[0].evidence
    assert evidence is not None
    whole = replace(state.gates[0], evidence=replace(evidence, trials=evidence.trials[:1]))
    gate = started(DEPOSITS).state.plan.gate("deposits")
    assert responsible(gate, whole) == ()
    assert remedy(replace(state, gates=(whole,)), gate, 0.0) == "no single group is at fault"
    assert responsible(gate, GateState("deposits")) == ()
    assert also_fails(gate, GateState("deposits"), ()) is None


def test_others_that_are_suspect_as_well() -> None:
    story = started(replace(DEPOSITS, on_group_fail=None))
    play(story, 10, {"kestrel": 200, "tarn": 200})
    why = also_fails(DEPOSITS, story.state.gate_state("deposits"), (KESTREL,))
    assert why == "other groups are suspect as well"


def test_a_rest_that_a_hard_stop_is_about_as_well() -> None:
    gate = replace(CLASSIC, hard_stop=HardStop(failing=0.3))
    story = started(gate)
    play(story, 1, {"kestrel": 300, "tarn": 300, "velora": 110})
    assert story.state.abort is not None or story.state.acted
    state = story.state.gate_state("deposits")
    if state.latest is not None:
        assert also_fails(gate, state, ((("psp", "kestrel"),),)) == "the rest fails as well"


def test_two_gates_that_find_the_same_group_act_on_it_once() -> None:
    other = replace(DEPOSITS, name="withdrawals")
    story = started(DEPOSITS, other)
    while not story.state.acted:
        play(story, 1, {"kestrel": 200})
    assert len(story.state.acted) == 1
    story.killed = frozenset({"psp_kestrel"})
    story.settle()
    play(story, 1, {"kestrel": 200})
    assert {gate.gate for gate in story.state.gates} >= {"deposits/psp=kestrel", "withdrawals/psp=kestrel"}


def test_two_gates_that_find_too_much_between_them() -> None:
    once = OnGroupFail((KillFlag("psp_{psp}"),), at_most=1)
    hold = OnGroupFail((HoldPlayers(("psp",)),), at_most=1)
    story = started(replace(DEPOSITS, on_group_fail=once), replace(DEPOSITS, name="others", on_group_fail=hold))
    play(story, 10, {"kestrel": 200})
    assert story.state.abort is not None
    assert "more than 1 groups fail" in story.state.abort.reason


def test_a_group_on_which_two_gates_act_in_their_own_ways_is_watched_once() -> None:
    """Each look counts once, so that the record makes the same verdicts again."""
    kills = replace(CLASSIC, by=("market",), on_group_fail=OnGroupFail((KillFlag("fees_{market}"),)))
    holds = replace(kills, name="beside", on_group_fail=OnGroupFail((HoldPlayers(("market",)),)))
    story = started(kills, holds)
    play(story, 3, {"DE": 200}, by="market", values=MARKETS)
    assert [(acted.gate, name(acted.group)) for acted in story.state.acted] == [
        ("deposits", "market=DE"),
        ("beside", "market=DE"),
    ]
    story.killed = frozenset({"fees_DE"})
    story.settle()
    played = play(story, 1, {}, by="market", values=MARKETS)
    looks = [event.state.gate for event in played if isinstance(event, e.GateJudged)]
    assert sorted(looks) == ["beside", "beside/market=DE", "deposits", "deposits/market=DE"]
    play(story, 3, {"DE": 200}, by="market", values=MARKETS)
    assert story.state.abort is not None
    assert all(again.agrees for again in rejudge(story.events))


def test_the_record_makes_the_same_state_and_the_same_verdicts_again() -> None:
    story = broken()
    story.killed = frozenset({"psp_kestrel"})
    play(story, 20, {"kestrel": 2})
    assert replay(story.events) == story.state
    written = [codec.EVENT.load(codec.EVENT.dump(event)) for event in story.events]
    assert written == story.events
    verdicts = list(rejudge(written))
    assert len(verdicts) > 20
    assert all(verdict.agrees for verdict in verdicts), [each for each in verdicts if not each.agrees]
    assert {verdict.gate for verdict in verdicts} == {"deposits", "deposits/psp=kestrel"}


def test_what_happened_is_told() -> None:
    story = finished_for_the_others()
    told = [describe_event(event, story.state) for event in story.events if "group" in event.type]
    assert told[0].startswith("market=DE fails alone, so it is acted upon: market=DE held on 1.0.0; gate deposits: ")
    assert told[1:] == [
        "market=DE: market=DE held on 1.0.0; it is watched whether that helps",
        "market=DE: market=DE held on 1.0.0 helped, and the others go on",
    ]
    assert "what was done about it" in describe_event(e.GroupWatched("deposits", KESTREL, 1.0))


def test_its_gate_tells_what_was_done() -> None:
    told = describe_story(explain_gate(broken().events, "deposits", lambda: 0.5))
    assert any("psp_kestrel" in line for line in told)


@pytest.mark.parametrize("gate", [DEPOSITS, CLASSIC])
@pytest.mark.parametrize("providers", [PROVIDERS, (*(f"psp{number}" for number in range(30)), "kestrel")])
def test_what_is_recorded_is_enough_to_choose_the_same_action_again(gate: Gate, providers: tuple[str, ...]) -> None:
    """Also of a gate with so many groups that its record keeps only some: what is decided on is what is recorded."""
    story = started(gate)
    while not story.state.acted:
        play(story, 1, {"kestrel": 200}, values=providers)
    at = next(number for number, event in enumerate(story.events) if isinstance(event, e.GroupActed))
    recorded = [codec.EVENT.load(codec.EVENT.dump(event)) for event in story.events]
    before, acted = replay(recorded[:at]), recorded[at]
    assert isinstance(acted, e.GroupActed)
    assert remedy(before, before.plan.gate(acted.gate), acted.at) == (acted,)
