"""What keeps ``onGroupFail`` from working, told before anything starts. Pure; called for gates, and by ``resolve``.

Whether the flags exist, and whether a header carries the label, only those know who have the flags and the service.
"""

from collections.abc import Iterable, Iterator, Mapping

from croupier.core.gates import EventsSli, Gate, PopulationRule
from croupier.core.rollout.spec import RolloutSpec
from croupier.errors import Problem


def unreachable(spec: RolloutSpec, gates: Mapping[str, Gate], used: Iterable[str]) -> Iterator[Problem]:
    """Gates of the rollout that a held group would mislead: a population that cannot tell who is held."""
    used = tuple(used)
    held = {label for name in used for label in labels_held(gates[name])}
    for name in used:
        gate = gates[name]
        lacking = sorted(held - set(gate.by))
        if isinstance(gate.rule, PopulationRule) and lacking:
            yield Problem(
                f"gate '{name}' counts everybody's events, and once {lacking[0]} is held the canary's share of them is "
                "not its weight any more.",
                ("spec", "strategy"),
                f"Write by: [{', '.join(dict.fromkeys((*gate.by, *lacking)))}] in the gate '{name}', or remove it from "
                f"rollout '{spec.name}'.",
            )


def undistinguishing(spec: RolloutSpec, gates: Mapping[str, Gate], guards: Iterable[str]) -> Iterator[Problem]:
    """What is allowed but may surprise: a gate beside that counts the same failures and cannot tell whose they are."""
    acting = [gates[name] for name in guards if name in gates and gates[name].on_group_fail is not None]
    for place, name in enumerate(spec.guards):
        gate = gates.get(name)
        if gate is None or gate.advisory or gate.on_group_fail is not None or isinstance(gate.sli, EventsSli):
            continue
        blind = next(
            (each for each in acting if each.on_group_fail and not each.on_group_fail.labels <= set(gate.by)), None
        )
        if blind is not None:
            labels = ", ".join(sorted(blind.on_group_fail.labels if blind.on_group_fail else ()))
            yield Problem(
                f"gate '{name}' cannot tell {labels} apart: what '{blind.name}' finds in one group may show in it as "
                "well, and then everybody goes back.",
                ("spec", "strategy", "canary", "analysis", "templates", place, "templateName"),
                f"Write by: [{labels}] and onGroupFail in it, too, or keep it where it counts something else.",
            )


def labels_held(gate: Gate) -> tuple[str, ...]:
    """The labels by which the gate may hold players."""
    on_fail = gate.on_group_fail
    return tuple(dict.fromkeys(label for hold in on_fail.holds for label in hold.labels)) if on_fail else ()
