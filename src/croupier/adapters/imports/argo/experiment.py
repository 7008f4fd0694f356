"""Argo's Experiment runs pods beside each other; nothing here does. Its fields are checked and named. Called by
``convert``.
"""

from collections.abc import Mapping
from typing import Any

from croupier.adapters.imports.argo.pods import check_pods
from croupier.adapters.imports.argo.rollout_shape import EXPERIMENT
from croupier.adapters.imports.argo.valid import check_args
from croupier.adapters.imports.kubernetes import name_of, said_metadata
from croupier.adapters.imports.made import Made

_WORDS = {
    "templates": "no pods run beside a rollout: compare canary and stable version by a Gate with a comparison",
    "duration": "a canary is watched as long as its steps last: write a pause into a Rollout",
    "progressDeadlineSeconds": "it is a field of Rollouts here (progressDeadline)",
    "terminate": "there is nothing to end",
    "analyses": "name the Gates of these templates in a Rollout (analysis)",
    "dryRun": "a Gate says so itself: write dryRun into the metric",
    "measurementRetention": "a Gate says so itself: write measurementRetention into the metric",
    "analysisRunMetadata": "there are no runs to name",
    "scaleDownDelaySeconds": "there is nothing to end",
}


def made_of_experiment(data: Mapping[str, Any]) -> Made:
    """Nothing but a report."""
    made = Made(what="experiment")
    EXPERIMENT(data, (), made)
    if made.problems:
        return made
    made.name = name_of(data)
    for position, each in enumerate(data["spec"]["templates"]):
        check_pods(each["template"], ("spec", "templates", position, "template"), made)
    for position, each in enumerate(data["spec"].get("analyses") or ()):
        check_args(each, ("spec", "analyses", position), made)
    words = "an Experiment has no counterpart: which variant of a flag does better is another (croupier experiment)"
    made.lost(("apiVersion",), words)
    made.lost(("kind",), words)
    said_metadata(data, made, "the name of what is not carried over")
    for name, text in _WORDS.items():
        if data["spec"].get(name) is not None:
            made.lost(("spec", name), text)
    return made
