"""Domains in which something lasts for several requests, orders or rounds, and has to end where it began.

Pure. Asked with the other advice on a rollout's document.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from croupier.core.releases import Service
from croupier.core.rollout.spec import RolloutSpec
from croupier.errors import Problem

_LASTS: Final = {
    "payments": ("orders", "kinds: [{kind: order, sources: [{header: x-order-id}, {query: order}]}]"),
    "game-gateway": ("rounds", "header: x-round-id"),
}
"""What begins on one version and may come back to another, by profile; and how a service says where its ids are."""


def without_affinity(spec: RolloutSpec, services: Mapping[str, Service]) -> Iterator[Problem]:
    """The service of such a rollout, where it says nothing of affinity: the callback of a studio or a payment provider
    has no player, and would go to the other version.
    """
    service = services.get(spec.service)
    if service is None or service.affinity is not None or spec.profile is None:
        return
    if found := _LASTS.get(spec.profile.profile.name):
        what, written = found
        yield Problem(
            f"service '{service.name}' says nothing of affinity, so a callback of open {what} may go to another "
            "version than the one that began them.",
            ("spec", "profile"),
            f"Add it to the service: affinity: {{{written}}}.",
        )
