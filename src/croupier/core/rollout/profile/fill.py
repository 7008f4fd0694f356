"""A rollout with what its profile says of everything that it does not say itself. Pure.

Called when a document is read, and for a hotfix when one starts. The guards of both watch; a profile's gate that no
document describes is the ready-made one of its name.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from croupier.core.gates import Gate
from croupier.core.rollout.consent import Consent, includes
from croupier.core.rollout.profile.model import HOTFIX, Chosen, Lane
from croupier.core.rollout.spec import Approval, Pause, RolloutSpec, SetWeight, Step
from croupier.errors import Problem


def filled(spec: RolloutSpec) -> RolloutSpec:
    """The rollout with the steps and guards of its profile, where it has one."""
    if spec.profile is None:
        return spec
    steps = spec.steps or tuple(steps_of(spec.profile.profile.usual))
    return replace(spec, steps=steps, guards=_guards(spec.profile, spec.guards))


def as_hotfix(spec: RolloutSpec) -> RolloutSpec:
    """The rollout in the hotfix lane: other steps and bounds, and the same guards, budget and segment."""
    lane = spec.profile.profile.hotfix if spec.profile else HOTFIX
    return replace(spec, steps=tuple(steps_of(lane)), disruption=lane.disruption, blue_green=None)


def lane_of(spec: RolloutSpec, *, hotfix: bool) -> Lane | None:
    """The lane that the rollout is to follow; ``None``: only what its own steps say."""
    if hotfix:
        return spec.profile.profile.hotfix if spec.profile else HOTFIX
    return spec.profile.profile.usual if spec.profile else None


def steps_of(lane: Lane) -> Iterator[Step]:
    """The lane as steps."""
    for rung in lane.rungs:
        if rung.consent is not None:
            yield Approval(rung.consent)
        yield SetWeight(rung.weight_bp)
        yield Pause(rung.hold_s)


def with_usual(spec: RolloutSpec, gates: Mapping[str, Gate]) -> Mapping[str, Gate]:
    """The gates by name, those that are usual for the rollout's profile where nobody described another one."""
    if spec.profile is None:
        return gates
    return {gate.name: gate for gate in spec.profile.profile.gates if gate.name in spec.guards} | dict(gates)


def unprofiled(spec: RolloutSpec) -> Iterator[Problem]:
    """Gates that the rollout says something about and that its profile has not."""
    if spec.profile is None:
        return
    known = [gate.name for gate in spec.profile.profile.gates]
    hint = f"The profile {spec.profile.profile.name} has {', '.join(known)}."
    for usual, _ in spec.profile.stand_ins:
        if usual not in known:
            yield Problem(f"there is no gate '{usual}' to stand for.", ("spec", "profile", "gates", usual), hint)
    for position, name in enumerate(spec.profile.without):
        if name not in known:
            yield Problem(f"there is no gate '{name}' to leave out.", ("spec", "profile", "without", position), hint)


def stronger(one: Consent | None, other: Consent | None) -> Consent | None:
    """What satisfies both: the larger number of people, and of the higher role."""
    if one is None or other is None:
        return one or other
    higher = one.of if includes("operator", other.of) else other.of
    return Consent(max(one.people, other.people), higher)


def profile_uses(spec: RolloutSpec) -> tuple[tuple[str, tuple[str | int, ...]], ...]:
    """The guards that the rollout has by its profile, which are its first, with the places that say so."""
    if spec.profile is None:
        return ()
    return tuple(
        (name, ("spec", "profile") if name == usual else ("spec", "profile", "gates", usual))
        for name, usual in _asked_by(spec.profile).items()
    )


def _asked_by(chosen: Chosen) -> dict[str, str]:
    """The gates that guard by the profile, each with the profile's own that it is or stands for."""
    stand_ins = dict(chosen.stand_ins)
    usual = [gate.name for gate in chosen.profile.gates if gate.name not in chosen.without]
    return {stand_ins.get(name, name): name for name in usual}


def _guards(chosen: Chosen, own: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*_asked_by(chosen), *own)))
