"""What every document of Kubernetes has, and what stands beside those that are imported. Called by every tool."""

from collections.abc import Mapping
from typing import Any, Final

from croupier.adapters.imports.made import Made
from croupier.adapters.imports.shape import Shape, anything, fields, mapping, named, text

NOTHING_TO_DO: Final = "it belongs to Kubernetes; nothing to do"

LABELS: Final[Shape] = named(text)
METADATA: Final[Shape] = fields(
    {
        "name": text,
        "namespace": text,
        "labels": LABELS,
        "annotations": LABELS,
        **dict.fromkeys(
            (
                "creationTimestamp",
                "generation",
                "resourceVersion",
                "uid",
                "managedFields",
                "ownerReferences",
                "finalizers",
                "selfLink",
            ),
            anything,
        ),
    },
    needed=("name",),
)

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
    "List": "write its items as documents of their own, separated by ---",
}
_TRAFFIC: Final = (
    *("Ingress", "VirtualService", "DestinationRule", "Gateway", "HTTPRoute", "GRPCRoute", "TrafficSplit"),
    *("TraefikService", "IngressRoute", "Mapping", "ApisixRoute", "VirtualRouter", "VirtualNode", "Mesh"),
)


def said_metadata(data: Mapping[str, Any], made: Made, words: str) -> None:
    """A line for each field of the metadata; ``words`` are about the name."""
    for name in data.get("metadata") or {}:
        if name == "name":
            made.kept(("metadata", name), words)
        else:
            made.left_out(("metadata", name), NOTHING_TO_DO)
    if data.get("status") is not None:
        made.left_out(("status",), NOTHING_TO_DO)


def passed_over(data: Mapping[str, Any], made: Made, imported: str, *, foreign: bool) -> None:
    """A document of a kind that is not imported, by its name. ``foreign``: it is not of the tool itself."""
    metadata = data.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    version, kind = str(data.get("apiVersion", ""))[:60], data.get("kind")
    kind = kind[:60] if isinstance(kind, str) else ""
    what = (kind or "a document without a kind") + (f" '{name[:253]}'" if isinstance(name, str) else "")
    hint = "Croupier moves the traffic itself" if kind in _TRAFFIC else _ELSEWHERE.get(kind, "")
    if foreign:
        made.left_out(("apiVersion",), f"'{version}' is not of {made.tool}; {what} is passed over")
    made.left_out(("kind",), f"{what} is not imported: {hint or f'imported are {imported}'}")


DOCUMENT: Final[Mapping[str, Shape]] = {
    "apiVersion": text,
    "kind": text,
    "metadata": METADATA,
    "status": mapping,
}
