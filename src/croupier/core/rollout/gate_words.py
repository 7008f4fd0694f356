"""The story of a gate as people say it: counts, estimates, odds, what is missing, how long until it decides. Pure."""

import math
from collections.abc import Iterator
from typing import Final

from croupier.core.gates import AnalysisRule, BurnRule, ClassicRule, EventsSli, PopulationRule, SequentialRule, Verdict
from croupier.core.gates.analysis.wording import measurements
from croupier.core.gates.forecast.present import Ahead
from croupier.core.gates.sequential.evidence import Evidence
from croupier.core.gates.sequential.instances import EXCUSED_S
from croupier.core.gates.wording import name
from croupier.core.rollout.decide import guarding
from croupier.core.rollout.explain import duration
from croupier.core.rollout.explain_gate import Estimate, GateStory, GroupStory
from croupier.core.rollout.groups.watch import aside
from croupier.core.rollout.groups.words import outcome
from croupier.core.rollout.outlook.words import good, in_time, probability

INTERVALS: Final = (
    "Intervals hold with 95 % at all times at once (beta-binomial mixture), so that looking often does not spoil them."
)
_SOON_S: Final = 600.0


def describe_story(story: GateStory) -> list[str]:
    """The whole story, a sentence each, without full stops."""
    latest = story.remembered.latest
    apart = _set_aside(story)
    if latest is None:
        return ["it has not looked since" if apart else "it has not looked yet", *apart]
    lines = [*apart, f"it says {latest.verdict.replace('_', ' ')}: {latest.reason}"]
    lines += _of_groups(story)
    lines += _what_is_missing(story)
    if story.ahead is not None and latest.verdict is Verdict.NO_DATA:
        lines.append("it does not pass before something is counted again")
    elif story.ahead is not None:
        lines += _coming(story.ahead)
    elif story.state.phase.active and story.gate.name not in guarding(story.state):
        lines.append("it does not guard the canary now")
    return lines


def _set_aside(story: GateStory) -> list[str]:
    """What was done about groups that do not count here any more, and what their watch says."""
    lines: list[str] = []
    for acted in aside(story.state, story.gate.name):
        latest = story.state.gate_state(acted.watch_name(story.gate.name)).latest
        said = f" (it alone: {latest.verdict.replace('_', ' ')}, {latest.reason})" if latest is not None else ""
        stands = outcome(acted, story.state.stable, given_up=story.state.abort is not None)
        lines.append(f"{stands}{said}")
    return lines


def _of_groups(story: GateStory) -> Iterator[str]:
    """The whole, and the groups that something speaks against."""
    if isinstance(story.gate.sli, EventsSli):
        return
    for group in story.groups:
        suspicious = (group.odds or 0.0) > 1.0 or group.streak
        if not group.group or suspicious:
            yield _counts(group)
            if group.odds is not None:
                yield _odds(group)


def _counts(group: GroupStory) -> str:
    where = f"{name(group.group)}: " if group.group else ""
    text = f"{where}the canary had {_estimate(group.canary)}"
    if group.baseline is None:
        return f"{text}; there was nothing to compare it with"
    text += f", the stable version {_estimate(group.baseline)}"
    ours, theirs = group.canary.counts.bad_share, group.baseline.counts.bad_share
    if not ours:
        return text
    if not theirs:
        return f"{text}: bad ones only in the canary"
    times = ours / theirs
    return f"{text}: {f'{times:,.0f}' if times >= 10 else f'{times:.2g}'} × as often bad"


def _estimate(estimate: Estimate) -> str:
    counts = estimate.counts
    if not counts.total:
        return "no events"
    shares = f"{good(counts.bad_share)} good of {counts.total:,}"
    return f"{shares} (truly {good(estimate.high, digits=3)} to {good(estimate.low, digits=3)})"


def _odds(group: GroupStory) -> str:
    odds, needed = group.odds or 0.0, group.needed or math.inf
    said = f"{odds:,.2g} to 1" if odds < 100 else f"{odds:,.0f} to 1"
    where = f" for {name(group.group)}" if group.group else ""
    text = f"evidence against it{where}: {said}; {needed:,.0f} to 1 convict"
    if group.ratio is not None:
        text += f"; of the bets, {group.ratio:g} × the stable version's rate fits best"
    return text


