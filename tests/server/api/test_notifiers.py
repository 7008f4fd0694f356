"""Receivers over the API: who is told, how it went, and a try. With a real loop and a real receiver."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.adapters.notify.receiver import Receiver
from tests.server.conftest import World, open_world, until

from croupier.adapters.clock import SystemClock
from croupier.adapters.notify import Declared, Webhook
from croupier.adapters.notify.declared import Format
from croupier.adapters.outgoing import Allowed
from croupier.server.auth import Role
from croupier.server.settings import Settings


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    yield one
    one.stop()


@pytest.fixture
async def world(settings: Settings, receiver: Receiver) -> AsyncIterator[World]:
    webhook = Webhook(Declared("chat", receiver.url, Format.SLACK), Allowed.read(["127.0.0.1"]), SystemClock())
    async with open_world(settings, notifiers=[webhook]) as opened:
        await until(opened.store.bookmarks, bool)
        yield opened
    await webhook.close()


async def one(world: World) -> Any:
    (found,) = (await world.get("/notifiers", Role.VIEWER)).json()
    return found


async def test_what_happens_reaches_the_receiver(world: World, receiver: Receiver) -> None:
    await world.declare()
    await world.roll_out()
    await world.post("/rollouts/shop-2/abort", {"reason": "enough"})
    await world.until("/notifiers", lambda found: found[0]["lastEvent"] == "rollout.aborted")
    shown = await one(world)
    assert (shown["name"], shown["where"], shown["lost"], shown["trouble"]) == (
        "chat",
        f"127.0.0.1:{receiver.port}",
        0,
        "",
    )
    assert shown["sent"] == len(receiver.got)
    assert "s3cret" not in str(shown)
    assert any("given up: enough" in got.said["text"] for got in receiver.got)


async def test_a_try_says_what_came_of_it(world: World, receiver: Receiver) -> None:
    assert (await world.post("/notifiers/chat/test", role=Role.VIEWER)).status_code == 403
    tried = (await world.post("/notifiers/chat/test", role=Role.OPERATOR)).json()
    assert tried == {"name": "chat", "delivered": True, "trouble": ""}
    assert "this is a test of the notifier chat" in receiver.got[-1].said["text"]
    receiver.status = 500
    tried = (await world.post("/notifiers/chat/test", role=Role.OPERATOR)).json()
    assert (tried["delivered"], tried["trouble"]) == (False, "it answers 500")
    missing = await world.post("/notifiers/nobody/test", role=Role.OPERATOR)
    assert missing.status_code == 404
    assert "There are: chat." in missing.text


async def test_nobody_is_told_by_default(settings: Settings) -> None:
    async with open_world(settings) as world:
        assert (await world.get("/notifiers")).json() == []
        missing = await world.post("/notifiers/chat/test")
        assert "CROUPIER_NOTIFIERS_FILE" in missing.text


async def test_metrics_tell_who_does_not_hear(world: World, receiver: Receiver) -> None:
    receiver.status = 404
    await world.post("/notifiers/chat/test")
    receiver.status = 500
    await world.post("/notifiers/chat/test")
    page = (await world.client.get("/metrics")).text
    assert 'croupier_notifications_total{notifier="chat",outcome="refused"} 1.0' in page
    assert 'croupier_notifications_total{notifier="chat",outcome="failed"} 1.0' in page
    assert 'croupier_notifier_failing_since_seconds{notifier="chat"}' in page
    receiver.status = 204
    await world.post("/notifiers/chat/test")
    page = (await world.client.get("/metrics")).text
    assert 'croupier_notifications_total{notifier="chat",outcome="delivered"} 1.0' in page
    assert "croupier_notifier_failing_since_seconds{" not in page
