import numpy as np
import pytest

from croupier.core.gates.sequential.bets import Arm
from croupier.core.gates.sequential.dispersion import LARGEST, Dispersion, observed


def measured(clump: int, *, noise: bool = False) -> float:
    random = np.random.default_rng(5)
    seen = Dispersion()
    for _ in range(400):
        rate = 0.002 * (1 + 3 * random.random() * noise)
        seen = observed(seen, [Arm(clump * int(random.binomial(2000 // clump, rate)), 2000) for _ in range(4)])
    return seen.phi


@pytest.mark.parametrize("clump", [1, 4])
def test_clumps_are_measured(clump: int) -> None:
    assert measured(clump) == pytest.approx(clump, rel=0.15)


def test_noise_common_to_all_parts_cancels() -> None:
    assert measured(1, noise=True) == pytest.approx(1, rel=0.15)


@pytest.mark.parametrize("parts", [(), (Arm(3, 10),), (Arm(0, 10), Arm(0, 10)), (Arm(3, 10), Arm(0, 0))])
def test_samples_that_say_nothing(parts: tuple[Arm, ...]) -> None:
    assert observed(Dispersion(7.0, 3.0), parts) == Dispersion(7.0, 3.0)


def test_bounded() -> None:
    assert Dispersion(1e9, 10.0).phi == LARGEST
    assert Dispersion(0.0, 1e9).phi == 1.0
