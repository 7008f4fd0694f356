"""What a rollout is asked to do: steps in Argo Rollouts' vocabulary, guards, and the plan frozen at its start."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, TypeAlias

from croupier.core.gates import Gate
from croupier.core.releases import Affinity
from croupier.core.rollout.consent import Consent
from croupier.core.rollout.profile.model import Chosen, Disruption, Used
from croupier.core.rollout.shadow.mirror import EVERY_READ, Allowed, Compare
from croupier.core.segments import BUCKETS, Segment
from croupier.core.smoke.model import SmokeCheck


@dataclass(frozen=True, slots=True)
class SetWeight:
    """Give the canary this share of the players, in basis points (0 to 10 000)."""

    weight_bp: int
    kind: Literal["setWeight"] = "setWeight"


class SegmentFail(StrEnum):
    """What a gate that guards a single segment does when it fails."""

    ABORT = "abort"
    """Everybody goes back."""
    HOLD = "hold"
    """The segment's players go back, and the others go on."""


@dataclass(frozen=True, slots=True)
class SetSegment:
    """Give the canary this share (basis points) of the players in the segment, whatever everybody's is. In a
    ``RolloutSpec`` a segment without matches is one that is declared elsewhere; a plan's has them.

    ``guards`` are gates that judge the segment's players alone while they have the canary: in a spec the gates' names,
    in a plan those of the gates made of them (``deposits@se``). ``on_fail`` is what such a gate does when it fails.
    """

    segment: Segment
    weight_bp: int
    kind: Literal["setSegment"] = "setSegment"
    guards: tuple[str, ...] = ()
    on_fail: SegmentFail = SegmentFail.ABORT


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait so many seconds; ``None`` waits until a person promotes."""

    duration_s: float | None = None
    kind: Literal["pause"] = "pause"


@dataclass(frozen=True, slots=True)
class SetMirrorRoute:
    """Copy this share (basis points) of the allowed requests to the canary until a step of that name says otherwise;
    0: no more. The steps go on at once.
    """

    name: str
    share_bp: int
    allowed: tuple[Allowed, ...] = EVERY_READ
    kind: Literal["setMirrorRoute"] = "setMirrorRoute"


@dataclass(frozen=True, slots=True)
class Shadow:
    """Copy this share (basis points) of the allowed requests, without the ``withheld`` headers, for so many seconds,
    and compare answers if asked to.
    """

    share_bp: int
    duration_s: float
    allowed: tuple[Allowed, ...] = EVERY_READ
    withheld: tuple[str, ...] = ()
    compare: Compare | None = None
    kind: Literal["shadow"] = "shadow"


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
class Approval:
    """Wait until so many people other than the one who started the rollout have approved of going on."""

    consent: Consent
    kind: Literal["approval"] = "approval"


@dataclass(frozen=True, slots=True)
class Smoke:
    """Run these smoke checks against the canary, and wait until all have passed. As a step: then; of a rollout: after
    every switch.

    ``on_fail`` goes back or asks a person. ``on_no_data`` takes the place of what the rollout says about results that
    do not come.
    """

    checks: tuple[str, ...]
    on_fail: Resort = Resort.ABORT
    on_no_data: Undecided | None = None
    kind: Literal["smoke"] = "smoke"


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


@dataclass(frozen=True, slots=True)
class SetFlag:
    """Let the flag answer ``variant`` to this share of the players (basis points), the rest as before; then wait until
    clients have it, for ``wait_s`` seconds at the most.
    """

    flag: str
    variant: str = "on"
    share_bp: int = BUCKETS
    wait_s: float = 10.0
    kind: Literal["flag"] = "flag"


FALSE_ROLLBACKS: Final = 0.01
"""The budget of a rollout that names none."""

Step: TypeAlias = SetWeight | SetSegment | SetMirrorRoute | Shadow | Pause | Analysis | Approval | Smoke | SetFlag
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
class BlueGreen:
    """Two stacks and one switch. ``blue_green`` makes the steps of it.

    ``checks`` (smoke) and then ``before`` (gates) must pass while nobody has the new version; then a person says when
    (``by_hand``), or it goes on after ``wait_s`` seconds. After the switch it is watched for ``watch_s`` seconds before
    the old stack is given up, which is kept for ``keep_s`` seconds more.
    """

    before: tuple[str, ...] = ()
    by_hand: bool = False
    wait_s: float | None = None
    watch_s: float = 600.0
    keep_s: float = 3600.0
    checks: Smoke | None = None


@dataclass(frozen=True, slots=True)
class RolloutSpec:
    """The ``Rollout`` document: how releases of a service are rolled out. Gates and the segment by name.

    ``false_rollbacks`` is the probability (0 to 1) with which all sequential gates together may ever blame a canary
    that is no worse. ``profile`` gave it what it does not say itself; ``consent`` is needed before it begins.

    ``services`` are those that move as one, in the order of moving up, the first of them being ``service``; none where
    it is about one. ``only`` are gates that are about some of them: gate and service.
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
    blue_green: BlueGreen | None = None
    """What the steps were made of, if it was that."""
    profile: Chosen | None = None
    consent: Consent | None = None
    disruption: Disruption | None = None
    smoke: Smoke | None = None
    services: tuple[str, ...] = ()
    only: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """One of the services that move as one: the release that it gets, and the rollout that gives it."""

    service: str
    version: str
    rollout: str


@dataclass(frozen=True, slots=True)
class Together:
    """Rollouts that move as one, in the order of moving up. ``id`` is in the salt of all of them."""

    id: str
    members: tuple[Member, ...]


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
    step. ``edition`` is that of the gates' arithmetic; ``None``: begun before editions were noted. Before it begins
    ``consent`` is needed; ``loosened`` says in what it is less careful than its ``profile``, which counts on
    ``affinity`` as the service had it then. ``together``: the rollouts that this one moves with.
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
    blue_green: BlueGreen | None = None
    profile: Used | None = None
    hotfix: bool = False
    consent: Consent | None = None
    loosened: tuple[str, ...] = ()
    disruption: Disruption | None = None
    smoke: Smoke | None = None
    checks: tuple[SmokeCheck, ...] = ()
    together: Together | None = None
    affinity: Affinity | None = None

    def gate(self, name: str) -> Gate:
        """The gate of that name, or whose watch of a group it is (``deposits/psp=kestrel``). ``KeyError`` where there
        is none.
        """
        for gate in self.gates:
            if gate.name == name:
                return gate
        # A segment's values may have a slash, too: the longest name that fits is the gate's.
        watched = [gate for gate in self.gates if name.startswith(f"{gate.name}/")]
        if not watched:
            raise KeyError(name)
        return max(watched, key=lambda gate: len(gate.name))
