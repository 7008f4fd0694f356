"""A profile: the steps, gates and bounds that are usual for the releases of a domain (payments, live games, …).

Read from the files that come with the package, kept with the Rollout document that names one. ``apply`` fills a rollout
by it, ``loosened`` says where a plan is less careful.
"""

from dataclasses import dataclass
from typing import Final

from croupier.core.gates import Gate
from croupier.core.rollout.consent import Consent
from croupier.core.segments import BUCKETS


@dataclass(frozen=True, slots=True)
class Disruption:
    """How fast players may be moved: at least ``between_s`` seconds from one rise of the canary's share to the next,
    and no rise of more than ``jump_bp`` basis points. Going back is never bound by it.
    """

    between_s: float = 0.0
    jump_bp: int = BUCKETS


@dataclass(frozen=True, slots=True)
class Rung:
    """A share of the players (basis points), and for how many seconds at the least nobody else follows; before it,
    ``consent`` is asked for, if at all.
    """

    weight_bp: int
    hold_s: float
    consent: Consent | None = None


@dataclass(frozen=True, slots=True)
class Lane:
    """A way to everybody: rungs from the first players on, what a start needs, and how fast players may be moved."""

    rungs: tuple[Rung, ...]
    consent: Consent | None = None
    disruption: Disruption = Disruption()


HOTFIX: Final = Lane((Rung(100, 120.0), Rung(500, 180.0), Rung(2_500, 120.0)), disruption=Disruption(60.0, 7_500))
"""The lane of rollouts without a profile, and that of the profile ``generic``."""


@dataclass(frozen=True, slots=True)
class Lasting:
    """What begins on one version in a domain and has to end there: kinds of ids that the service's affinity is to have,
    and for how many seconds at the least they are kept, as ``Affinity`` has it.
    """

    kinds: tuple[str, ...]
    ttl_s: float
    drain_s: float


@dataclass(frozen=True, slots=True)
class Profile:
    """``gates`` guard all along. ``false_rollbacks`` is the budget (a probability) of all of them together;
    ``keep_stable_s`` and ``progress_deadline_s`` (seconds) are those of a rollout's ``Timing``. ``lasting`` is asked of
    the service; ``None``: nothing lasts for longer than a request. ``digest`` is that of the file's content.
    """

    name: str
    digest: str
    usual: Lane
    gates: tuple[Gate, ...] = ()
    hotfix: Lane = HOTFIX
    false_rollbacks: float = 0.01
    keep_stable_s: float = 30.0
    progress_deadline_s: float = 600.0
    lasting: Lasting | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """A rollout's profile and what it does otherwise: its own gates that stand for the profile's (profile's name, own
    name), and the profile's gates that it does ``without``.
    """

    profile: Profile
    stand_ins: tuple[tuple[str, str], ...] = ()
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Used:
    """The profile that a plan was made by, as it was then."""

    name: str
    digest: str
