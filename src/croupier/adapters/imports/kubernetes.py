"""What every document of Kubernetes has, and what stands beside those that are imported. Called by every tool."""

from collections.abc import Mapping
from typing import Any, Final

from croupier.adapters.imports.made import Made, Path
from croupier.adapters.imports.shape import Shape, anything, fields, mapping, named, text

KUBERNETES_OWN: Final = "it belongs to Kubernetes"
_MESSAGES: Final = "notifications.argoproj.io/"
"""How annotations begin by which Argo Rollouts tells people what happens."""

LABELS: Final[Shape] = named(text)
_METADATA: Final[Shape] = fields(
    {
        **dict.fromkeys(("name", "generateName", "namespace"), text),
        **dict.fromkeys(("labels", "annotations"), LABELS),
        **dict.fromkeys(
            (
                *("creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"),
                *("resourceVersion", "uid", "managedFields", "ownerReferences", "finalizers", "selfLink"),
            ),
            anything,
        ),
    },
)

_TOOLS: Final = {"argoproj.io/": "argo", "flagger.app/": "flagger"}
"""Who reads documents of which group."""
_ELSEWHERE: Final = {
    "Service": "players reach a service by the routes of a croupier/v1 Service",
    "Deployment": "what runs is in a croupier/v1 Service (spec.process) and its Releases",
    "StatefulSet": "what runs is in a croupier/v1 Service (spec.process) and its Releases",
    "DaemonSet": "what runs is in a croupier/v1 Service (spec.process) and its Releases",
    "HorizontalPodAutoscaler": "a version runs as many instances as its Service says (spec.process.instances)",
    "ScaledObject": "a version runs as many instances as its Service says (spec.process.instances)",
    "Secret": "put what gates need below CROUPIER_SECRETS_DIR",
    "AnalysisRun": "import the AnalysisTemplate that it was made of",
    "AlertProvider": "declare the receiver in CROUPIER_NOTIFIERS_FILE",
}
_TRAFFIC: Final = (
    *("Ingress", "VirtualService", "DestinationRule", "Gateway", "HTTPRoute", "GRPCRoute", "TrafficSplit"),
    *("TraefikService", "IngressRoute", "Mapping", "ApisixRoute", "VirtualRouter", "VirtualNode", "Mesh"),
)


def metadata(data: Any, at: Path, made: Made) -> None:
    """The shape of ``metadata``: a name, or the beginning of one that Kubernetes completes."""
    _METADATA(data, at, made)
    if isinstance(data, Mapping) and data.get("name") is None and data.get("generateName") is None:
        made.wrong(at, "'name' is missing.", f"{made.tool} refuses the file, too: add it.")


def name_of(data: Mapping[str, Any]) -> str:
    """What the document is called. Where Kubernetes would add five letters of its own, it is called without them."""
    given = data["metadata"]
    return str(given["generateName"]).rstrip("-.") if given.get("name") is None else str(given["name"])


def said_metadata(data: Mapping[str, Any], made: Made, words: str) -> None:
    """A line for each field of the metadata; ``words`` are about the name."""
    given = data.get("metadata") or {}
    for name in given:
        if name == "name" and given[name] is not None:
            made.kept(("metadata", name), words)
        elif name == "generateName" and given.get("name") is None:
            made.changed(("metadata", name), f"'{name_of(data)}', since no letters are added to names here: {words}")
        elif name == "annotations" and any(key.startswith(_MESSAGES) for key in given[name] or ()):
            _said_annotations(given[name], made)
        else:
            made.not_needed(("metadata", name), KUBERNETES_OWN)
    if data.get("status") is not None:
        made.not_needed(("status",), KUBERNETES_OWN)


def _said_annotations(annotations: Mapping[str, Any], made: Made) -> None:
    """A line for each, since some of them ask for messages."""
    for key in annotations:
        at = ("metadata", "annotations", key)
        if key.startswith(_MESSAGES):
            made.lost(at, "declare who is told of what happens (CROUPIER_NOTIFIERS_FILE)")
        else:
            made.not_needed(at, KUBERNETES_OWN)


def unfolded(data: Any, at: Path = ()) -> list[tuple[Path, Any]]:
    """The document and, for a list of documents, each of its items, with the places where they stand in it."""
    found = [(at, data)]
    if not _is_list(data):
        return found
    kind, version = data["kind"].removesuffix("List"), data.get("apiVersion")
    for position, item in enumerate(data["items"]):
        if kind and isinstance(item, Mapping):  # the items of a RolloutList need not say what they are
            item = {"apiVersion": version, "kind": kind} | dict(item)  # noqa: PLW2901
        found += unfolded(item, (*at, "items", position))
    return found


def _is_list(data: Any) -> bool:
    if not isinstance(data, Mapping) or not isinstance(data.get("items"), list):
        return False
    kind, version = data.get("kind"), str(data.get("apiVersion"))
    ours = version.startswith(("argoproj.io/", "flagger.app/"))
    return kind == "List" or (ours and isinstance(kind, str) and kind.endswith("List"))


def passed_over(data: Mapping[str, Any], made: Made, imported: str, *, foreign: bool) -> None:
    """One line about a whole document of a kind that is not imported, by its name. ``foreign``: it is not of the tool
    itself.
    """
    given = data.get("metadata")
    name = (given.get("name") or given.get("generateName")) if isinstance(given, Mapping) else None
    version, kind = str(data.get("apiVersion", ""))[:60], data.get("kind")
    kind = kind[:60] if isinstance(kind, str) else ""
    what = (kind or "a document without a kind") + (f" '{name[:253]}'" if isinstance(name, str) else "")
    if _is_list(data):
        made.not_needed((), f"{what}: its {len(data['items'])} items are imported one by one")
        return
    other = next((tool for group, tool in _TOOLS.items() if foreign and version.startswith(group)), None)
    hint = f"croupier import {other}" if other else _ELSEWHERE.get(kind, "")
    hint = "Croupier moves the traffic itself" if kind in _TRAFFIC else hint
    whose = f" ('{version}' is not of {made.tool})" if foreign else ""
    made.not_needed((), f"{what} is passed over{whose}: {hint or f'imported are {imported}'}")


DOCUMENT: Final[Mapping[str, Shape]] = {
    "apiVersion": text,
    "kind": text,
    "metadata": metadata,
    "status": mapping,
}
