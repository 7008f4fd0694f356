"""What both strategies of Argo's Rollout share while they are made into ours: steps, guards and timing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from croupier.adapters.imports.argo.asked import gates_of
from croupier.adapters.imports.argo.gates import Gates
from croupier.adapters.imports.made import Made, Path
from croupier.adapters.imports.steps import LONGEST_S, PERSON, Steps

_LONGEST_KEPT: Final = "8784h"
"""A year, the longest duration there is."""

_INSTANCES: Final = "a version runs all instances of its Service (spec.process.instances) from the start"
EVERYWHERE: Final = {
    "maxUnavailable": f"{_INSTANCES}, so none is ever taken away for it",
    "antiAffinity": "it concerns Kubernetes nodes",
    "scaleDownDelayRevisionLimit": "only one version left behind keeps running",
}


@dataclass(slots=True)
class Strategy:
    """A Rollout's strategy half way. ``unsure``: something that decides there has no place in the steps, so that a
    person is asked before everybody follows.
    """

    data: Mapping[str, Any]
    gates: Gates
    made: Made
    steps: Steps = field(default_factory=Steps)
    guards: list[str] = field(default_factory=list)
    timing: dict[str, str] = field(default_factory=dict)
    unsure: Path | None = None

    def ask(self, analysis: Mapping[str, Any], at: Path) -> None:
        """An analysis at this step."""
        if not self.steps.weight:
            self.made.lost(at, f"no gate sees a canary without players: put it after a setWeight; {PERSON}")
            self.steps.person(at)
            return
        names, whole = gates_of(analysis, at, self.data, self.gates, self.made)
        self.steps.ask(names, at)
        if not whole:
            self.made.differs(at, f"not all of it is asked here; {PERSON}")
            self.steps.person(at)

    def guard(self, analysis: Mapping[str, Any], at: Path) -> None:
        """An analysis that watches all along."""
        self.guards, whole = gates_of(analysis, at, self.data, self.gates, self.made)
        if not whole:
            self.unsure = at

    def keep(self, given: Mapping[str, Any], at: Path) -> None:
        """How long versions that are left keep running."""
        for name, ours in (("scaleDownDelaySeconds", "keepStable"), ("abortScaleDownDelaySeconds", "keepCanary")):
            seconds, place = given.get(name), (*at, name)
            if seconds is None:
                continue
            if seconds == 0 and ours == "keepCanary":
                self.timing[ours] = _LONGEST_KEPT
                self.made.changed(place, f"{ours}: {_LONGEST_KEPT}, the longest there is; there 0 keeps it for good")
            elif seconds > LONGEST_S:
                self.timing[ours] = _LONGEST_KEPT
                self.made.changed(place, f"{ours}: {_LONGEST_KEPT}, the longest there is")
            else:
                self.timing[ours] = f"{seconds}s"
                self.made.kept(place, f"{ours}: {seconds}s")

    def elsewhere(self, given: Mapping[str, Any], at: Path, words: Mapping[str, str]) -> None:
        """Fields that need nothing here, or stand elsewhere."""
        for name, text in words.items():
            if given.get(name) is not None:
                self.made.not_needed((*at, name), text)

    def canary(self) -> dict[str, Any]:
        """The strategy as our document has it."""
        watched: Path = ("spec", "strategy", "canary", "analysis")
        if self.guards and not any(step.get("setWeight") for step in self.steps.made):
            self.made.differs(watched, f"it never sees a player of the canary, since no step gives it any; {PERSON}")
            self.made.lacks, self.guards, self.unsure = True, [], watched
        if self.unsure is not None:
            self.steps.person(self.unsure)
        at = (0, "spec", "strategy", "canary")
        for index, origin in enumerate(self.steps.origins):
            self.made.origins[(*at, "steps", index)] = origin
        written: dict[str, Any] = {}
        if self.guards:
            written["analysis"] = {"templates": [{"templateName": name} for name in self.guards]}
            self.made.origins[(*at, "analysis")] = watched
        return {**written, "steps": self.steps.made}
