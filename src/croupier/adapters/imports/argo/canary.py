"""Argo's canary, step by step. Called by ``rollout`` for documents that are valid there."""

from collections.abc import Mapping
from typing import Any, Final

from croupier.adapters.imports.argo.mirrors import mirror
from croupier.adapters.imports.argo.rollout_shape import ROUTERS
from croupier.adapters.imports.argo.strategy import EVERYWHERE, Strategy
from croupier.adapters.imports.argo.valid import pause_s
from croupier.adapters.imports.kubernetes import KUBERNETES_OWN
from croupier.adapters.imports.made import Path
from croupier.adapters.imports.steps import LONGEST_S, OUR_DURATION, PERSON, seconds_text

_AT: Final[Path] = ("spec", "strategy", "canary")
_ITSELF: Final = "Croupier moves the traffic itself, by player; name the paths in the Service (spec.routes)"
_ELSEWHERE: Final = {
    **EVERYWHERE,
    "canaryService": _ITSELF,
    "stableService": _ITSELF,
    "pingPong": _ITSELF,
    "canaryMetadata": KUBERNETES_OWN,
    "stableMetadata": KUBERNETES_OWN,
    "maxSurge": "a version runs all instances of its Service (spec.process.instances) from the start",
    "minPodsPerReplicaSet": "a version runs all instances of its Service (spec.process.instances) from the start",
    "replicaProgressThreshold": "all instances of a version must be ready before it gets players",
}
_IMPOSSIBLE: Final = {
    "setCanaryScale": "a canary runs all instances of its Service from the start (spec.process.instances); the step "
    "is left out",
    "setHeaderRoute": "requests are not routed by header beside a weight; to let only some players have the canary, "
    "name a Segment in spec.segment",
    "plugin": f"plugins are not available; {PERSON} once the plugin's work is done",
    "experiment": f"no pods run beside the rollout for it; compare by a Gate with a comparison. {PERSON[0].upper()}"
    f"{PERSON[1:]}",
}


def steps_of_canary(strategy: Strategy) -> None:
    """The steps, guards and timing of a canary."""
    made = strategy.made
    canary = strategy.data["spec"]["strategy"]["canary"]
    strategy.elsewhere(canary, _AT, _ELSEWHERE)
    strategy.keep(canary, _AT)
    _dynamic(canary, strategy)
    most = _routing(canary.get("trafficRouting"), strategy)
    if (analysis := canary.get("analysis")) is not None:
        _guards(analysis, strategy)
    if any(step.get("setWeight") is not None for step in canary.get("steps") or ()):
        words = "weights are shares of players, who stay where they are; there they are shares of requests"
        made.differs((*_AT, "steps"), words)
    for index, step in enumerate(canary.get("steps") or ()):
        _step(step, (*_AT, "steps", index), strategy, most)
    if not strategy.steps.made:
        at: Path = (*_AT, "steps")
        made.lost(at, f"without steps pods are replaced a few at a time, which is not possible here; {PERSON}")
        strategy.steps.person(at)


def _dynamic(canary: Mapping[str, Any], strategy: Strategy) -> None:
    at = (*_AT, "dynamicStableScale")
    if canary.get("dynamicStableScale"):
        strategy.made.lost(
            at, "the stable version keeps all its instances during a rollout, so that going back is safe"
        )
    elif canary.get("dynamicStableScale") is not None:
        strategy.made.kept(at, "the stable version keeps all its instances")


def _routing(routing: Mapping[str, Any] | None, strategy: Strategy) -> int:
    """The weight that is all of the traffic."""
    if routing is None:
        return 100
    made, at = strategy.made, (*_AT, "trafficRouting")
    for name in ROUTERS:
        if routing.get(name) is not None:
            made.not_needed((*at, name), _ITSELF)
    if ((routing.get("alb") or {}).get("stickinessConfig")) is not None:
        words = "every player stays on a version by the account's id, without a cookie"
        made.changed((*at, "alb", "stickinessConfig"), words)
    if routing.get("managedRoutes") is not None:
        made.not_needed(
            (*at, "managedRoutes"), "they name header routes, which are not available, and mirrors, which need none"
        )
    if not routing:
        made.not_needed(at, _ITSELF)
    most = routing.get("maxTrafficWeight")
    if most is not None:
        made.changed((*at, "maxTrafficWeight"), f"weights are written in percent: {most} is 100 there")
    return int(most or 100)


def _guards(analysis: Mapping[str, Any], strategy: Strategy) -> None:
    at = (*_AT, "analysis")
    strategy.guard(analysis, at)
    start = analysis.get("startingStep")
    if start:
        words = "guards watch from the first step on, and no weight rises before they say pass"
        strategy.made.changed((*at, "startingStep"), words)
    elif start is not None:
        strategy.made.kept((*at, "startingStep"), "guards watch from the first step on")
    if strategy.unsure is not None:
        strategy.made.differs(
            at, f"not all of it watches here; at the end of the steps {PERSON.partition(' stands ')[2]}"
        )


def _step(step: Mapping[str, Any], at: Path, strategy: Strategy, most: int) -> None:
    made, steps = strategy.made, strategy.steps
    if (weight := step.get("setWeight")) is not None:
        _weight(weight, (*at, "setWeight"), strategy, most)
    if step.get("pause") is not None:
        _pause(step["pause"].get("duration"), (*at, "pause"), strategy)
    if step.get("analysis") is not None:
        strategy.ask(step["analysis"], (*at, "analysis"))
    if step.get("setMirrorRoute") is not None:
        mirror(step["setMirrorRoute"], (*at, "setMirrorRoute"), strategy)
    for name, words in _IMPOSSIBLE.items():
        if step.get(name) is None:
            continue
        place = (*at, name)
        made.lost(place, words)
        if name == "experiment" or (name == "plugin" and not step[name].get("disabled")):
            steps.person(place)


def _weight(weight: int, at: Path, strategy: Strategy, most: int) -> None:
    written = weight if most == 100 else round(100 * weight / most, 2)
    if not strategy.steps.weigh(written, at):
        strategy.made.changed(at, f"the step before sets {written} already, so this one is left out")
    elif written == weight:
        strategy.made.kept(at, f"setWeight: {written}")
    else:
        strategy.made.changed(at, f"setWeight: {written}, which is {weight} of {most}")


def _pause(given: Any, at: Path, strategy: Strategy) -> None:
    made = strategy.made
    seconds = pause_s(given) if given is not None else None
    if seconds is not None and seconds <= LONGEST_S:
        written = given if isinstance(given, str) and OUR_DURATION.fullmatch(given) else seconds_text(seconds)
        strategy.steps.wait(written, at)
        made.kept(at, f"{written} long")
    elif not strategy.steps.person(at):
        made.changed(at, "the step before waits for a person already, so this one is left out")
    elif seconds is None:
        made.kept(at, "until a person says croupier rollout promote")
    else:
        made.changed(at, "so long a pause is not possible: it waits for a person (croupier rollout promote)")
