"""The three strategies of a canary as steps: weights, A/B tests, and blue-green, which there is not. Called by
``canary``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from croupier.adapters.imports.flagger.match import segment_of
from croupier.adapters.imports.flagger.metrics import Metrics
from croupier.adapters.imports.flagger.weights import AT, said_weights, weights_of
from croupier.adapters.imports.made import Made, Path
from croupier.adapters.imports.steps import LONGEST_S, PERSON, Steps, seconds_text

_MOST_STEPS: Final = 190
"""A Rollout has at most 200 steps, and a few stand around the weights."""


@dataclass(slots=True)
class Strategy:
    """A canary's steps half way. ``hooks`` are the kinds of webhooks that there are, with their places."""

    analysis: Mapping[str, Any]
    metrics: Metrics
    hooks: Mapping[str, Path]
    made: Made
    name: str
    steps: Steps = field(default_factory=Steps)
    segment: dict[str, Any] | None = None

    def make(self) -> None:
        """All steps; what decides there and cannot here becomes a wait for a person."""
        for kind in ("confirm-rollout", "pre-rollout"):
            if kind in self.hooks:
                self.steps.person(self.hooks[kind])
        matched = self._match() if self.analysis.get("match") else True
        if self.analysis.get("iterations") is None:
            self._rise(matched)
        elif self.analysis.get("match"):
            self._test(matched)
        else:
            self._switch()
        if "confirm-promotion" in self.hooks:
            self.steps.person(self.hooks["confirm-promotion"])
        elif "rollout" in self.hooks:
            self.steps.person(self.hooks["rollout"])
        elif not self.metrics.whole:
            self.steps.person((*AT, "metrics"))
            self.made.differs((*AT, "metrics"), f"not all of them are asked as there; at the end {PERSON}")

    def _match(self) -> bool:
        """Whether a Segment can say whom the canary is for."""
        at: Path = (*AT, "match")
        found = segment_of(self.analysis["match"])
        if found is None:
            words = (
                "a Segment compares a header's whole value: not a part of it, a cookie or a query, nor one or another"
            )
            self.made.lost(at, f"{words}. Let the edge set a header for these players, and name a Segment; {PERSON}")
            self.steps.person(at)
            return False
        match, headers = found
        name = f"{self.name}-match"[:63].strip("-.")
        attributes = ", ".join(f"{attribute}: {header}" for attribute, header in headers.items())
        words = f"the Segment '{name}': until everybody gets the canary, only its players do"
        self.made.changed(at, f"{words}. The Service needs attributes: {{{attributes}}}")
        self.segment = {
            "apiVersion": "croupier/v1",
            "kind": "Segment",
            "metadata": {"name": name},
            "spec": {"match": match},
        }
        return True

    def _rise(self, matched: bool) -> None:
        weights = weights_of(self.analysis)
        said_weights(self.analysis, weights, self.made)
        if not matched:
            self._everybody((*AT, "match"))
            return
        asks = "confirm-traffic-increase" in self.hooks
        way = "stepWeights" if self.analysis.get("stepWeights") else "stepWeight"
        while len(weights) * (3 if asks else 2) > _MOST_STEPS:
            weights = [*weights[:-1:2], weights[-1]]
            self.made.differs((*AT, way), "a Rollout has at most 200 steps: every second of its weights is left out")
        for weight in weights:
            if asks:
                self.steps.person(self.hooks["confirm-traffic-increase"])
            self.steps.weigh(weight, (*AT, way))
            self._check((*AT, way))

    def _test(self, matched: bool) -> None:
        at: Path = (*AT, "iterations")
        count = self.analysis["iterations"]
        self._unweighted()
        if not matched:
            self.made.lost(at, "without a Segment nobody is told apart: after a person, everybody gets it, watched")
            self._everybody(at)
            return
        long_s = min(count * self.metrics.every_s, LONGEST_S)
        self.made.changed(
            at, f"all players of the Segment get the canary, for {seconds_text(long_s)} ({count} looks) at the least"
        )
        self.steps.weigh(100, at)
        self.steps.wait(seconds_text(long_s), at)
        if self.metrics.gates:
            self.steps.ask(self.metrics.gates, at)

    def _switch(self) -> None:
        at: Path = (*AT, "iterations")
        self._unweighted()
        words = (
            "no gate sees a canary without players. A person switches (pause: {}, then croupier rollout promote), and "
            "the gates look after it, at setWeight: 100; strategy.blueGreen does so with a preview address"
        )
        self.made.lost(at, words)
        self.steps.person(at)
        self._everybody(at)

    def _everybody(self, at: Path) -> None:
        self.steps.weigh(100, at)
        self._check(at)

    def _check(self, at: Path) -> None:
        if self.metrics.gates:
            self.steps.ask(self.metrics.gates, at)
        else:
            self.steps.wait(seconds_text(self.metrics.every_s), at)

    def _unweighted(self) -> None:
        for name in ("maxWeight", "stepWeightPromotion"):
            if self.analysis.get(name) is not None:
                self.made.kept((*AT, name), "of no effect beside iterations, there too")
