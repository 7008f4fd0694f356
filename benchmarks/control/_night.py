"""What is delivered in a long night: rollouts by weight and switches from blue to green, some taken back on their way,
and the control plane killed meanwhile. Called by ``marathon``.
"""

import asyncio
import random
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.control.casino import ENDED, House
from benchmarks.control.kills import kill
from croupier.cli.demo.stage import documents
from croupier.errors import Conflict, Rejected, Transient

BY_WEIGHT: Final = ("payments", "games")
BY_SWITCH: Final = ("promo", "games")
"""Of games, at whose tables people sit and play rounds, every other rollout is a switch while there are some left."""
VERSIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "payments": ("1.0.0", "1.1.0", "1.4.0"),
    "promo": ("1.0.0", "1.1.0", "1.4.0"),
    "games": ("1.0.1", "1.1.1", "1.4.1"),
}
"""Of three, one is in no rollout at any time: nothing keeps it, and it is drained with whoever is still there."""
LADDER: Final = (0.01, 0.1, 0.5, *range(1, 31), *range(35, 100, 5))
"""Weights of a rollout (percent), of which a short night leaves some out."""
LOOK_S: Final = 0.2
PATIENCE_S: Final = 300.0
"""A rollout that has not begun by then never will."""
WAYS: Final = ("undo", "abort", "stay")
BACK: Final = ("aborted", "superseded")


@dataclass(frozen=True, slots=True)
class Asked:
    """How much of everything. Shares of requests go to the services by weight and by switch."""

    changes: int
    switches: int
    aborts: int
    kills: int
    rate: float
    seats: int
    players: int
    pause_s: float
    seed: int

    @property
    def weights(self) -> tuple[float, ...]:
        """So many that there are enough rollouts for all aborts, each of which leaves half of them out."""
        most = round(self.changes / max(4.0, 1.4 * self.aborts))
        count = max(5, min(len(LADDER), most))
        return tuple(LADDER[round(index * (len(LADDER) - 1) / (count - 1))] for index in range(count))


@dataclass(slots=True)
class Night:
    """What was done so far. ``changes`` are counted as they are seen, to keep pace; the record has the last word."""

    asked: Asked
    changes: int = 0
    switches: int = 0
    aborts: int = 0
    kills: int = 0
    by_weight: set[str] = field(default_factory=set)
    by_switch: set[str] = field(default_factory=set)
    back_s: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    last: str = ""

    @property
    def gone(self) -> float:
        """How much of the night is over, 0 to 1."""
        return min(1.0, self.changes / self.asked.changes)

    def late(self, done: int, asked: int) -> bool:
        """Whether there is less of something than there should be by now."""
        return done < asked and done / asked <= self.gone


async def deliver(house: House, night: Night, dice: random.Random) -> None:
    """All of it, at once."""
    parts = [_by_weight(house, service, night, dice) for service in BY_WEIGHT]
    async with asyncio.TaskGroup() as group:
        for part in (*parts, _by_switch(house, night), _kill(house, night, dice)):
            group.create_task(part)


async def set_up(house: House) -> None:
    """Declare how games and promo are delivered, and roll games out once: from now on its processes say what is open
    there, and its rounds end where they began.
    """
    reporter = {"name": "games", "role": "reporter", "services": ["games"]}
    token = await asyncio.to_thread(house.client.post, "tokens", reporter)
    file = house.place.folder / "rounds.token"
    file.write_text(token["token"])
    env = {"CASINO_ROUNDS_URL": house.place.page, "CASINO_ROUNDS_TOKEN_FILE": str(file)}
    services = (item for item in documents(house.place) if item["kind"] == "Service")
    games = next(item for item in services if item["metadata"]["name"] == "games")
    games["spec"]["affinity"] = {"header": "x-round-id", "drain": "60s"}
    releases = [_release("games", version, env) for version in VERSIONS["games"]]
    releases += [_release("promo", version, {}) for version in VERSIONS["promo"][1:]]
    releases.append(_release("payments", VERSIONS["payments"][2], {}))
    wanted = [games, *releases, switching("promo"), switching("games", watch="0s")]
    await asyncio.to_thread(house.client.post, "apply", {"documents": wanted})
    first = await _start(house, "games")
    if (found := await _ended(house, first))["phase"] != "succeeded":
        raise RuntimeError(f"{first} did not succeed: {found}")


def by_weights(service: str, weights: tuple[float, ...]) -> dict[str, Any]:
    """The document of a rollout by weights."""
    analysis = {"templates": [{"templateName": "ledger"}]}
    canary = {"analysis": analysis, "steps": [{"setWeight": weight} for weight in weights]}
    return _plan(service, {"keepStable": "1s", "keepCanary": "1s", "strategy": {"canary": canary}})


def switching(service: str, watch: str = "3s") -> dict[str, Any]:
    """The document of one switch."""
    watching = {"templates": [{"templateName": "ledger"}]}
    strategy = {"blueGreen": {"postPromotionAnalysis": watching, "watch": watch, "keep": "1m"}}
    return _plan(service, {"strategy": strategy})


async def _by_weight(house: House, service: str, night: Night, dice: random.Random) -> None:
    """Rollout after rollout, until there were enough changes, and aborts of them, and switches."""
    asked = night.asked
    aborts, switches, most = 0, 0, asked.switches // 3 if service in BY_SWITCH else 0
    while night.changes < asked.changes or night.aborts < asked.aborts or switches < most:
        if night.late(switches, most):
            await _apply(house, switching(service))
            await _switch(house, service, WAYS[switches % len(WAYS)], night)
            switches += 1
        else:
            await _apply(house, by_weights(service, asked.weights))
            abort_at = dice.choice(asked.weights[1:]) if night.late(night.aborts, asked.aborts) else None
            # Rounds have to end where they began, unless somebody says that they must not: the first time, and then
            # every third.
            at_once = service == "games" and aborts % 3 == 0
            aborts += abort_at is not None
            await _rise(house, service, night, abort_at, at_once=at_once)


