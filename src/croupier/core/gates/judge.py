"""How a gate judges a reading. Pure: the state, what the source said and the time go in, the next state comes out.

Only rules that are looked at again and again live here; each kind of rule has one function. A rule gets the counts of
the span that ``span`` asked for, so that a rule on windows and a rule on increments (sequential tests) fit the same
loop.
"""

from dataclasses import replace
from typing import Final, TypeAlias

from croupier.core.gates import burn, classic, population, stops_only
from croupier.core.gates.analysis import verdict as analysis
from croupier.core.gates.analysis.measurement import Measured
from croupier.core.gates.analysis.model import AnalysisRule
from croupier.core.gates.model import BurnRule, Gate, PopulationRule, SequentialRule
from croupier.core.gates.sequential import look as sequential
from croupier.core.gates.sli import EventsSli, Reading, Silence
from croupier.core.gates.verdict import GateState, Judgement, Opinion, Verdict

Said: TypeAlias = Reading | Silence | Measured
"""What a source answered: counts, or measurements, or nothing."""

_FURTHEST_S: Final = 3600.0
"""What a control plane that was away looks back for; sources keep little more."""

RECORD_EVERY_S: Final = 60.0
"""A look that changes nothing is recorded only so often; one that changes something, always."""


def due(gate: Gate, state: GateState, now: float, *, watching_since: float, looked_at: float | None = None) -> bool:
    """Whether it is time for the next look. ``watching_since`` is when the data plane confirmed the present weight,
    ``looked_at`` the last look that was not worth recording. Times ahead of ``now`` come from before the clock was set
    back and count for nothing: they would blind the gate until the clock has caught up.
    """
    if isinstance(gate.rule, AnalysisRule):
        return analysis.due_now(gate.rule, state, watching_since, now)
    marks = (watching_since, state.judged_at, looked_at)
    past = [mark for mark in marks if mark is not None and mark <= now]
    return not past or now - max(past) >= gate.rule.interval_s


def is_news(before: GateState, after: GateState) -> bool:
    """Whether a look must be recorded: evidence, another verdict, another streak, a pass where none counted, a minute
    gone, or a clock set back.
    """
    if before.latest is None or after.latest is None or before.judged_at is None or after.judged_at is None:
        return True
    return (
        before.latest.verdict is not after.latest.verdict
        or before.streaks != after.streaks
        or before.evidence != after.evidence
        or before.analysis != after.analysis
        or (after.passed_at is not None and before.passed_at is None)
        or not 0.0 <= after.judged_at - before.judged_at < RECORD_EVERY_S
    )


def span(gate: Gate, state: GateState, now: float, *, watching_since: float) -> tuple[float, float]:
    """The span of time to be read, epoch seconds. Never reaches back beyond the present weight: at another weight the
    mix of players was another one. A rule that gathers reads on from where it stopped; so does a gate on events that
    must not happen, also over a change of weight: one is too many, whenever it was.
    """
    if isinstance(gate.rule, AnalysisRule):
        return watching_since, now
    if isinstance(gate.rule, SequentialRule | PopulationRule):
        counted = state.population if isinstance(gate.rule, PopulationRule) else state.evidence
        read = counted.until if counted is not None else watching_since
        # An end ahead of now is from before the clock was set back.
        return max(read if read <= now else watching_since, watching_since), now
    since = max(now - gate.rule.window_s, watching_since)
    if isinstance(gate.sli, EventsSli) and state.read_to is not None:
        since = max(min(since, state.read_to), now - _FURTHEST_S)
    return since, now


def short_span(gate: Gate, since: float, until: float) -> tuple[float, float] | None:
    """The end of a span that was read, which a rule with two windows asks for as well; ``None`` for the others."""
    if isinstance(gate.rule, BurnRule):
        return max(until - gate.rule.short_s, since), until
    return None


