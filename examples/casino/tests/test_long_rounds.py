"""Rounds of several requests: begun, played on, settled by a callback without a player."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from casino.ledger import check
from casino.players.population import Person
from casino.players.wire import Heard, Wire
from casino.testing import LocalCasino, sign_in


async def deposit(wire: Wire, headers: dict[str, str]) -> None:
    for number in range(20):
        given = {"amount_minor": 10_000, "psp": "kestrel"}
        heard = await wire.ask(
            "payments", "POST", "/payments/deposit", given, {**headers, "idempotency-key": str(number)}
        )
        if heard.status == 200:
            return
    raise AssertionError("no deposit was approved")


async def begin(wire: Wire, headers: dict[str, str], **more: Any) -> Heard:
    return await wire.ask("games", "POST", "/games/rounds", {"game": "comet", "stake_minor": 10, **more}, headers)


async def step(wire: Wire, headers: dict[str, str], id_: str, path: str = "/games/rounds/step") -> Heard:
    return await wire.ask("games", "POST", path, {}, {**headers, "x-round-id": id_})


async def test_a_round_of_several_requests(wire: Wire, person: Person) -> None:
    headers = await sign_in(wire, person)
    assert (await begin(wire, headers)).status == 422  # no money yet
    await deposit(wire, headers)
    begun = await begin(wire, headers)
    id_ = begun.body["round_id"]
    assert id_.endswith("@1.1.0")
    assert (await step(wire, headers, id_)).body["status"] == "open"
    settled = await step(wire, {}, id_, "/games/callback")
    assert (settled.status, settled.body["status"]) == (200, "settled")
    again = await step(wire, {}, id_, "/games/callback")
    assert (again.body, again.replayed) == (settled.body, True)
    for path in (f"/games/callback?round={quote(id_, safe='')}", f"/games/callbacks/{quote(id_, safe='')}"):
        otherwise = await wire.ask("games", "POST", path, {})
        assert (otherwise.body, otherwise.replayed) == (settled.body, True)
    assert (await step(wire, headers, id_)).body["status"] == "settled"


async def test_what_is_none_of_yours_is_refused(wire: Wire, person: Person) -> None:
    headers = await sign_in(wire, person)
    assert (await step(wire, headers, f"somebody:{'0' * 16}@1.1.0")).status == 404
    assert (await step(wire, headers, f"{person.id or 'x'}:{'0' * 16}@1.1.0")).status == 404
    assert (await step(wire, {}, f"x:{'0' * 16}@1.1.0", "/games/callback")).status == 404
    assert (await step(wire, headers, "nonsense")).status == 400


async def test_a_round_that_two_versions_served_is_a_finding(casino: LocalCasino, person: Person) -> None:
    old = dict(casino.start_all("auth", "payments", "games", version="1.0.0"))
    new = {**old, **casino.start_all("games", version="1.1.0")}
    async with (
        Wire("http://127.0.0.1:1", old, timeout_s=60) as first,
        Wire("http://127.0.0.1:1", new, timeout_s=60) as second,
    ):
        headers = await sign_in(first, person)
        await deposit(first, headers)
        id_ = (await begin(first, headers)).body["round_id"]
        assert check(casino.database) == []
        assert (await step(second, headers, id_)).status == 200
        await step(first, {}, id_, "/games/callback")
    (found,) = check(casino.database)
    assert (found.rule, found.subject) == ("split_round", id_)
    assert found.detail == "begun on 1.0.0, served by 1.0.0 1.1.0"
