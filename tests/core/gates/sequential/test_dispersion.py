import numpy as np
import pytest

from croupier.core.gates import Counts
from croupier.core.gates.sequential.dispersion import LARGEST, Dispersion, comparable, measured, observed


def part(bad: int, total: int) -> Counts:
    return Counts(total - bad, total)


def clumped(clump: int, *, noise: bool = False) -> float:
    random = np.random.default_rng(5)
    seen = Dispersion()
    for _ in range(400):
        rate = 0.002 * (1 + 3 * random.random() * noise)
        seen = observed(seen, [part(clump * int(random.binomial(2000 // clump, rate)), 2000) for _ in range(4)])
    return seen.phi


@pytest.mark.parametrize("clump", [1, 4])
def test_clumps_are_measured(clump: int) -> None:
    assert clumped(clump) == pytest.approx(clump, rel=0.15)


def test_noise_common_to_all_parts_cancels() -> None:
    assert clumped(1, noise=True) == pytest.approx(1, rel=0.15)


@pytest.mark.parametrize("parts", [(), (part(3, 10),), (part(0, 10), part(0, 10))])
def test_samples_that_say_nothing(parts: tuple[Counts, ...]) -> None:
    assert observed(Dispersion(7.0, 3.0), parts) == Dispersion(7.0, 3.0)


def test_older_samples_fade() -> None:
    faded = observed(Dispersion(100.0, 10.0), (part(1, 100), part(1, 100)))
    assert (faded.chi, faded.freedom) == pytest.approx((99.0, 10.9))


@pytest.mark.parametrize("before, at_worst", [(Dispersion(), 5.1), (Dispersion(60.0, 60.0), 2.2)])
def test_one_sick_instance_is_soon_forgotten(before: Dispersion, at_worst: float) -> None:
    """Three samples in which one instance of four fails in everything, and then nothing of that kind. It counts for
    less where more is known of the time before.
    """
    seen = before
    for _ in range(3):
        seen = observed(seen, [part(500, 500), *[part(1, 500)] * 3])
    worst = seen.phi
    for _ in range(30):
        seen = observed(seen, [part(1, 500)] * 3 + [part(2, 500)])
    assert worst < at_worst
    assert seen.phi < 1.5


def test_what_chance_adds_is_no_clump() -> None:
    assert Dispersion(60.0, 50.0).phi == 1.0  # one standard deviation above 50
    assert Dispersion(75.0, 50.0).phi == pytest.approx(75.0 / 60.0)


def test_measured_on_samples_that_can_be_compared() -> None:
    pair = (part(3, 100), part(1, 100))
    assert measured([]) is None
    assert measured([(), (part(3, 100),), (part(3, 100), part(0, 0))]) is None
    assert measured([(part(0, 100), part(0, 100))]) == Dispersion()  # compared, and nothing failed
    assert measured([pair, (), (*pair, part(0, 0))]) == observed(observed(Dispersion(), pair), pair)


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
