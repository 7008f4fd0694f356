"""Argo's blue-green, as ours: checks before the switch, a person or the clock, the switch, the watch after it. Used by
``rollout`` for documents that are valid there.
"""

from typing import Any, Final

from croupier.adapters.imports.argo.asked import gates_of
from croupier.adapters.imports.argo.strategy import EVERYWHERE, Strategy
from croupier.adapters.imports.kubernetes import KUBERNETES_OWN
from croupier.adapters.imports.made import Path
from croupier.adapters.imports.steps import LONGEST_S

_AT: Final[Path] = ("spec", "strategy", "blueGreen")
_KEPT: Final = "30s"
"""What both stacks are kept for there after they were left, unless it is said."""
_PERSON: Final = "not all of it is asked here; autoPromotionEnabled: false, so that a person switches and watches"
_ELSEWHERE: Final = {
    **EVERYWHERE,
    "scaleDownDelayRevisionLimit": "each version left behind is kept for its time",
    "activeService": "players reach the service by its routes (spec.routes of the Service)",
    "previewService": "the new version is at the preview address, the same for all services: "
    "set CROUPIER_EDGE_PREVIEW_PORT",
    "previewMetadata": KUBERNETES_OWN,
    "activeMetadata": KUBERNETES_OWN,
}


def blue_green_of(strategy: Strategy) -> dict[str, Any]:
    """The strategy as our document has it."""
    given, made = strategy.data["spec"]["strategy"]["blueGreen"], strategy.made
    strategy.elsewhere(given, _AT, _ELSEWHERE)
    if given.get("previewReplicaCount") is not None:
        made.changed((*_AT, "previewReplicaCount"), "both stacks run all instances of the Service from the start")
    written: dict[str, Any] = _when(strategy)
    for name in ("prePromotionAnalysis", "postPromotionAnalysis"):
        if (analysis := given.get(name)) is None:
            continue
        names, whole = gates_of(analysis, (*_AT, name), strategy.data, strategy.gates, made)
        if names:
            written[name] = {"templates": [{"templateName": each} for each in names]}
        if not whole:
            made.differs((*_AT, name), _PERSON)
            written.pop("autoPromotionSeconds", None)
            written["autoPromotionEnabled"] = False
    for name in written:
        made.origins[(0, *_AT, name)] = (*_AT, name)
    strategy.keep(given, _AT)
    if {"keepStable", "keepCanary"} - strategy.timing.keys():
        longer = f"beside {', '.join(strategy.timing)}" if strategy.timing else "write 1h, and the way back stays open"
        made.differs(_AT, f"keep: {_KEPT}, as there; {longer}")
        written["keep"] = _KEPT
    made.differs(
        _AT, "watch: 0s: promoted once postPromotionAnalysis has passed, as there; a watch of minutes is safer"
    )
    written["watch"] = "0s"
    return written


def _when(strategy: Strategy) -> dict[str, Any]:
    """Who says when: a person, or the clock."""
    given, made = strategy.data["spec"]["strategy"]["blueGreen"], strategy.made
    enabled, seconds = given.get("autoPromotionEnabled"), given.get("autoPromotionSeconds")
    if enabled is not None:
        words = "the switch needs nobody" if enabled else "a person switches: croupier rollout promote"
        made.kept((*_AT, "autoPromotionEnabled"), words)
    if seconds is not None and enabled is False:
        made.not_needed((*_AT, "autoPromotionSeconds"), "of no effect without autoPromotionEnabled, there too")
    elif seconds is not None and seconds > LONGEST_S:
        made.changed((*_AT, "autoPromotionSeconds"), f"{LONGEST_S}, the longest there is")
    elif seconds is not None:
        made.kept((*_AT, "autoPromotionSeconds"), "the same")
    written: dict[str, Any] = {} if enabled is None else {"autoPromotionEnabled": enabled}
    if seconds is not None and enabled is not False:
        written["autoPromotionSeconds"] = min(seconds, LONGEST_S)
    return written
