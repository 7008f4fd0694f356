"""What belongs to an earlier attempt."""

from tests.core.rollout.test_evidence import ERRORS, started, watch

from croupier.core.rollout.attempts import up_to
from croupier.core.rollout.commands import retry
from croupier.core.rollout.machine import replay
from croupier.core.rollout.phase import Phase


def test_an_attempt_ends_where_the_next_begins() -> None:
    story = started(ERRORS)
    watch(story, 50, 500, samples=10)
    story.tick()
    story.serve()
    story.tick()
    given_up = story.state
    assert given_up.phase is Phase.ABORTED
    story.command(retry, stable="1.0.0")
    story.settle()
    watch(story, 0, 500, samples=2)
    assert replay(up_to(story.events, 1)) == given_up
    assert replay(up_to(story.events, 2)) == replay(up_to(story.events, 9)) == story.state


def test_a_retry_may_err_anew() -> None:
    """The whole budget again: what the first attempt spent of it is not held against the second."""
    story = started(ERRORS)
    watch(story, 50, 500, samples=10)
    story.tick()
    story.serve()
    story.tick()
    [before] = story.state.gates
    story.command(retry, stable="1.0.0")
    story.settle()
    watch(story, 0, 500, samples=1)
    [after] = story.state.gates
    assert before.evidence is not None
    assert after.evidence is not None
    assert after.evidence.trials[0].budget == before.evidence.trials[0].budget
    assert after.evidence.trials[0].canary.total == 500
