"""The sequential rule: one sample more for every test of a gate, and what all of it says now. Called by ``judge``."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from croupier.core.gates.hard_stop import stopped
from croupier.core.gates.model import Gate, SequentialRule
from croupier.core.gates.sequential.capital import remembered, trickled
from croupier.core.gates.sequential.counterpart import heard
from croupier.core.gates.sequential.dispersion import UNMEASURED, Dispersion, comparable, observed
from croupier.core.gates.sequential.evidence import NOTHING, UNLIKELY, Evidence, Heard, Suspect, Trial
from croupier.core.gates.sequential.instances import (
    EXCUSED_S,
    RECOVERED_S,
    culprit,
    followed,
    noted,
    still_sick,
    told,
    usual,
)
from croupier.core.gates.sequential.opinion import CALM, INCIDENT, sum_up
from croupier.core.gates.sequential.samples import ALL, groups_of, informative, of
from croupier.core.gates.sequential.terms import terms
from croupier.core.gates.sequential.trials import (
    begin,
    taken_back,
    tried,
    weighed,
    with_new_groups,
    without_baseline,
)
from croupier.core.gates.sli import Counts, Group, Instance, Reading
from croupier.core.gates.verdict import Finding, Judgement, Opinion, Verdict
from croupier.core.gates.wording import describe
from croupier.core.segments import BUCKETS

_SHORTEST_S: Final = 0.001
"""A sample of no length would make traffic infinite."""


def look(
    gate: Gate,
    rule: SequentialRule,
    before: Evidence | None,
    reading: Reading,
    now: float,
    *,
    watching_since: float,
    weight_bp: int,
    next_bp: int,
    ailing: Sequence[Instance] = (),
) -> tuple[Evidence, Judgement]:
    """The evidence with this sample in it, and the judgement. ``watching_since`` is when the data plane confirmed the
    present weight (``weight_bp``, basis points; 0: unknown), ``next_bp`` is the one that a pass would lead to, and
    ``ailing`` is who was sick a sample ago.
    """
    fresh = before is None or before.until <= watching_since
    evidence = with_new_groups(gate, rule, before or begin(gate, rule, reading.since), reading)
    parts = comparable(reading.parts)
    dispersion = evidence.dispersion or (Dispersion() if len(parts) > 1 else None)
    phi = clumps(rule, dispersion)
    seconds = max(reading.until - reading.since, _SHORTEST_S)
    arms = [of(reading, each.group) for each in evidence.trials]
    known = [heard(each.counterpart, *arm, fresh=fresh) for each, arm in zip(evidence.trials, arms, strict=True)]
    held = [terms(gate, rule, each.budget) for each in evidence.trials]
    alone = [
        without_baseline(gate, each.group, mine, known[0], reading, weight_bp=weight_bp, permitted=held[0].permitted)
        for each, mine in zip(evidence.trials, known, strict=True)
    ]
    trials = tuple(
        [
            tried(gate, each, on, reading, arm, counterpart=mine, alone=single, seconds=seconds, fresh=fresh, phi=phi)
            for each, on, arm, mine, single in zip(evidence.trials, held, arms, known, alone, strict=True)
        ]
    )
    instances = noted(reading.instances, evidence.suspects)
    normal = usual(trials[0].baseline)
    suspects = followed(evidence, instances, seconds, normal)
    sick = culprit(suspects, trials[0], phi, weight_bp)
    spared = sick if sick is not None and _spares(evidence, sick, trials, seconds) else None
    _, baseline = arms[0]
    told_of = _heard(gate, rule, NOTHING if fresh else evidence.heard, reading, weight_bp, alone=alone[0])
    after = Evidence(
        trials if spared is None else taken_back(trials, spared),
        evidence.incident
        and remembered(
            weighed(evidence.incident, held[0], baseline, trickled(fresh=fresh), math.inf, phi), 2 * INCIDENT
        ),
        reading.until,
        seconds=evidence.seconds + seconds,
        samples=told_of.samples,
        dispersion=dispersion and observed(dispersion, parts),
        quiet=told_of.quiet,
        missed=told_of.missed,
        excused_s=evidence.excused_s + (0.0 if spared is None else spared.lasted_s),
        # What the others' tests were before holds what was taken back.
        suspects=suspects if spared is None else (),
    )
    judgement = _judgement(gate, rule, after, reading, now, next_bp, parts=parts, instances=instances)
    if sick is None:
        return after, _held(judgement, still_sick(instances, ailing, normal))
    return after, _named(judgement, sick, trials[0], after, spared=spared is not None)


def _spares(evidence: Evidence, sick: Suspect, trials: Sequence[Trial], seconds: float) -> bool:
    """Whether what was won since is taken back with this sample of so many ``seconds``: because it would convict, or
    because the instance is well again.
    """
    if evidence.excused_s + sick.lasted_s > EXCUSED_S:
        return False
    recovered = evidence.seconds + seconds - sick.failed_s >= RECOVERED_S
    return recovered or any(trial.spent >= 0.0 for trial in trials)


def _named(judgement: Judgement, sick: Suspect, whole: Trial, after: Evidence, *, spared: bool) -> Judgement:
    """The judgement with the sick instance's name. Nothing passes in a sample in which it fails."""
    judgement = replace(judgement, sick=(Instance(sick.name, sick.counts),))
    fails = sick.failed_s == after.seconds
    if judgement.verdict is Verdict.PASS and fails:
        judgement = replace(judgement, verdict=Verdict.INCONCLUSIVE)
    if judgement.verdict is not Verdict.INCONCLUSIVE:
        return judgement
    if not spared:
        return replace(judgement, reason=f"{judgement.reason}; {told(sick, whole)}")
    left = f"which is not held against the release ({EXCUSED_S - after.excused_s:.0f} s more may be)"
    return replace(judgement, reason=f"{told(sick, whole)}, {left}")


