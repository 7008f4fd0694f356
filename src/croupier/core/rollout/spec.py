"""What a rollout is asked to do: steps in Argo Rollouts' vocabulary, guards, and the plan frozen at its start."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from croupier.core.gates import Gate
from croupier.core.segments import Segment


@dataclass(frozen=True, slots=True)
class SetWeight:
    """Give the canary this share of the players, in basis points (0 to 10 000)."""

    weight_bp: int
    kind: Literal["setWeight"] = "setWeight"


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait so many seconds; ``None`` waits until a person promotes."""

    duration_s: float | None = None
    kind: Literal["pause"] = "pause"


@dataclass(frozen=True, slots=True)
class Analysis:
    """Wait until every named gate has said ``pass`` since the step began."""

    gates: tuple[str, ...]
    kind: Literal["analysis"] = "analysis"


FALSE_ROLLBACKS: Final = 0.01
"""The budget of a rollout that names none."""

Step: TypeAlias = SetWeight | Pause | Analysis


@dataclass(frozen=True, slots=True)
class Timing:
    """Durations in seconds. ``progress_deadline_s``: a canary that is not ready by then is given up.

    ``keep_stable_s`` and ``keep_canary_s``: how long the version left behind is kept running after a promotion or an
    abort.
    """

    progress_deadline_s: float = 600.0
    keep_stable_s: float = 30.0
    keep_canary_s: float = 30.0


@dataclass(frozen=True, slots=True)
class RolloutSpec:
    """The ``Rollout`` document: how releases of a service are rolled out. Gates and the segment by name.

    ``false_rollbacks`` is the probability (0 to 1) with which all sequential gates together may ever blame a canary
    that is no worse.
    """

    name: str
    service: str
    steps: tuple[Step, ...]
    guards: tuple[str, ...] = ()
    segment: str | None = None
    timing: Timing = Timing()
    false_rollbacks: float = FALSE_ROLLBACKS


@dataclass(frozen=True, slots=True)
class Plan:
    """A ``RolloutSpec`` with its gates and segment filled in, frozen when the rollout starts.

    Nothing in it changes afterwards, whatever happens to the documents. ``guards`` watch all along, from the first
    step.
    """

    steps: tuple[Step, ...]
    guards: tuple[str, ...]
    gates: tuple[Gate, ...]
    segment: Segment | None = None
    timing: Timing = Timing()

    def gate(self, name: str) -> Gate:
        """The gate of that name; ``KeyError`` where the plan has none."""
        for gate in self.gates:
            if gate.name == name:
                return gate
        raise KeyError(name)
