"""The casino follows the control plane's flags: a killed provider stays off while nobody is there to say so."""

import asyncio
from collections.abc import Mapping

from tests.e2e.conftest import House, until

from casino.players.population import Person
from casino.players.wire import Heard, Wire
from casino.testing import sign_in
from croupier.cli.demo.stage import ControlPlane

PERSON = Person("guest", "a-good-password", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "DE", "aurora", excluded=False)


async def pay(wire: Wire, headers: Mapping[str, str], key: str, psp: str = "kestrel") -> Heard:
    body = {"amount_minor": 1_000, "psp": psp}
    return await wire.ask("payments", "POST", "/payments/deposit", body, {**headers, "idempotency-key": key})


async def asked_until(wire: Wire, headers: Mapping[str, str], name: str, unavailable: bool) -> Heard:
    """Pay by kestrel until it is unavailable, or available again; every other answer is a good one, too."""
    async with asyncio.timeout(30):
        for number in range(10_000):
            heard = await pay(wire, headers, f"{name}-{number}")
            assert heard.status in (200, 402, 409), heard
            if (heard.status == 409) is unavailable:
                return heard
    raise AssertionError(name)


async def test_a_killed_provider_is_off_at_once_and_stays_off_without_a_control_plane(house: House) -> None:
    async with Wire(house.place.edge, {}) as wire:
        headers = await sign_in(wire, PERSON)
        await asked_until(wire, headers, "before", unavailable=False)
        killed = house.client.post("flags/psp_kestrel/kill", {"reason": "its callbacks are late"})
        assert killed["standing"] == "killed"
        refused = await asked_until(wire, headers, "after", unavailable=True)
        assert refused.body["code"] == "provider_unavailable"
        assert "try velora or tarn" in refused.body["detail"]
        assert (await pay(wire, headers, "other", "velora")).status in (200, 402)

        house.plane.kill()
        assert (await pay(wire, headers, "nobody-there")).status == 409, "the last known flags go on"
        house.plane = ControlPlane(house.place)
        await asyncio.to_thread(house.plane.connection)
        assert (await pay(wire, headers, "back-again")).status == 409, "a kill is recorded"
        house.client.post("flags/psp_kestrel/restore", {"reason": "they come in time again"})
        await asked_until(wire, headers, "restored", unavailable=False)

    cache = house.place.folder / "casino.flags"
    until(lambda: cache.exists() or None, "the last known flags to be kept")
