import pytest

from croupier.errors import Transient
from croupier.testing import Crash, Moments, crash, exposed


class Ledger:
    """A port that remembers what was written."""

    def __init__(self) -> None:
        self.written: list[str] = []

    async def write(self, text: str) -> int:
        self.written.append(text)
        return len(self.written)

    def size(self) -> int:
        return len(self.written)


async def test_calls_pass_two_moments_each() -> None:
    moments, ledger = Moments(), Ledger()
    port = exposed(ledger, moments)
    assert await port.write("a") == 1
    assert (port.size(), port.written) == (1, ["a"])
    assert moments.names == ["before write", "after write"]
    assert moments.passed == 2


@pytest.mark.parametrize("moment, written", [(0, []), (1, ["a"]), (2, ["a"]), (3, ["a", "b"])])
async def test_a_crash_before_or_after_the_effect(moment: int, written: list[str]) -> None:
    moments, ledger = Moments({moment: crash}), Ledger()
    port = exposed(ledger, moments)

    async def write_two() -> None:
        await port.write("a")
        await port.write("b")

    with pytest.raises(Crash):
        await write_two()
    assert ledger.written == written


async def test_somebody_else_may_act_in_between() -> None:
    ledger = Ledger()

    async def act() -> None:
        await ledger.write("theirs")

    moments = Moments({0: act})
    assert await exposed(ledger, moments).write("ours") == 2
    moments.restart()
    assert (moments.passed, moments.planned, moments.names) == (0, {}, [])


async def test_trouble_keeps_calls_from_the_port() -> None:
    ledger, trouble = Ledger(), [Transient("down")]
    port = exposed(ledger, Moments(), lambda: trouble[0] if trouble else None)
    with pytest.raises(Transient, match="down"):
        await port.write("a")
    trouble.clear()
    assert await port.write("b") == 1
