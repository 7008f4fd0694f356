"""Which version a player gets, worked out from the routes alone: the oracle that data planes are compared with."""

from collections.abc import Mapping
from types import MappingProxyType

from croupier.core.rollout.routes import ServiceRoutes
from croupier.core.segments import bucket

_NO_ATTRIBUTES: Mapping[str, str] = MappingProxyType({})


def version_for(
    routes: ServiceRoutes, player: str | None, attributes: Mapping[str, str] = _NO_ATTRIBUTES
) -> str | None:
    """The version that serves this player; ``None`` where nothing serves yet. No id: the guests' version, never chance.

    The first share whose segment contains the player applies; inside it a version gets the buckets below its weight,
    in the order of the weights.
    """
    if player is None:
        return routes.guests
    for share in routes.shares:
        if share.segment is None or share.segment.contains(attributes):
            place, below = bucket(routes.salt, player), 0
            for version, weight in share.weights:
                below += weight
                if place < below:
                    return version
    return None
