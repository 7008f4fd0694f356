"""A canary whose answer differs in one field at one path: it is found there and nowhere else, and nobody was served it.

Copies of a deposit that somebody allowed by mistake move no money.
"""

import asyncio
from typing import Any

from tests.e2e.conftest import House, until

from casino.ledger import check
from casino.players.population import Person
from casino.players.wire import Wire
from casino.testing import sign_in
from croupier.cli.demo.stage import documents

NEW = "1.2.2"
PATHS = ["/payments/balance", "/payments/psps", "/payments/deposit"]


def rollout() -> dict[str, Any]:
    """Shadowing with a bound, then a person."""
    compare = {"sample": 100, "maxDifferences": "1%", "atLeast": 20}
    step = {"share": 100, "for": "3s", "methods": ["GET", "POST"], "paths": PATHS, "compare": compare}
    canary = {"steps": [{"shadow": step}, {"setWeight": 10}, {"pause": {}}]}
    spec = {"service": "payments", "keepCanary": "5s", "strategy": {"canary": canary}}
    return {"apiVersion": "croupier/v1", "kind": "Rollout", "metadata": {"name": "payments"}, "spec": spec}


def release(house: House) -> dict[str, Any]:
    services = [item for item in documents(house.place) if item["kind"] == "Service"]
    payments = next(item["spec"]["process"] for item in services if item["metadata"]["name"] == "payments")
    env = {**payments.get("env", {}), "CASINO_FAULT": "small-currency:share=1.0"}
    spec = {"service": "payments", "version": NEW, "process": {"env": env}}
    return {"apiVersion": "croupier/v1", "kind": "Release", "spec": spec}


async def test_one_field_that_differs_is_found_exactly_there(house: House) -> None:
    await asyncio.to_thread(house.client.post, "apply", {"documents": [rollout(), release(house)]})
    person = Person("shadowed", "a-good-password", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "DE", "aurora", excluded=False)
    async with Wire(house.place.edge, {}, timeout_s=60) as wire:
        headers = await sign_in(wire, person)
        name = await asyncio.to_thread(house.start, NEW)
        await house.wait_async(name, lambda found: found["step"] == 0)
        statuses: list[int] = []
        credited = 0
        round_ = 0
        while (await asyncio.to_thread(house.rollout, name))["hold"] != "differences":
            round_ += 1
            read = [await wire.ask("payments", "GET", path, None, headers) for path in PATHS[:2]]
            statuses += [heard.status for heard in read]
            if round_ <= 20:
                keyed = {**headers, "idempotency-key": f"d{round_}"}
                body = {"amount_minor": 500, "psp": "kestrel"}
                heard = await wire.ask("payments", "POST", "/payments/deposit", body, keyed)
                credited += 500 * (heard.status == 200)
            assert round_ < 5_000
        assert set(statuses) == {200}, "no player was harmed"
        answer = await wire.ask("payments", "GET", "/payments/balance", None, headers)
        assert answer.body == {"balance_minor": credited, "currency": "EUR"}, "copies moved no money"
    shown = await asyncio.to_thread(house.client.get, f"rollouts/{name}/shadow")
    [comparison] = shown["comparisons"]
    assert [(each["path"], each["field"]) for each in comparison["differences"]] == [
        ("/payments/balance", "$.currency")
    ]
    assert comparison["differences"][0]["examples"] == [['"EUR"', '"eur"']]
    assert comparison["compared"] >= 20
    assert shown["copies"] == []
    assert check(house.place.folder / "casino.db") == []
    await asyncio.to_thread(house.client.post, f"rollouts/{name}/abort", {"reason": "the currency is wrong"})
    await house.wait_async(name, lambda found: found["phase"] == "aborted")
    until(lambda: True if not house.client.get(f"rollouts/{name}/shadow")["copies"] else None, "copies to end")
