"""Several processes, versions and crashes over one database: every payment happens once, and the book stays right."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import AsyncExitStack

from casino.ledger import check, extent
from casino.players import Crowd
from casino.players.population import Person
from casino.players.wire import Heard, Lost, Wire
from casino.testing import LocalCasino, scrape, sign_in, until, wait_ready


async def test_one_key_sent_to_two_versions_at_once_moves_money_once(casino: LocalCasino, person: Person) -> None:
    routes = casino.start_all("auth", "games")
    payments = [casino.start("payments", version) for version in ("1.0.0", "1.1.0")]
    for running in payments:
        wait_ready(running)
    async with AsyncExitStack() as stack:
        wires = [
            await stack.enter_async_context(
                Wire("http://127.0.0.1:1", {**routes, "payments": running.url}, timeout_s=60)
            )
            for running in payments
        ]
        headers = await sign_in(wires[0], person)

        async def everywhere(path: str, amount: int, key: str) -> set[tuple[int, str]]:
            keyed = {**headers, "idempotency-key": key}
            body = {"amount_minor": amount, "psp": "velora"}
            asked = [wire.ask("payments", "POST", f"/payments/{path}", body, keyed) for wire in wires for _ in range(2)]
            return {(heard.status, str(heard.body)) for heard in await asyncio.gather(*asked)}

        deposits = await asyncio.gather(*(everywhere("deposit", 1_000, f"d{n}") for n in range(30)))
        spins = await asyncio.gather(
            *(
                wire.ask(
                    "games", "POST", "/games/spin", {"round_id": f"r{n}", "game": "comet", "stake_minor": 10}, headers
                )
                for n in range(20)
                for wire in wires
            )
        )
        withdrawals = await asyncio.gather(*(everywhere("withdraw", 100, f"w{n}") for n in range(30)))
        assert all(len(answers) == 1 for answers in [*deposits, *withdrawals])
        assert {spin.status for spin in spins} == {200}
        counted = [await scrape(wire, "payments") for wire in wires]
    for metric in ("casino_deposits_total", "casino_withdrawals_total"):
        events = sum(value for one in counted for series, value in one.items() if series.startswith(metric))
        assert events == 30, f"{metric}: replays are not counted"
    assert check(casino.database) == []
    assert extent(casino.database).open == 0


async def test_kill_9_in_the_middle_of_traffic_loses_no_money(casino: LocalCasino) -> None:
    services = ("auth", "payments", "games", "promo")
    running = {name: casino.start(name, options=("--stuck-seconds", "0.5")) for name in services}
    for one in running.values():
        wait_ready(one)
    routes = {name: one.url for name, one in running.items()}
    async with Crowd("http://127.0.0.1:1", rate=150, players=200, routes=routes, timeout_s=5) as crowd:
        for _ in range(2):
            target = extent(casino.database).transactions + 60
            await until(lambda target=target: extent(casino.database).transactions >= target)
            victim = running["payments"]
            victim.kill()
            running["payments"] = casino.start("payments", port=victim.port, options=("--stuck-seconds", "0.5"))
            await asyncio.to_thread(wait_ready, running["payments"])
        await crowd.stop()
        assert crowd.snapshot().lost > 0, "requests were in flight when it died"
        unexplained = [text for text in crowd.figures.complaints if "replay_differs" in text or "generator" in text]
        assert unexplained == []
    await until(lambda: extent(casino.database).open == 0)
    assert check(casino.database) == []


async def test_a_dead_process_payments_are_finished_by_a_living_one(casino: LocalCasino, person: Person) -> None:
    routes = casino.start_all("auth")
    doomed = casino.start("payments")
    wait_ready(doomed)
    async with Wire("http://127.0.0.1:1", {**routes, "payments": doomed.url}, timeout_s=60) as wire:
        headers = await sign_in(wire, person)

        async def pay(number: int) -> Heard | Lost:
            keyed = {**headers, "idempotency-key": f"k{number}"}
            try:
                body = {"amount_minor": 500, "psp": "tarn"}
                return await wire.ask("payments", "POST", "/payments/deposit", body, keyed)
            except Lost as lost:
                return lost

        paying = [asyncio.create_task(pay(number)) for number in range(40)]
        await until(lambda: extent(casino.database).open >= 5)
        doomed.kill()
        answers = await asyncio.gather(*paying)
        assert any(isinstance(answer, Lost) for answer in answers)
        assert extent(casino.database).open > 0
        heir = casino.start("payments", "1.2.0", options=("--stuck-seconds", "0.1"))
        await until(lambda: extent(casino.database).open == 0)
        wait_ready(heir)
    assert check(casino.database) == []
    connection = sqlite3.connect(casino.database)
    finished_by = dict(connection.execute("SELECT version, count(*) FROM transactions GROUP BY version").fetchall())
    connection.close()
    assert finished_by["1.2.0"] > 0


async def test_many_processes_may_create_the_database_at_once(casino: LocalCasino) -> None:
    started = [casino.start(service) for service in ("payments", "games") for _ in range(2)]
    for running in started:
        wait_ready(running)
    assert check(casino.database) == []
