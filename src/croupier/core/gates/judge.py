"""How a gate judges a reading. Pure: the state, what the source said and the time go in, the next state comes out.

Only rules that are looked at again and again live here; each ``rule.kind`` has one function. A rule gets the counts of
the span that ``span`` asked for, so that a rule on windows and a rule on increments (sequential tests) fit the same
loop.
"""

from dataclasses import replace
from typing import Final

from croupier.core.gates import classic
from croupier.core.gates.model import Gate
from croupier.core.gates.sli import Reading, Silence
from croupier.core.gates.verdict import GateState, Judgement, Verdict

RECORD_EVERY_S: Final = 60.0
"""A look that changes nothing is recorded only so often; one that changes something, always."""


def due(gate: Gate, state: GateState, now: float, *, watching_since: float, looked_at: float | None = None) -> bool:
    """Whether it is time for the next look. ``watching_since`` is when the data plane confirmed the present weight,
    ``looked_at`` the last look that was not worth recording. Times ahead of ``now`` come from before the clock was set
    back and count for nothing: they would blind the gate until the clock has caught up.
    """
    marks = (watching_since, state.judged_at, looked_at)
    past = [mark for mark in marks if mark is not None and mark <= now]
    return not past or now - max(past) >= gate.rule.interval_s


def is_news(before: GateState, after: GateState) -> bool:
    """Whether a look must be recorded: another verdict, another streak, a pass where none counted, a minute gone, or a
    clock set back.
    """
    if before.latest is None or after.latest is None or before.judged_at is None or after.judged_at is None:
        return True
    return (
        before.latest.verdict is not after.latest.verdict
        or before.streaks != after.streaks
        or (after.passed_at is not None and before.passed_at is None)
        or not 0.0 <= after.judged_at - before.judged_at < RECORD_EVERY_S
    )


def span(gate: Gate, now: float, *, watching_since: float) -> tuple[float, float]:
    """The span of time to be read, epoch seconds. Never reaches back beyond the present weight: at another weight the
    mix of players was another one.
    """
    return max(now - gate.rule.window_s, watching_since), now


def judge(gate: Gate, state: GateState, said: Reading | Silence, now: float) -> GateState:
    """The gate's state after one look, its judgement in ``latest``."""
    if isinstance(said, Silence):
        latest = Judgement(gate.name, Verdict.NO_DATA, now, now, now, said.reason)
        return replace(state, judged_at=now, passed_at=None, latest=latest)
    latest = classic.look(gate, state, said, now)
    streaks = tuple((finding.group, finding.streak) for finding in latest.findings if finding.streak)
    began = latest.since if state.violated_since is None else state.violated_since
    violated_since = began if streaks or latest.hard else None
    passed_at = now if latest.verdict is Verdict.PASS else None
    return replace(
        state, streaks=streaks, judged_at=now, passed_at=passed_at, violated_since=violated_since, latest=latest
    )
