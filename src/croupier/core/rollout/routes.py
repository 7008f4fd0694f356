"""The traffic that a state asks for: a pure function from recorded state to shares of players per version.

The router pushes these and reads the same type back from the data plane, so that "confirmed" is equality.
"""

from dataclasses import dataclass, replace

from croupier.core.rollout.exposure import Insides, beyond
from croupier.core.rollout.pins import NO_PINS, Pins
from croupier.core.rollout.shadow.mirror import Mirrored
from croupier.core.segments import BUCKETS, Segment


@dataclass(frozen=True, slots=True)
class Share:
    """Versions and their weights (basis points, canary first) for a segment; no segment: everybody else."""

    weights: tuple[tuple[str, int], ...]
    segment: Segment | None = None

    def __post_init__(self) -> None:
        total = sum(weight for _, weight in self.weights)
        if total != BUCKETS or any(weight < 0 for _, weight in self.weights):
            raise ValueError(f"weights must be 0 or more and total {BUCKETS}, got {self.weights}")


@dataclass(frozen=True, slots=True)
class ServiceRoutes:
    """One service's traffic. The first share whose segment contains the player applies; the last has no segment.

    ``salt`` decides who is first. A request without a player id goes to ``guests``. ``default`` answers for a version
    that is gone. No shares: nothing serves yet (503). ``pins`` outrank all of it. Of what is ``mirrored`` the players
    see nothing.
    """

    service: str
    shares: tuple[Share, ...]
    default: str | None
    salt: str = ""
    pins: Pins = NO_PINS
    mirrored: Mirrored | None = None

    def weight_of(self, version: str) -> int:
        """The largest share (basis points) that any segment gives to the version."""
        return max((weight for share in self.shares for name, weight in share.weights if name == version), default=0)

    @property
    def guests(self) -> str | None:
        """The version of requests without a player id: that of everybody, where everybody has the same, or else the
        default. They are in no share and in no segment.
        """
        everybody = self.shares[0].weights if self.default is not None and len(self.shares) == 1 else ()
        return next((version for version, weight in everybody if weight == BUCKETS), self.default)

    @property
    def versions(self) -> tuple[str, ...]:
        """Versions that can receive traffic, sorted."""
        return tuple(sorted({*self.assigned, *self.pins.targets}))

    @property
    def assigned(self) -> tuple[str, ...]:
        """Those that requests which begin something new can go to, sorted."""
        found = {name for share in self.shares for name, weight in share.weights if weight}
        return tuple(sorted(found | ({self.default} if self.default else set())))

    @property
    def unpinned(self) -> "ServiceRoutes":
        """What the weights alone say: what a rollout asks for, and is confirmed by."""
        return self if self.pins == NO_PINS else replace(self, pins=NO_PINS)


def stable_routes(service: str, stable: str | None) -> ServiceRoutes:
    """Everybody on the stable version; nothing where there is none yet."""
    shares = (Share(weights=((stable, BUCKETS),)),) if stable else ()
    return ServiceRoutes(service=service, shares=shares, default=stable)


def canary_routes(
    service: str,
    stable: str,
    canary: str,
    weight_bp: int,
    *,
    salt: str,
    segment: Segment | None = None,
    held: tuple[Segment, ...] = (),
    insides: Insides = (),
    mirrored: Mirrored | None = None,
) -> ServiceRoutes:
    """The canary gets its weight inside the segment (or of everybody) and those of ``insides``, the stable version all
    the rest, and before that everybody in a segment that is ``held``.
    """

    def split(weight: int, whom: Segment | None) -> Share:
        return Share(weights=((canary, weight), (stable, BUCKETS - weight)), segment=whom)

    kept = tuple(Share(weights=((stable, BUCKETS),), segment=each) for each in held)
    own = tuple(split(each.weight_bp, each.segment) for each in beyond(weight_bp, insides))
    nobody_else = Share(weights=((stable, BUCKETS),))
    whole = split(weight_bp, segment) if weight_bp or not own else nobody_else
    rest = (nobody_else,) if segment else ()
    return ServiceRoutes(
        service=service, shares=(*kept, *own, whole, *rest), default=stable, salt=salt, mirrored=mirrored
    )
