"""What runs in pods is not carried over, and yet it is looked at: Argo Rollouts refuses pods of nothing. Quantities are
the cluster's own: Argo Rollouts takes any. Called for Rollouts, Experiments and the jobs of metrics.
"""

from collections.abc import Mapping
from typing import Any, Final

from croupier.adapters.imports.made import Made, Path
from croupier.adapters.imports.shape import Shape, many, partly, text

_LISTS: Final = ("containers", "initContainers", "ephemeralContainers")

_CONTAINER: Final = partly({"name": text, "image": text}, needed=("name",))
PODS: Final[Shape] = partly({"spec": partly({name: many(_CONTAINER) for name in _LISTS})})
"""What every template of pods must be like."""

JOB: Final[Shape] = partly({"spec": partly({"template": PODS})})
"""A job that measures."""


def check_pods(template: Mapping[str, Any], at: Path, made: Made) -> None:
    """What a ReplicaSet is refused for although every field is of the right kind."""
    spec = template.get("spec") or {}
    too = f"{made.tool} refuses it, too:"
    if not spec.get("containers"):
        made.wrong(at, "its pods have no containers.", f"{too} write spec: {{containers: [{{name: …, image: …}}]}}.")
    if spec.get("restartPolicy") not in (None, "Always"):
        made.wrong((*at, "spec", "restartPolicy"), "pods that stay are always restarted.", f"{too} remove it.")
    names = set[str]()
    for kind in _LISTS:
        for position, container in enumerate(spec.get(kind) or ()):
            place = (*at, "spec", kind, position)
            if container["name"] in names:
                made.wrong((*place, "name"), f"two containers are called '{container['name']}'.", f"{too} rename one.")
            names.add(container["name"])
            if not container.get("image"):
                made.wrong(place, "'image' is missing.", f"{too} add it.")
