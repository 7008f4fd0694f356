"""A version is as well as its worst instance, and those that are ready are served all the same."""

from dataclasses import dataclass

import pytest

from croupier.adapters.workloads.process.status import status_of
from croupier.control.ports import Endpoint, Health

READY, UNREADY, STARTING, FAILED = Health.READY, Health.UNREADY, Health.STARTING, Health.FAILED


@dataclass
class Instance:
    number: int
    health: Health
    reason: str = ""

    @property
    def endpoint(self) -> Endpoint | None:
        return Endpoint("127.0.0.1", 20_000 + self.number) if self.health is READY else None


@pytest.mark.parametrize(
    "healths,expected",
    [
        ((READY,), READY),
        ((READY, READY), READY),
        ((READY, STARTING), STARTING),
        ((READY, STARTING, UNREADY), UNREADY),
        ((READY, STARTING, UNREADY, FAILED), FAILED),
    ],
)
def test_the_worst_instance_counts_and_the_ready_ones_are_endpoints(
    healths: tuple[Health, ...], expected: Health
) -> None:
    status = status_of([Instance(number, health, "why") for number, health in enumerate(healths)])
    assert status.health is expected
    ready = tuple(number for number, health in enumerate(healths) if health is READY)
    assert tuple(endpoint.port - 20_000 for endpoint in status.endpoints) == ready


@pytest.mark.parametrize(
    "instances,reason",
    [
        ([Instance(0, READY)], ""),
        ([Instance(0, FAILED, "crashed")], "crashed"),
        ([Instance(0, READY), Instance(1, READY)], ""),
        ([Instance(0, READY), Instance(1, UNREADY, "is slow")], "1 of 2 instances ready; instance 1 is slow"),
        (
            [Instance(0, FAILED, "crashed"), Instance(1, FAILED, "crashed too"), Instance(2, UNREADY, "is slow")],
            "0 of 3 instances ready; instance 0 crashed; instance 1 crashed too",
        ),
    ],
)
def test_the_reason_names_the_instances_that_are_worst(instances: list[Instance], reason: str) -> None:
    assert status_of(instances).reason == reason