def judge(
    gate: Gate,
    state: GateState,
    said: Said,
    now: float,
    *,
    watching_since: float,
    next_bp: int,
    withheld: str | None = None,
    weight_bp: int = 0,
) -> GateState:
    """The gate's state after one look, its judgement in ``latest``. ``next_bp`` is the weight (basis points) that a
    pass would lead to, ``weight_bp`` the present one. ``withheld`` is why only hard stops count now, if so.
    """
    if isinstance(said, Silence):
        latest = Judgement(gate.name, Verdict.NO_DATA, now, now, now, said.reason)
        undecided_s, blind_since = waited(gate, state, Verdict.NO_DATA, now, silent=True)
        return replace(
            state,
            judged_at=now,
            passed_at=None,
            latest=latest,
            undecided_s=undecided_s,
            blind_since=blind_since,
        )
    if isinstance(said, Measured):
        return _measured(gate, state, said, now, since=watching_since, withheld=withheld)
    evidence, streaks, counted = state.evidence, state.streaks, state.population
    if withheld is not None:
        latest = stops_only.look(gate, said, now, withheld)
        suspected = False
    elif isinstance(gate.rule, SequentialRule):
        if evidence is not None and said.since < evidence.until <= now:
            return state  # it was counted: evidence that is counted twice is none
        try:
            evidence, latest = sequential.look(
                gate,
                gate.rule,
                evidence,
                said,
                now,
                watching_since=watching_since,
                weight_bp=weight_bp,
                next_bp=next_bp,
                ailing=state.latest.sick if state.latest is not None else (),
            )
        except (ArithmeticError, ValueError) as trouble:
            # Numbers that no formula takes hold, and hide no other gate's verdict.
            latest = Judgement(gate.name, Verdict.NO_DATA, now, now, now, f"the counts cannot be judged: {trouble}")
        suspected = _suspects(latest)
    elif isinstance(gate.rule, PopulationRule):
        if counted is not None and said.since < counted.until <= now:
            return state  # as above
        counted, latest = population.look(gate, gate.rule, counted, said, now, began=watching_since, bp=weight_bp)
        suspected = False
    elif isinstance(gate.rule, BurnRule):
        latest = burn.look(gate, gate.rule, said, now)
        suspected = _suspects(latest)
    elif isinstance(gate.rule, AnalysisRule):
        return state  # counts are no measurements
    else:
        latest = classic.look(gate, gate.rule, state, said, now)
        streaks = tuple((finding.group, finding.streak) for finding in latest.findings if finding.streak)
        suspected = bool(streaks)
    began = latest.since if state.violated_since is None else state.violated_since
    undecided_s, blind_since = waited(gate, state, latest.verdict, now, silent=False)
    return GateState(
        state.gate,
        streaks=streaks,
        judged_at=now,
        passed_at=now if latest.verdict is Verdict.PASS else None,
        violated_since=began if suspected or latest.hard else None,
        latest=latest,
        evidence=evidence,
        undecided_s=undecided_s,
        blind_since=blind_since,
        population=counted,
        read_to=said.until if isinstance(gate.sli, EventsSli) else None,
    )


def _measured(
    gate: Gate, state: GateState, said: Measured, now: float, *, since: float, withheld: str | None
) -> GateState:
    """The state after measurements, or after none where what is known already counts at this weight, too."""
    if not isinstance(gate.rule, AnalysisRule):
        return state  # measurements are no counts
    run, verdict, reason = analysis.look(gate.rule, state.analysis, said, since)
    if withheld is not None and verdict is Verdict.PASS:
        verdict, reason = Verdict.INCONCLUSIVE, withheld
    latest = Judgement(gate.name, verdict, now, run.began, now, reason, taken=said.taken, measured=True)
    undecided_s, blind_since = waited(gate, state, verdict, now, silent=False)
    return replace(
        state,
        judged_at=now,
        passed_at=now if verdict is Verdict.PASS else None,
        violated_since=analysis.failing_since(gate.rule, run),
        latest=latest,
        undecided_s=undecided_s,
        blind_since=blind_since,
        analysis=run,
    )


def waited(gate: Gate, state: GateState, verdict: Verdict, now: float, *, silent: bool) -> tuple[float, float | None]:
    """For how long the gate could not decide, and since when it saw nothing, with this verdict. Doubt lasts until the
    next answer, and only while the gate goes on looking: neither a silent source nor a control plane that was away is
    in doubt. A population that is not what it should be is no doubt about the release, and holds for good.
    """
    undecided_s = state.undecided_s
    in_doubt = state.latest is not None and state.latest.verdict is Verdict.INCONCLUSIVE
    doubts = not isinstance(gate.rule, PopulationRule)
    if doubts and in_doubt and not silent and state.judged_at is not None:
        undecided_s += min(max(now - state.judged_at, 0.0), RECORD_EVERY_S + gate.rule.interval_s)
    if verdict is Verdict.NO_DATA:
        return undecided_s, state.blind_since if state.blind_since is not None and state.blind_since <= now else now
    return undecided_s if verdict is Verdict.INCONCLUSIVE else 0.0, None


def _suspects(latest: Judgement) -> bool:
    return any(finding.opinion is Opinion.VIOLATED for finding in latest.findings)
