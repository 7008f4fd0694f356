"""The cards of all flags: made once per change, in order, searched."""

from typing import Any

import pytest

from croupier.server.web.flags import index
from croupier.server.web.flags.index import Index, Only, Wish


async def test_cards_are_made_once_per_change(flagged: Any, declared: Any, payments: Any) -> None:
    found = Index(flagged.context.flags.book)
    first = await found.cards()
    assert [card.state.key for card in first] == ["dark_table", "new_lobby", "payments_v2", "provider_evo"]
    assert await found.cards() is first
    await declared({**payments, "owner": "psp"}, {"feature": "another", "owner": "me"})
    second = await found.cards()
    assert second[0].state.key == "another"
    assert second[1] is first[0]
    assert second[3] is not first[2]


async def test_many_are_made_beside_the_loop(flagged: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "MANY", 2)
    assert len(await Index(flagged.context.flags.book).cards()) == 4


async def test_the_latest_kill_comes_first(flagged: Any) -> None:
    for key in ("payments_v2", "dark_table"):
        await flagged.context.flags.changes.kill(key, actor="carol", reason="x")
    assert [state.key for state in await Index(flagged.context.flags.book).killed()] == ["dark_table", "payments_v2"]


async def test_what_expired_is_found(flagged: Any, declared: Any) -> None:
    now = flagged.context.ports.clock.now()
    await declared({"feature": "old", "owner": "me", "expires_at": now + 60.0})
    found = Index(flagged.context.flags.book)
    for only in (Only.EXPIRED, Only.DEBT):
        wish = Wish(only=only, environment="production")
        assert (await found.find(wish, after=None, limit=9, now=now)).total == 0
        late = await found.find(wish, after=None, limit=9, now=now + 61.0)
        assert [card.state.key for card in late.cards] == ["old"]


async def test_a_page_begins_after_a_key(flagged: Any) -> None:
    found = Index(flagged.context.flags.book)
    wish = Wish(environment="production")
    page = await found.find(wish, after="n", limit=2, now=0.0)
    assert [card.state.key for card in page.cards] == ["new_lobby", "payments_v2"]
    assert (page.first, page.total, page.next) == (2, 4, "payments_v2")
    beyond = await found.find(wish, after="z", limit=2, now=0.0)
    assert (list(beyond.cards), beyond.next) == ([], None)
