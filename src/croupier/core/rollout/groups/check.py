"""What keeps ``onGroupFail`` from working, told before anything starts. Pure; called for gates, and by ``resolve``.

Whether the flags exist, and whether a header carries the label, only those know who have the flags and the service.
"""

from collections.abc import Iterable, Iterator, Mapping

from croupier.core.gates import Gate, PopulationRule
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


def labels_held(gate: Gate) -> tuple[str, ...]:
    """The labels by which the gate may hold players."""
    on_fail = gate.on_group_fail
    return tuple(dict.fromkeys(label for hold in on_fail.holds for label in hold.labels)) if on_fail else ()
