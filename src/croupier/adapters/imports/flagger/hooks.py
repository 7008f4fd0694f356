"""The webhooks of a canary: what decides there becomes a wait for a person. Called by ``canary``."""

from collections.abc import Mapping
from typing import Any, Final

from croupier.adapters.imports.flagger.weights import AT
from croupier.adapters.imports.made import Made, Path
from croupier.adapters.imports.steps import PERSON

_ITSELF: Final = "nothing is asked over HTTP before it goes on: whoever answers there says"
_MEASURE: Final = "or write a Gate that asks it, if it answers in JSON (analysis, provider web)"
_CONFIRMS: Final = {
    "confirm-rollout": "pause: {} is the first step",
    "confirm-traffic-increase": "pause: {} is before each weight",
    "confirm-promotion": "pause: {} is the last step",
}
_LOST: Final = {
    "pre-rollout": f"no URL is called; write a SmokeCheck (a scenario, or any command), and smoke: NAME instead of the "
    f"pause; {PERSON}",
    "rollout": f"nothing is called at each look: run load beside, {_MEASURE}, or a SmokeCheck, which runs after every "
    f"switch (spec.smoke); at the end {PERSON}",
    "post-rollout": "nothing is called at the end: a receiver of alerts can (CROUPIER_NOTIFIERS_FILE)",
    "rollback": "nothing is asked whether to go back: whoever answers there says croupier rollout abort",
    "event": "declare a receiver of alerts (CROUPIER_NOTIFIERS_FILE)",
}


def hooks_of(analysis: Mapping[str, Any], made: Made) -> dict[str, Path]:
    """The kinds of hooks there are, each with the place of the first; a line for every hook."""
    found: dict[str, Path] = {}
    for position, hook in enumerate(analysis.get("webhooks") or ()):
        at: Path = (*AT, "webhooks", position)
        kind = hook.get("type") or "rollout"
        found.setdefault(kind, at)
        if kind in _CONFIRMS:
            made.changed(at, f"{_ITSELF} croupier rollout promote; {_CONFIRMS[kind]}")
        elif kind == "rollback":
            made.changed(at, _LOST[kind])
        else:
            made.lost(at, _LOST[kind])
    return found
