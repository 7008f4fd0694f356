"""What a rollout is asked to do: steps in Argo Rollouts' vocabulary, guards, and the plan frozen at its start."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, TypeAlias

from croupier.core.gates import Gate
from croupier.core.segments import Segment


@dataclass(frozen=True, slots=True)
class SetWeight:
    """Give the canary this share of the players, in basis points (0 to 10 000)."""

    weight_bp: int
    kind: Literal["setWeight"] = "setWeight"


@dataclass(frozen=True, slots=True)
class SetSegment:
    """Give the canary this share (basis points) of the players in the segment, whatever everybody's is. In a
    ``RolloutSpec`` a segment without matches is one that is declared elsewhere; a plan's has them.
    """

    segment: Segment
    weight_bp: int
    kind: Literal["setSegment"] = "setSegment"


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait so many seconds; ``None`` waits until a person promotes."""

    duration_s: float | None = None
    kind: Literal["pause"] = "pause"


class Resort(StrEnum):
    """What a rollout does that waited long enough for a gate."""

    HOLD = "hold"
    """Waits on."""
    PAUSE = "pause"
    """Waits for a person, whatever the gate says later."""
    ABORT = "abort"
    """Goes back."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """What to do when a gate that keeps the rollout from going on could not decide for ``after_s`` seconds."""

    then: Resort = Resort.HOLD
    after_s: float = 1800.0


INCONCLUSIVE: Final = Undecided()
NO_DATA: Final = Undecided(after_s=300.0)
"""What a rollout does that says nothing about it: it waits on."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """Wait until every named gate has said ``pass`` since the step began.

    ``harm``, ``dwell`` and ``patience`` take the place of what sequential gates say themselves, ``on_inconclusive`` and
    ``on_no_data`` of what the rollout says; ``None`` leaves it as it is.
    """

    gates: tuple[str, ...]
    kind: Literal["analysis"] = "analysis"
    harm: int | None = None
    dwell: int | None = None
    patience: int | None = None
    on_inconclusive: Undecided | None = None
    on_no_data: Undecided | None = None


@dataclass(frozen=True, slots=True)
class Auto:
    """Weights as the service's traffic allows, each left as soon as evidence allows it. ``pace`` makes steps of it.

    ``weights_bp``: the lowest first weight, and those that follow (basis points, rising). ``first_bp`` and ``last_bp``
    are chosen by the traffic unless given. ``harm`` and ``dwell`` are those of an analysis; the highest weight is left
    after ``bake`` samples at the least. Then the last weight is watched for ``watch_s`` seconds, with a baseline to
    compare with, before everybody follows.
    """

    weights_bp: tuple[int, ...] = (100, 500, 1_000, 2_500, 5_000)
    first_bp: int | None = None
    last_bp: int | None = None
    harm: int | None = None
    dwell: int | None = None
    bake: int = 30
    watch_s: float = 1200.0
    kind: Literal["auto"] = "auto"


FALSE_ROLLBACKS: Final = 0.01
"""The budget of a rollout that names none."""

Step: TypeAlias = SetWeight | SetSegment | Pause | Analysis
Asked: TypeAlias = Step | Auto
"""What people write as a step; ``Auto`` becomes several when the rollout starts."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Durations in seconds. ``progress_deadline_s``: a canary that is not ready by then is given up, and so is one
    whose weight is not seen to be served by then.

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
    steps: tuple[Asked, ...]
    guards: tuple[str, ...] = ()
    segment: str | None = None
    timing: Timing = Timing()
    false_rollbacks: float = FALSE_ROLLBACKS
    on_inconclusive: Undecided = INCONCLUSIVE
    on_no_data: Undecided = NO_DATA


@dataclass(frozen=True, slots=True)
class Pace:
    """How ``steps: auto`` came by its weights: the service's requests a second just before the start (``None``: nobody
    could say), and the first and the last weight (basis points).
    """

    per_s: float | None
    first_bp: int
    last_bp: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A ``RolloutSpec`` with its gates and segment filled in, frozen when the rollout starts.

    Nothing in it changes afterwards, whatever happens to the documents. ``guards`` watch all along, from the first
    step. ``edition`` is that of the gates' arithmetic; ``None``: begun before editions were noted.
    """

    steps: tuple[Step, ...]
    guards: tuple[str, ...]
    gates: tuple[Gate, ...]
    segment: Segment | None = None
    timing: Timing = Timing()
    on_inconclusive: Undecided = INCONCLUSIVE
    on_no_data: Undecided = NO_DATA
    pace: Pace | None = None
    edition: int | None = None

    def gate(self, name: str) -> Gate:
        """The gate of that name, or whose watch of a group it is (``deposits/psp=kestrel``). ``KeyError`` where there
        is none.
        """
        own = name.partition("/")[0]
        for gate in self.gates:
            if gate.name == own:
                return gate
        raise KeyError(name)