def _what_is_missing(story: GateStory) -> Iterator[str]:
    gate, remembered = story.gate, story.remembered
    if isinstance(gate.rule, SequentialRule):
        held, samples = gate.rule.budget, remembered.evidence.samples if remembered.evidence else 0
        gone = story.used or 0.0
        yield (
            f"it may err in {100 * held:.3g} % of rollouts; "
            f"it has come {100 * gone:.0f} % of the way to blaming the canary"
        )
        if remembered.evidence is not None and len(remembered.evidence.trials) > 1:
            yield (
                f"the whole may use a quarter of that and the groups share the rest, so each needs more than the "
                f"{1.0 / held:,.0f} to 1 of the gate"
            )
        yield f"{samples} samples at this weight; {gate.rule.dwell} are the least to pass"
        if story.clumps is not None and (so_many := f"{story.clumps:.2g}") != "1":
            yield f"{so_many} failures count as one: {_why_clumps(gate.rule, remembered.evidence)}"
        if remembered.evidence is not None and remembered.evidence.excused_s:
            yield _excused(remembered.evidence)
        return
    if isinstance(gate.sli, EventsSli):
        events = gate.hard_stop.events if gate.hard_stop is not None else None
        stops = f"{events} such events stop" if events is not None and events > 1 else "1 such event stops"
        yield f"{stops} the rollout at the next look"
        return
    if isinstance(gate.rule, PopulationRule):
        yield "it holds when it alarms, and never stops a rollout"
        return
    if isinstance(gate.rule, AnalysisRule):
        yield from measurements(gate.rule, remembered.analysis)
        return
    if isinstance(gate.rule, ClassicRule):
        yield from _streak(story, gate.rule)
    yield from _too_few(story, gate.rule)


def _why_clumps(rule: SequentialRule, evidence: Evidence | None) -> str:
    if rule.clumps is not None:
        return "so its clumps say"
    if evidence is not None and evidence.dispersion is not None:
        return "they come in clumps, as the stable version's instances differ by more than chance"
    return "clumps cannot be measured where the counts do not tell several instances of the stable version apart"


def _excused(evidence: Evidence) -> str:
    """What a sick instance counted, which is missing in the counts of the whole."""
    left = max(EXCUSED_S - evidence.excused_s, 0.0)
    return (
        f"of {evidence.excused_s:.0f} s, what a single sick instance counted is not held against the release and not "
        f"in its counts; {f'{left:.0f} s more may be' if left >= 1.0 else 'no more can be'}"
    )


def _streak(story: GateStory, rule: ClassicRule) -> Iterator[str]:
    longest = max((group.streak for group in story.groups), default=0)
    left = rule.consecutive - longest
    text = f"{longest} violations in a row, {rule.consecutive} fail"
    yield f"{text}: {left} more" if left > 0 else text


def _too_few(story: GateStory, rule: ClassicRule | BurnRule) -> Iterator[str]:
    whole = next((group for group in story.groups if not group.group), None)
    total = whole.canary.counts.total if whole is not None else 0
    if total < rule.min_samples:
        yield (
            f"{total} of the {rule.min_samples} events that it needs for an opinion came in a window of "
            f"{duration(rule.window_s)}"
        )


def _coming(ahead: Ahead) -> Iterator[str]:
    """How long until it decides, if everything goes on as it was."""
    found = ahead.blames
    half = found.within(0.5)
    soon = found.by(_SOON_S)
    if half is not None:
        yield (
            f"if failures go on at this rate it is blamed with probability {probability(soon)} within "
            f"{duration(_SOON_S)} (50 % {in_time(half)})"
        )
    elif found.pace_s < math.inf:
        long = f"about {in_time(found.pace_s).removeprefix('in ')}" if found.pace_s < 604_800 else "more than a week"
        yield f"if failures go on at this rate it would take {long} to blame it"
    else:
        yield "at these rates it is never blamed: they are within what is permitted"
    if ahead.passes_s is None:
        yield "it does not pass while that stands against the canary"
    elif ahead.passes_s:
        yield f"if nothing worse comes it passes in {duration(ahead.passes_s)}"
    else:
        yield "it passes as it is"
