"""Argo's blue-green: there is none here yet, so everybody is switched by a canary that goes from nobody to all. Called
by ``rollout`` for documents that are valid there.
"""

from typing import Final

from croupier.adapters.imports.argo.strategy import EVERYWHERE, Strategy
from croupier.adapters.imports.kubernetes import NOTHING_TO_DO
from croupier.adapters.imports.made import Path
from croupier.adapters.imports.steps import LONGEST_S

_AT: Final[Path] = ("spec", "strategy", "blueGreen")
_NO_PREVIEW: Final = "there is no preview: the new version runs, and nobody reaches it before the switch"
_ELSEWHERE: Final = {
    **EVERYWHERE,
    "activeService": "players reach the service by its routes (spec.routes of the Service)",
    "previewMetadata": NOTHING_TO_DO,
    "activeMetadata": NOTHING_TO_DO,
}


def steps_of_blue_green(strategy: Strategy) -> None:
    """A wait for the switch, the switch, and the watch after it."""
    given, made, steps = strategy.data["spec"]["strategy"]["blueGreen"], strategy.made, strategy.steps
    words = "there is no blue-green yet: the canary gets nobody, then everybody, and goes back at once while keepStable"
    made.differs(_AT, f"{words} lasts")
    made.lacks = True
    strategy.elsewhere(given, _AT, _ELSEWHERE)
    strategy.keep(given, _AT)
    for name in ("previewService", "previewReplicaCount"):
        if given.get(name) is not None:
            made.lost((*_AT, name), _NO_PREVIEW)
    if (before := given.get("prePromotionAnalysis")) is not None:
        strategy.ask(before, (*_AT, "prePromotionAnalysis"))
    _wait(strategy)
    after = given.get("postPromotionAnalysis")
    steps.weigh(100, (*_AT, "postPromotionAnalysis") if after is not None else _AT)
    if after is not None:
        at = (*_AT, "postPromotionAnalysis")
        strategy.ask(after, at)
        made.differs(at, "it is a step at setWeight: 100: everybody has the new version, and goes back if it fails")


def _wait(strategy: Strategy) -> None:
    """Who says when: a person, or the clock."""
    given, made = strategy.data["spec"]["strategy"]["blueGreen"], strategy.made
    enabled, seconds = given.get("autoPromotionEnabled"), given.get("autoPromotionSeconds")
    if enabled is not None:
        words = "the switch needs nobody" if enabled else "pause: {} before the switch: croupier rollout promote"
        made.kept((*_AT, "autoPromotionEnabled"), words)
    if seconds is not None:
        at = (*_AT, "autoPromotionSeconds")
        if enabled is False:
            made.kept(at, "of no effect without autoPromotionEnabled, there too")
        else:
            made.kept(at, f"pause: {{duration: {seconds}s}} before the switch")
    if enabled is False:
        strategy.steps.person((*_AT, "autoPromotionEnabled"))
    elif seconds:
        strategy.steps.wait(f"{min(seconds, LONGEST_S)}s", (*_AT, "autoPromotionSeconds"))