def _held(judgement: Judgement, sick: tuple[Instance, ...]) -> Judgement:
    """The judgement where too little was counted since to name who was sick a sample ago, and fails on."""
    if not sick:
        return judgement
    judgement = replace(judgement, sick=sick)
    if judgement.verdict is not Verdict.PASS:
        return judgement
    (one, *_) = sick
    reason = f"{one.name}, which was sick before, fails on ({one.counts.bad} of {one.counts.total} bad)"
    return replace(judgement, verdict=Verdict.INCONCLUSIVE, reason=reason)


def _judgement(
    gate: Gate,
    rule: SequentialRule,
    evidence: Evidence,
    reading: Reading,
    now: float,
    next_bp: int,
    *,
    parts: tuple[Counts, ...],
    instances: tuple[Instance, ...],
) -> Judgement:
    """A hard stop of this sample, or else what all of the evidence says."""
    # Once for all who ask: it is most of what a look costs.
    odds = {trial.group: trial.log_e for trial in evidence.trials}
    findings = tuple(_findings(odds, reading))
    if stopping := stopped(gate, findings):
        worst = max(stopping, key=lambda finding: (finding.canary.bad_share, finding.canary.bad))
        verdict, why = Verdict.FAIL, f"hard stop: {describe(gate, worst.group, worst.canary, worst.baseline)}"
    else:
        canary, baseline = of(reading, ALL)
        verdict, why = sum_up(gate, rule, evidence, odds, canary=canary, baseline=baseline, next_bp=next_bp)
    span = reading.since, reading.until
    return Judgement(gate.name, verdict, now, *span, why, findings, bool(stopping), parts, instances=instances)


def _heard(gate: Gate, rule: SequentialRule, before: Heard, reading: Reading, weight_bp: int, *, alone: bool) -> Heard:
    """Whether this sample told something of the canary; ``alone``: it has nothing to be compared with. None of few
    events is an answer too, as long as the silence may be chance. How many are due the baseline says: a canary that
    dies has few itself.
    """
    canary, baseline = of(reading, ALL)
    if canary.total:
        return Heard(before.samples + informative(gate, reading, alone=alone), 0, 0.0)
    # Where the weight says nothing of it, silence is no chance.
    due = baseline.total * weight_bp / (BUCKETS - weight_bp) if 0 < weight_bp < BUCKETS else UNLIKELY
    after = Heard(before.samples, before.quiet + 1, before.missed + due)
    told = baseline.total > 0 and after.quiet_by_chance(rule.dwell)
    return after._replace(samples=after.samples + told)


def clumps(rule: SequentialRule, measured: Dispersion | None) -> float:
    """How many failures of a sample may come of one fault."""
    if rule.clumps is not None:
        return rule.clumps
    return UNMEASURED if measured is None else measured.phi


def _findings(odds: Mapping[Group, float], reading: Reading) -> Iterator[Finding]:
    """Every group's counts, so that the verdict can be made again; those with tests first."""
    for group in dict.fromkeys((*odds, *groups_of(reading))):
        canary, baseline = of(reading, group)
        suspect = odds.get(group, 0.0) >= CALM
        opinion = Opinion.VIOLATED if suspect else Opinion.GOOD if canary.total else Opinion.FEW
        yield Finding(group, canary, None if reading.baseline is None else baseline, opinion)
