"""Rollouts with sequential gates: who goes on, who comes back, and what the record keeps."""

from dataclasses import asdict, replace

from croupier.adapters.store import codec
from croupier.core.gates import Comparison, Counts, Gate, Objective, RatioSli, Reading, SequentialRule
from croupier.core.gates.sli import Group
from croupier.core.rollout import events as e
from croupier.core.rollout.commands import retry
from croupier.core.rollout.machine import replay
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause
from croupier.core.rollout.resolve import resolve
from croupier.core.rollout.spec import Analysis, RolloutSpec, SetWeight
from croupier.testing import Rehearsal

ERRORS, LOGINS = (
    Gate(
        name,
        RatioSli(f"{name}_total", good=(("code", ("200",)),)),
        comparison=Comparison(),
        objective=Objective(0.99),
        rule=SequentialRule(),
    )
    for name in ("errors", "logins")
)
STEPS = (SetWeight(500), Analysis(("errors",)), SetWeight(5_000), Analysis(("errors",)))


def started(*gates: Gate) -> Rehearsal:
    spec = RolloutSpec("shop", "shop", STEPS, tuple(gate.name for gate in gates if gate.name != "errors"))
    story = Rehearsal(resolve(spec, gates, []))
    story.settle()
    return story


def sample(story: Rehearsal, bad: int, total: int) -> dict[str, Reading]:
    """What the source says of each gate that is due; a baseline of 2,000 with 1 failure."""
    since, now = story.now - 10.0, story.now
    said = Reading(since, now, {(): Counts(total - bad, total)}, {(): Counts(1999, 2000)})
    return dict.fromkeys(story.due(), said)


def watch(story: Rehearsal, bad: int, total: int, *, samples: int) -> list[e.Event]:
    out: list[e.Event] = []
    for _ in range(samples):
        story.now += 10.0
        out += story.tick(sample(story, bad, total))
        if not story.state.phase.active or story.state.phase is Phase.ABORTING:
            break
        out += story.settle()
    return out


def test_a_healthy_canary_goes_all_the_way() -> None:
    story = started(ERRORS)
    watch(story, 0, 500, samples=40)
    assert story.state.phase is Phase.SUCCEEDED


def test_a_bad_one_comes_back_and_says_why() -> None:
    story = started(ERRORS)
    watch(story, 50, 500, samples=10)
    assert story.state.abort is not None
    assert story.state.abort.cause is Cause.GATE
    assert "to 1 that it is worse than permitted" in story.state.abort.reason


def test_a_retry_begins_with_a_fresh_stake() -> None:
    story = started(ERRORS)
    watch(story, 50, 500, samples=10)
    story.tick()
    story.serve()
    story.tick()
    story.command(retry, stable="1.0.0")
    assert story.state.gates == ()


def test_the_record_makes_the_same_state_again() -> None:
    story = started(ERRORS, LOGINS)
    watch(story, 0, 500, samples=9)
    assert replay(story.events) == story.state
    written = [codec.EVENT.load(codec.EVENT.dump(event)) for event in story.events]
    assert written == story.events, "to the last bit of every logarithm"
    assert codec.STATE.load(asdict(story.state)) == story.state


def test_every_group_of_a_sample_is_kept() -> None:
    groups: dict[Group, Counts] = {(("psp", f"p{number}"),): Counts(9, 10) for number in range(40)}
    story = started(replace(ERRORS, by=("psp",)))
    story.now += 10.0
    whole: dict[Group, Counts] = {(): Counts(360, 400), **groups}
    story.tick({"errors": Reading(story.now - 10, story.now, whole, whole)})
    latest = story.state.gate_state("errors").latest
    assert latest is not None
    assert len(latest.findings) == 41
