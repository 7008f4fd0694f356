import pytest

from croupier.control.ports import Endpoint, Health, VersionKey
from croupier.core.releases import ProcessTemplate
from croupier.errors import Transient
from croupier.testing import MemoryWorkloads, VirtualClock

KEY, OTHER = VersionKey("shop", "1.0.0"), VersionKey("shop", "1.1.0")
ONE, TWO = ProcessTemplate(("serve",)), ProcessTemplate(("serve",), instances=2)


async def health(workloads: MemoryWorkloads, key: VersionKey = KEY) -> Health:
    return (await workloads.observe())[key].health


async def test_a_version_is_ready_after_a_while_and_says_where() -> None:
    clock = VirtualClock()
    workloads = MemoryWorkloads(clock, ready_after_s=2.0)
    await workloads.apply({KEY: ONE, OTHER: TWO})
    assert await health(workloads) is Health.STARTING
    await clock.advance(2.0)
    status = await workloads.observe()
    assert [len(status[key].endpoints) for key in (KEY, OTHER)] == [1, 2]
    assert status[KEY].endpoints != status[OTHER].endpoints[:1]
    assert isinstance(status[KEY].endpoints[0], Endpoint)


async def test_applying_twice_starts_nothing_anew_but_a_change_does() -> None:
    clock = VirtualClock()
    workloads = MemoryWorkloads(clock)
    await workloads.apply({KEY: ONE})
    await clock.advance(5.0)
    await workloads.apply({KEY: ONE})
    assert await health(workloads) is Health.READY
    await workloads.apply({KEY: TWO})
    assert await health(workloads) is Health.STARTING


async def test_what_is_not_wanted_is_gone() -> None:
    workloads = MemoryWorkloads(VirtualClock())
    await workloads.apply({KEY: ONE, OTHER: ONE})
    await workloads.apply({OTHER: ONE})
    assert workloads.running == {OTHER}
    assert set(await workloads.observe()) == {OTHER}


async def test_a_crash_passes_and_a_crash_loop_does_not() -> None:
    clock = VirtualClock()
    workloads = MemoryWorkloads(clock)
    workloads.crash(KEY, 5.0)  # nobody there yet
    await workloads.apply({KEY: ONE})
    await clock.advance(3.0)
    assert await health(workloads) is Health.READY
    workloads.crash(KEY, 5.0)
    assert await health(workloads) is Health.UNREADY
    await clock.advance(5.0)
    assert await health(workloads) is Health.READY
    workloads.crash_loop(KEY, "exit status 1")
    await clock.advance(500.0)
    assert (await workloads.observe())[KEY].reason == "exit status 1"
    assert await health(workloads) is Health.FAILED
    workloads.mend(KEY)
    assert await health(workloads) is Health.READY


async def test_out_of_reach() -> None:
    workloads = MemoryWorkloads(VirtualClock())
    workloads.unreachable = True
    for call in (workloads.apply({KEY: ONE}), workloads.observe()):
        with pytest.raises(Transient):
            await call