async def _by_switch(house: House, night: Night) -> None:
    """Switch after switch, spread over the night."""
    most = night.asked.switches - night.asked.switches // 3
    for number in range(most):
        while not night.late(number, most):  # noqa: ASYNC110 - a counter
            await asyncio.sleep(LOOK_S)
        await _switch(house, "promo", WAYS[number % len(WAYS)], night)


async def _kill(house: House, night: Night, dice: random.Random) -> None:
    """``kill -9`` of the control plane now and then, whatever it is doing."""
    for number in range(night.asked.kills):
        while night.gone < (number + 1) / (night.asked.kills + 1):  # noqa: ASYNC110 - a counter
            await asyncio.sleep(0.05)
        await asyncio.sleep(dice.uniform(0, 0.5))
        night.back_s.append(await kill(house))
        night.kills += 1
        night.last = f"the control plane was away for {night.back_s[-1]:.1f} s"


async def _rise(house: House, service: str, night: Night, abort_at: float | None, *, at_once: bool) -> None:
    """One rollout by weights to its end, counted as it goes."""
    name = await _start(house, service)
    night.by_weight.add(name)
    if abort_at is not None:
        night.aborts += 1
    seen = 0.0
    while True:
        found = await house.rollout(name)
        confirmed = found["confirmedWeight"] or 0.0
        # Steps may follow each other faster than we ask.
        night.changes += sum(seen < weight <= confirmed for weight in (*night.asked.weights, 100.0))
        seen = max(seen, confirmed)
        if found["phase"] in ENDED:
            night.last = f"{name} {found['phase']}"
            return
        if abort_at is not None and seen >= abort_at:
            night.changes, abort_at = night.changes + 1, None
            await _back(house, name, "abort", night, now=at_once)
        await asyncio.sleep(LOOK_S)


async def _switch(house: House, service: str, way: str, night: Night) -> None:
    """One switch, and the way back if there is to be one."""
    name = await _start(house, service)
    night.by_switch.add(name)
    while not _switched(await house.rollout(name)):  # noqa: ASYNC110 - asked over HTTP
        await asyncio.sleep(LOOK_S)
    night.switches += 1
    if way == "abort":
        await _back(house, name, "abort", night)
    found = await _ended(house, name)
    # It may have been too late for an abort.
    if found["phase"] == "succeeded" and way != "stay" and await _back(house, name, "undo", night):
        found = await _ended(house, name, BACK)
    night.last = f"{name} switched, {found['phase']}"


def _switched(found: dict[str, Any]) -> bool:
    return found["confirmedWeight"] == 100 or found["phase"] in ENDED


async def _back(house: House, name: str, verb: str, night: Night, **more: Any) -> bool:
    """Ask until it goes back, or is over all the same; whether it was not refused."""
    while True:
        found = await house.rollout(name)
        if found["phase"] in ("aborting", *(BACK if verb == "undo" else ENDED)):
            return True
        try:
            await asyncio.to_thread(house.client.post, f"rollouts/{name}/{verb}", {"reason": "benchmark", **more})
        except (Conflict, Transient):
            await asyncio.sleep(LOOK_S)
        except Rejected as refused:  # too late: it is over, or what was left is not kept any more
            night.refused.append(str(refused))
            return False


async def _start(house: House, service: str) -> str:
    """Ask for the version that neither serves nor was in the last rollout until it has begun; a control plane that was
    killed may have begun it and not have said so.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            services = (await asyncio.to_thread(house.client.get, "services"))["items"]
            stable = next(item["stable"] for item in services if item["name"] == service)
            last = (await asyncio.to_thread(house.client.get, "rollouts", service=service, limit=1))["items"][0]
            if last["phase"] not in (*ENDED, "aborting"):
                return str(last["id"])
            version = next(each for each in VERSIONS[service] if each not in (stable, last["canary"], last["stable"]))
            body = {"service": service, "version": version}
            return str((await asyncio.to_thread(house.client.post, "rollouts", body))["id"])
        except (Conflict, Transient, Rejected) as trouble:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{service} cannot be rolled out: {trouble}") from trouble
        await asyncio.sleep(LOOK_S)


async def _ended(house: House, name: str, ends: Collection[str] = ENDED) -> dict[str, Any]:
    while (found := await house.rollout(name))["phase"] not in ends:  # noqa: ASYNC110 - asked over HTTP
        await asyncio.sleep(LOOK_S)
    return found


async def _apply(house: House, document: dict[str, Any]) -> None:
    while True:
        try:
            await asyncio.to_thread(house.client.post, "apply", {"documents": [document]})
        except (Conflict, Transient):
            await asyncio.sleep(LOOK_S)
        else:
            return


def _plan(service: str, spec: dict[str, Any]) -> dict[str, Any]:
    spec = {"service": service, **spec}
    return {"apiVersion": "croupier/v1", "kind": "Rollout", "metadata": {"name": service}, "spec": spec}


def _release(service: str, version: str, env: dict[str, str]) -> dict[str, Any]:
    spec = {"service": service, "version": version, "process": {"env": env}}
    return {"apiVersion": "croupier/v1", "kind": "Release", "spec": spec}
