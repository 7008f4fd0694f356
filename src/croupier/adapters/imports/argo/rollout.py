"""Argo's Rollout becomes ours: everything but its strategy, and which of both it has. Called by ``convert``."""

from collections.abc import Mapping
from typing import Any, Final

from croupier.adapters.imports.argo.blue_green import blue_green_of
from croupier.adapters.imports.argo.canary import steps_of_canary
from croupier.adapters.imports.argo.gates import Gates
from croupier.adapters.imports.argo.rollout_shape import ROLLOUT
from croupier.adapters.imports.argo.strategy import Strategy
from croupier.adapters.imports.argo.valid import check_rollout
from croupier.adapters.imports.kubernetes import KUBERNETES_OWN, name_of, said_metadata
from croupier.adapters.imports.made import Made
from croupier.adapters.imports.steps import LONGEST_S

_PODS: Final = "what runs is in a croupier/v1 Service (spec.process) and its Releases; write those"
_ELSEWHERE: Final = {
    "replicas": "a version runs as many instances as its Service says (spec.process.instances)",
    "selector": "what is a version's is told by Croupier itself",
    "template": _PODS,
    "workloadRef": _PODS,
    "minReadySeconds": "an instance is ready once its health check says so (spec.process.health of the Service)",
    "revisionHistoryLimit": "every release stays known",
    "analysis": "the record keeps every measurement",
    "restartAt": KUBERNETES_OWN,
}


def checked_rollout(data: Mapping[str, Any]) -> Made:
    """The beginning: what is not valid there. Only a document without problems may be handed to ``made_of_rollout``."""
    made = Made(what="rollout")
    ROLLOUT(data, (), made)
    if not made.problems:
        made.name = name_of(data)
        check_rollout(data, made)
    return made


def made_of_rollout(data: Mapping[str, Any], gates: Gates, made: Made) -> None:
    """A Rollout with the same strategy, as far as there is one here."""
    spec = data["spec"]
    made.changed(("apiVersion",), "croupier/v1")
    made.kept(("kind",), "a Rollout of Croupier's")
    said_metadata(data, made, f"the Rollout's name, and its service's: write a croupier/v1 Service '{made.name}'")
    for name, words in _ELSEWHERE.items():
        if spec.get(name) is not None:
            made.not_needed(("spec", name), words)
    if spec.get("paused") is not None:
        if spec["paused"]:
            made.lost(("spec", "paused"), "pause one that runs: croupier rollout pause")
        else:
            made.kept(("spec", "paused"), "it is not paused")
    if spec.get("rollbackWindow") is not None:
        words = "going back to an older version by a new rollout goes through its steps; an abort goes back at once"
        made.lost(("spec", "rollbackWindow"), words)
    ours: dict[str, Any] = {"service": made.name}
    if (deadline := _deadline(spec, made)) is not None:
        ours["progressDeadline"] = f"{deadline}s"
        made.origins[0, "spec", "progressDeadline"] = ("spec", "progressDeadlineSeconds")
    canary = spec["strategy"].get("canary")
    strategy = Strategy(data, gates, made)
    written: dict[str, Any]
    if canary is None:
        written = {"blueGreen": blue_green_of(strategy)}
    else:
        steps_of_canary(strategy)
        written = {"canary": strategy.canary()}
    ours |= strategy.timing
    made.origins |= {
        (0,): (),
        (0, "metadata", "name"): ("metadata", "name"),
        (0, "spec", "service"): ("metadata", "name"),
    }
    made.documents.append(
        {
            "apiVersion": "croupier/v1",
            "kind": "Rollout",
            "metadata": {"name": made.name},
            "spec": {**ours, "strategy": written},
        }
    )


def _deadline(spec: Mapping[str, Any], made: Made) -> int | None:
    aborts, seconds = spec.get("progressDeadlineAbort"), spec.get("progressDeadlineSeconds")
    if aborts is not None:
        at = ("spec", "progressDeadlineAbort")
        if aborts:
            made.kept(at, "a canary that is not ready in time is given up")
        else:
            made.changed(at, "a canary that is not ready in time is always given up")
    if seconds is None:
        return None
    at = ("spec", "progressDeadlineSeconds")
    if seconds > LONGEST_S:
        made.changed(at, f"progressDeadline: {LONGEST_S}s, the longest there is")
        return LONGEST_S
    if aborts:
        made.kept(at, f"progressDeadline: {seconds}s")
    else:
        made.changed(at, f"progressDeadline: {seconds}s, and who is late is given up; there it is called degraded only")
    return int(seconds)
