"""A real control plane, Envoy and casino with players in it, for the benchmarks here: the demo without its story."""

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from casino.players import Crowd
from croupier.cli.client import Client
from croupier.cli.demo.stage import ControlPlane, Place, choose_place, documents, open_casino
from croupier.errors import CroupierError

ENDED = ("succeeded", "aborted", "superseded")


@dataclass(slots=True)
class House:
    """An open casino. ``plane`` is replaced when it is killed and started again."""

    place: Place
    plane: ControlPlane
    client: Client
    crowd: Crowd

    async def rollout(self, rollout: str) -> dict[str, Any]:
        """The rollout now; waits while the control plane is away."""
        while True:
            try:
                found: dict[str, Any] = await asyncio.to_thread(self.client.get, f"rollouts/{rollout}")
            except CroupierError:
                await asyncio.sleep(0.05)
            else:
                return found

    async def start(self, version: str) -> str:
        """Roll a release of payments out; its rollout's name."""
        body = {"service": "payments", "version": version}
        return str((await asyncio.to_thread(self.client.post, "rollouts", body))["id"])

    async def reach(self, rollout: str, weight: float, patience_s: float = 120.0) -> dict[str, Any]:
        """Wait until the data plane serves the canary at this weight (percent), or the rollout ended."""
        deadline = time.monotonic() + patience_s
        while True:
            found = await self.rollout(rollout)
            if (found["confirmedWeight"] or 0) >= weight or found["phase"] in ENDED:
                return found
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(0.05)
        raise TimeoutError(f"{rollout} did not reach {weight} %: {found['waitingFor']}")


@contextlib.asynccontextmanager
async def open_house(
    *,
    rate: float,
    lean: bool,
    guards: list[str],
    steps: list[dict[str, Any]],
    seed: int = 1,
    more: Sequence[dict[str, Any]] = (),
) -> AsyncIterator[House]:
    """Everything started, players at ``rate`` requests per second, payments 1.0.0 stable; stopped at the end. Rollouts
    of payments have these steps, and these gates watch all along; ``more`` documents are declared before.
    """
    place = choose_place(0, 0)
    plane = ControlPlane(place)
    house: House | None = None
    try:
        connection = await asyncio.to_thread(plane.connection)
        with connection.open() as client:
            await asyncio.to_thread(open_casino, client, place)
            rollouts = [item for item in documents(place) if item["kind"] == "Rollout"]
            plan = next(item for item in rollouts if item["metadata"]["name"] == "payments")
            templates = [{"templateName": name} for name in guards]
            plan["spec"]["strategy"]["canary"] = {"analysis": {"templates": templates}, "steps": steps}
            await asyncio.to_thread(client.post, "apply", {"documents": [*more, plan]})
            async with Crowd(place.edge, rate=rate, seed=seed, players=2_000, lean=lean) as crowd:
                house = House(place, plane, client, crowd)
                await asyncio.sleep(2)
                yield house
    finally:
        await asyncio.to_thread((house.plane if house is not None else plane).stop)
        shutil.rmtree(place.folder, ignore_errors=True)
