"""The health of a version from the health of its instances. Pure; called by the supervisor when it is observed."""

from collections.abc import Sequence
from typing import Protocol

from croupier.control.ports import Endpoint, Health, WorkloadStatus

_WORST_FIRST = (Health.FAILED, Health.UNREADY, Health.STARTING, Health.READY)


class InstanceState(Protocol):
    """What is read of an instance."""

    number: int
    health: Health
    reason: str

    @property
    def endpoint(self) -> Endpoint | None: ...


def status_of(instances: Sequence[InstanceState]) -> WorkloadStatus:
    """A version is as well as its worst instance; those that are ready are its endpoints all the same."""
    health = min((instance.health for instance in instances), key=_WORST_FIRST.index)
    ready = tuple(instance.endpoint for instance in instances if instance.endpoint is not None)
    many = len(instances) > 1
    reasons = [
        f"instance {instance.number} {instance.reason}" if many else instance.reason
        for instance in instances
        if instance.health is health and instance.reason
    ]
    summary = f"{len(ready)} of {len(instances)} instances ready; " if many and health is not Health.READY else ""
    return WorkloadStatus(health, ready, summary + "; ".join(reasons))
