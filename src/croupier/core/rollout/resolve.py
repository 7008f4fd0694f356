"""From the names in a rollout to the things themselves: the plan that a rollout carries from its start to its end.

Called when a rollout starts. Afterwards nobody looks at the documents again, so that changing them changes no rollout
in progress.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from croupier.core.gates import Gate, LatencySli, SequentialRule, Sli
from croupier.core.gates.check import check_gate
from croupier.core.gates.edition import EDITION
from croupier.core.releases import Service
from croupier.core.rollout.blue_green import place, placed, uncounted
from croupier.core.rollout.check import CANARY, check
from croupier.core.rollout.check_segments import filled, populations, segment_uses
from croupier.core.rollout.check_smoke import smoke_uses
from croupier.core.rollout.groups import budget
from croupier.core.rollout.groups.check import unreachable
from croupier.core.rollout.pace import deciding, paced
from croupier.core.rollout.profile.bind import bound, ungated
from croupier.core.rollout.profile.fill import as_hotfix, profile_uses, with_usual
from croupier.core.rollout.profile.lasting import to_write
from croupier.core.rollout.profile.loosened import unlasting
from croupier.core.rollout.prove import prove
from croupier.core.rollout.segments.guards import judges, of_segments
from croupier.core.rollout.segments.narrowed import guard_uses, holdable, unnarrowable, with_guards
from croupier.core.rollout.spec import Analysis, Auto, Plan, RolloutSpec, SetWeight
from croupier.core.segments import BUCKETS, Segment
from croupier.core.smoke import SmokeCheck
from croupier.errors import Problem, Rejected


def gate_uses(spec: RolloutSpec) -> tuple[tuple[str, tuple[str | int, ...]], ...]:
    """Every gate that the rollout names, with the place in the document where it does: guards first, then the steps'
    analyses, then those of single segments.
    """
    return (*_asked_of_all(spec), *guard_uses(spec))


def _asked_of_all(spec: RolloutSpec) -> tuple[tuple[str, tuple[str | int, ...]], ...]:
    """The gates that judge everybody."""
    uses: list[tuple[str, tuple[str | int, ...]]] = [*profile_uses(spec)]
    uses += [
        (name, (*CANARY, "analysis", "templates", position, "templateName"))
        for position, name in enumerate(spec.guards[len(uses) :])
    ]
    for index, step in enumerate(spec.steps):
        if isinstance(step, Analysis):
            uses.extend(
                (name, (*CANARY, "steps", index, "analysis", "templates", position, "templateName"))
                for position, name in enumerate(step.gates)
            )
    return tuple((name, place(spec, at)) for name, at in uses)


def comparisons_alone(spec: RolloutSpec, gates: Mapping[str, Gate]) -> Iterator[Problem]:
    """As ``_comparisons_alone``, and gates that a ``blueGreen`` strategy asks when there is nobody to count."""
    yield from placed(spec, _comparisons_alone(spec, gates))
    yield from uncounted(spec, gates)


def _comparisons_alone(spec: RolloutSpec, gates: Mapping[str, Gate]) -> Iterator[Problem]:
    """Gates that can never pass where they are asked: nobody is left on the stable version, and the gate does nothing
    but compare with it. Guards are asked at every weight, an analysis' gates at the weight of its step.
    """
    if spec.segment is not None:
        return
    weight, everybody = 0, False
    for index, step in enumerate(spec.steps):
        if isinstance(step, SetWeight):
            weight = step.weight_bp
            everybody |= weight == BUCKETS
        elif isinstance(step, Analysis) and weight == BUCKETS:
            for position, name in enumerate(step.gates):
                if _only_compares(gates.get(name)):
                    at = (*CANARY, "steps", index, "analysis", "templates", position, "templateName")
                    yield _alone(name, at, spec)
    for position, name in enumerate(spec.guards if everybody else ()):
        if _only_compares(gates.get(name)):
            yield _alone(name, (*CANARY, "analysis", "templates", position, "templateName"), spec)


def unprovable(spec: RolloutSpec, gates: Mapping[str, Gate]) -> Iterator[Problem]:
    """Gates that would not turn red in this rollout whatever the canary did, at the first place that names each.
    Only sound documents are tried: what ``check`` and ``check_gate`` refuse has been told already.
    """
    if any(check(spec)) or any(comparisons_alone(spec, gates)):
        return
    places: dict[str, tuple[str | int, ...]] = {}
    for name, at in gate_uses(spec):
        places.setdefault(name, at)
    sound = {name: gates[name] for name in places if name in gates and not any(check_gate(gates[name]))}
    if any(unnarrowable(spec, sound, {})):
        return
    # What a segment matches is of no importance here, only that there is one.
    plan = _planned(spec, sound, Segment(spec.segment, ()) if spec.segment is not None else None)
    places |= {name: places[found.base] for name in of_segments(plan) if (found := judges(plan, name))}
    for gate in plan.gates:
        if gate.advisory:
            continue  # nothing waits for it, so that it may be slower than the rollout
        proof = prove(plan, gate.name)
        if proof.red_after_s is None:
            yield Problem(f"gate '{gate.name}' cannot turn red here: {proof.why}.", places[gate.name], proof.hint)


def without_evidence(spec: RolloutSpec, gates: Mapping[str, Gate]) -> Iterator[Problem]:
    """Steps that ask for evidence of gates that gather none. Gates that are not known are another problem."""
    for index, step in enumerate(spec.steps):
        if isinstance(step, Auto):
            if spec.guards and all(name in gates for name in spec.guards) and not deciding(spec, gates):
                yield Problem(
                    f"no guard gathers the evidence that 'auto' waits for: {', '.join(spec.guards)}.",
                    (*CANARY, "analysis", "templates"),
                    "Write sequential: {} instead of the rule in one of these gates, or name one that has it.",
                )
        elif isinstance(step, Analysis):
            known = [gates[name] for name in step.gates if name in gates]
            bounds = [field for field in ("harm", "dwell", "patience") if getattr(step, field) is not None]
            idle = len(known) == len(step.gates) and not any(isinstance(gate.rule, SequentialRule) for gate in known)
            for field in bounds if idle else ():
                yield Problem(
                    f"'{field}' has no effect: none of these gates gathers evidence.",
                    (*CANARY, "steps", index, "analysis", field),
                    "Remove it, or write sequential: {} instead of the rule in one of these gates.",
                )


def less_careful(
    spec: RolloutSpec,
    gates: Mapping[str, Gate],
    segments: Mapping[str, Segment],
    services: Mapping[str, Service],
    checks: Iterable[SmokeCheck] = (),
) -> tuple[Problem, ...]:
    """In what the rollout is less careful than its profile, if all it names is known and sound: allowed, and each start
    needs an approval then. One sentence for what the rollout says, one for its service.
    """
    if spec.profile is None:
        return ()
    try:
        service = services.get(spec.service)
        plan = resolve(spec, gates.values(), segments.values(), checks, service=service)
    except Rejected:  # said by others
        return ()
    profile = spec.profile.profile
    lasting = {each.text for each in unlasting(service, profile)}
    write = to_write(service, profile) if service is not None else ""
    return tuple(
        Problem(
            f"less careful than the profile {profile.name}: {'; '.join(found)}.",
            ("spec", "profile"),
            f"{instead}; or a start waits for somebody to approve it.",
        )
        for found, instead in (
            ([each for each in plan.loosened if each not in lasting], "Write what the profile says"),
            ([each for each in plan.loosened if each in lasting], write),
        )
        if found
    )


def _only_compares(gate: Gate | None) -> bool:
    if gate is None or gate.comparison is None:
        return False
    return gate.objective is None and not gate.comparison.ago_s


def _alone(name: str, path: tuple[str | int, ...], spec: RolloutSpec) -> Problem:
    if spec.blue_green is not None:
        return Problem(
            f"this can never pass after the switch: gate '{name}' only compares with the stable version, "
            "which has no players left then.",
            path,
            "Give the gate an objective, or let it compare with another day: comparison: {against: yesterday}.",
        )
    return Problem(
        f"this can never pass at setWeight: 100: gate '{name}' only compares with the stable version, "
        "which has no players left then.",
        path,
        "Ask it before setWeight: 100 (a rollout promotes by itself after its last step), or give the gate an "
        "objective.",
    )


def resolve(
    spec: RolloutSpec,
    gates: Iterable[Gate],
    segments: Iterable[Segment],
    checks: Iterable[SmokeCheck] = (),
    *,
    per_s: float | None = None,
    service: Service | None = None,
    hotfix: bool = False,
    missing: str = "Apply it first.",
) -> Plan:
    """The plan with its gates, segment and smoke checks filled in, ``auto`` made into steps for a traffic of ``per_s``
    requests a second (``None``: unknown). A ``hotfix`` goes through the lane for it instead of its own steps.
    ``service`` is the one that it moves; nothing is asked of one that is not known. ``missing`` is what to do about a
    name that none of them has.

    Raises ``Rejected`` with every problem: what is missing by the place that names it, whatever ``check`` refuses, and
    gates that could never fail.
    """
    spec = as_hotfix(spec) if hotfix else spec
    known_gates = with_usual(spec, {gate.name: gate for gate in gates})
    known_segments = {segment.name: segment for segment in segments}
    uses = gate_uses(spec)
    problems = [*check(spec)]
    problems += [Problem(f"there is no gate '{name}'.", at, missing) for name, at in uses if name not in known_gates]
    problems += [
        Problem(f"there is no segment '{name}'.", at, missing)
        for name, at in segment_uses(spec)
        if name not in known_segments
    ]
    known_checks = {check.name: check for check in checks}
    problems += [
        Problem(f"there is no smoke check '{name}'.", at, missing)
        for name, at in smoke_uses(spec)
        if name not in known_checks
    ]
    problems += comparisons_alone(spec, known_gates)
    problems += without_evidence(spec, known_gates)
    used = tuple(dict.fromkeys(name for name, _ in uses if name in known_gates))
    for name in used:
        problems += [
            Problem(f"gate '{name}' cannot be used: {problem.message}", hint=problem.hint)
            for problem in check_gate(known_gates[name])
        ]
    problems += populations(spec, uses, known_gates, known_segments.get(spec.segment or ""))
    problems += unnarrowable(spec, known_gates, known_segments)
    problems += unprovable(spec, known_gates)
    problems += unreachable(spec, known_gates, used)
    problems += ungated(spec, known_gates) if hotfix else ()
    if problems:
        raise Rejected(f"rollout '{spec.name}' cannot start: {problems[0]}", problems=tuple(problems))
    segment = known_segments[spec.segment] if spec.segment is not None else None
    steps = tuple(filled(step, known_segments) for step in spec.steps)
    plan = _planned(replace(spec, steps=steps), {name: known_gates[name] for name in used}, segment, per_s)
    named = dict.fromkeys(name for name, _ in smoke_uses(spec))
    plan = bound(plan, spec, hotfix=hotfix, service=service)
    return replace(plan, checks=tuple(known_checks[name] for name in named))


def _planned(spec: RolloutSpec, gates: Mapping[str, Gate], segment: Segment | None, per_s: float | None = None) -> Plan:
    """The plan of a rollout in which nothing is wrong, with those of its gates that are given."""
    asked, pace = paced(spec, gates, per_s)
    steps, own = with_guards(asked, gates)
    everybodys = [gates[name] for name in dict.fromkeys(name for name, _ in _asked_of_all(spec)) if name in gates]
    return Plan(
        steps=steps,
        guards=spec.guards,
        gates=tuple(_budgeted((*everybodys, *own), spec.false_rollbacks, holdable(spec))),
        segment=segment,
        timing=spec.timing,
        on_inconclusive=spec.on_inconclusive,
        on_no_data=spec.on_no_data,
        pace=pace,
        edition=EDITION,
        blue_green=spec.blue_green,
        smoke=spec.smoke,
    )


def _budgeted(gates: Iterable[Gate], false_rollbacks: float, holds: int) -> Iterator[Gate]:
    """The gates, each sequential one with its part of the rollout's budget: what is measured gets equal parts, and the
    gates that ask about the same (two thresholds of one latency) share one. An advisory gate rolls nothing back, so it
    takes no part from the others. Where groups may be acted upon, or ``holds`` segments be held, a reserve for what
    begins anew then is kept back.
    """
    gates = tuple(gates)
    actions = budget.actions(gates)
    sharing = Counter(map(_measured, filter(_takes_part, gates)))
    for gate in gates:
        if isinstance(gate.rule, SequentialRule):
            parts = len(sharing) * sharing[_measured(gate)] if _takes_part(gate) else 1
            running = budget.running(gate, false_rollbacks / parts, actions, holds=holds)
            yield replace(gate, rule=replace(gate.rule, budget=running))
        else:
            yield gate


def _takes_part(gate: Gate) -> bool:
    return isinstance(gate.rule, SequentialRule) and not gate.advisory


def _measured(gate: Gate) -> Sli:
    """What the gate counts, whatever it counts as bad of it."""
    return replace(gate.sli, threshold_s=0.0) if isinstance(gate.sli, LatencySli) else gate.sli
