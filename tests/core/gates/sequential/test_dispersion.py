import numpy as np
import pytest

from croupier.core.gates import Counts
from croupier.core.gates.sequential.dispersion import LARGEST, Dispersion, comparable, observed


def part(bad: int, total: int) -> Counts:
    return Counts(total - bad, total)


def measured(clump: int, *, noise: bool = False) -> float:
    random = np.random.default_rng(5)
    seen = Dispersion()
    for _ in range(400):
        rate = 0.002 * (1 + 3 * random.random() * noise)
        seen = observed(seen, [part(clump * int(random.binomial(2000 // clump, rate)), 2000) for _ in range(4)])
    return seen.phi


@pytest.mark.parametrize("clump", [1, 4])
def test_clumps_are_measured(clump: int) -> None:
    assert measured(clump) == pytest.approx(clump, rel=0.15)


def test_noise_common_to_all_parts_cancels() -> None:
    assert measured(1, noise=True) == pytest.approx(1, rel=0.15)


@pytest.mark.parametrize("parts", [(), (part(3, 10),), (part(0, 10), part(0, 10))])
def test_samples_that_say_nothing(parts: tuple[Counts, ...]) -> None:
    assert observed(Dispersion(7.0, 3.0), parts) == Dispersion(7.0, 3.0)


def test_older_samples_fade() -> None:
    faded = observed(Dispersion(100.0, 10.0), (part(1, 100), part(1, 100)))
    assert (faded.chi, faded.freedom) == pytest.approx((99.0, 10.9))


def test_one_sick_instance_is_soon_forgotten() -> None:
    """Three samples in which one instance of four fails in everything, and then nothing of that kind."""
    seen = Dispersion()
    for _ in range(3):
        seen = observed(seen, [part(500, 500), *[part(1, 500)] * 3])
    worst = seen.phi
    for _ in range(30):
        seen = observed(seen, [part(1, 500)] * 3 + [part(2, 500)])
    assert worst < 4
    assert seen.phi < 1.5


def test_bounded() -> None:
    assert Dispersion(1e9, 10.0).phi == LARGEST
    assert Dispersion(0.0, 1e9).phi == 1.0


def test_instances_without_events_are_no_parts() -> None:
    assert comparable([part(0, 0), part(1, 10), part(0, 0), part(2, 10)]) == (part(1, 10), part(2, 10))


def test_many_instances_are_counted_in_eight_parts() -> None:
    parts = comparable([part(index, 100) for index in range(20)])
    assert [each.total for each in parts] == [300] * 4 + [200] * 4
    assert sum(each.bad for each in parts) == sum(range(20))
    assert comparable(parts) == parts  # made again from what is recorded
