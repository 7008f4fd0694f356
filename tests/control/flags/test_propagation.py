"""Who runs which version, and how long a change takes to get there."""

from typing import Any

import pytest

from croupier.control.flags import propagation as module
from croupier.errors import NotFound


class Fleet:
    """Clients that acknowledge what the plane has."""

    def __init__(self, plane: Any, clock: Any) -> None:
        self.plane, self.clock = plane, clock

    def say(self, *clients: str, held_s: float = 0.0, position: str | None = None, digest: str | None = None) -> None:
        whole = self.plane.flags.book.snapshot("production")
        for client in clients:
            self.plane.flags.propagation.acknowledge(
                client,
                "production",
                whole.position if position is None else position,
                f"{whole.digest:064x}" if digest is None else digest,
                held_s=held_s,
                now=self.clock.now(),
                sdk="python 1",
            )

    @property
    def summary(self) -> Any:
        return self.plane.flags.propagation.summary("production", self.clock.now())


@pytest.fixture
def fleet(plane: Any, clock: Any) -> Fleet:
    return Fleet(plane, clock)


async def test_it_says_how_far_a_version_has_come_and_who_is_behind(plane: Any, fleet: Fleet, clock: Any) -> None:
    await plane.declare({"feature": "a"})
    fleet.say("one", "two", "three")
    await clock.advance(10)
    await plane.flags.changes.kill("a", actor="anna", reason="x")
    await clock.advance(0.5)
    fleet.say("one", held_s=0.4)
    fleet.say("two")
    await clock.advance(39.5)
    found = fleet.summary
    assert (found.version, found.clients, found.current, found.versions) == (2, 3, 2, {2: 2, 1: 1})
    (late,) = found.laggards
    assert (late.client.name, late.client.sdk, late.behind_s) == ("three", "python 1", pytest.approx(40))
    assert (found.p50_s, found.p99_s) == (pytest.approx(0.1), pytest.approx(0.5))
    assert found.differing == []


async def test_the_wait_of_a_kill_for_its_record_is_no_propagation(plane: Any, fleet: Fleet, clock: Any) -> None:
    await plane.declare({"feature": "a"})
    fleet.say("one")
    plane.down = True
    await plane.flags.changes.kill("a", actor="anna", reason="x")
    await clock.advance(600)
    plane.down = False
    await plane.flags.changes.kills.settle()
    fleet.say("one")
    assert fleet.summary.version == 2
    assert fleet.summary.p99_s == pytest.approx(0.0, abs=1.0)


async def test_who_has_just_come_tells_nothing_of_propagation(plane: Any, fleet: Fleet, clock: Any) -> None:
    await plane.declare({"feature": "a"})
    await clock.advance(1_000)
    fleet.say("one")
    fleet.say("one")
    assert (fleet.summary.p50_s, fleet.summary.p99_s, fleet.summary.current) == (None, None, 1)


async def test_other_content_under_the_same_version_is_shown(plane: Any, fleet: Fleet) -> None:
    await plane.declare({"feature": "a"})
    fleet.say("one", digest="0")
    fleet.say("two", digest="no number")
    assert [client.name for client in fleet.summary.differing] == ["one", "two"]
    plane.down = True
    await plane.flags.changes.kill("a", actor="anna", reason="x")
    assert fleet.summary.differing == ()


async def test_clients_of_another_record_are_behind(plane: Any, fleet: Fleet) -> None:
    await plane.declare({"feature": "a"})
    fleet.say("one", position="other:9")
    fleet.say("two")
    found = fleet.summary
    assert (found.current, found.versions, found.laggards[0].behind_s) == (1, {-1: 1, 1: 1}, 0.0)


@pytest.mark.parametrize("position", ["", "x", "a:", "a:-1", "a:٣", "a:" + "9" * 20])
async def test_nonsense_is_left_out(fleet: Fleet, position: str) -> None:
    fleet.say("one", position=position)
    assert fleet.summary.clients == 0


async def test_who_goes_or_is_silent_for_long_is_forgotten(plane: Any, fleet: Fleet, clock: Any) -> None:
    propagation = plane.flags.propagation
    fleet.say("one", "two", "three", "four")
    propagation.gone("four", "production")
    propagation.gone("never there", "production")
    await clock.advance(module.FORGET_AFTER_S)
    fleet.say("one")
    propagation.seen("two", "production", clock.now())
    propagation.seen("never there", "production", clock.now())
    await clock.advance(1)
    assert (fleet.summary.clients, propagation.clients("production")) == (2, 2)


async def test_so_many_are_remembered(plane: Any, fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CLIENTS", 3)
    fleet.say("one", "two", "three", "one", "four")
    assert plane.flags.propagation.clients("production") == 3
    assert "two" not in [item.client.name for item in fleet.summary.laggards]


async def test_a_client_ahead_of_a_record_that_went_back_is_told(plane: Any, fleet: Fleet) -> None:
    """An older database was restored: what such a client has is not what there is."""
    await plane.declare({"feature": "lobby"})
    fleet.say("one", position=f"{plane.flags.book.lineage}:412")
    summary = fleet.summary
    assert (summary.clients, summary.current, dict(summary.versions)) == (1, 0, {412: 1})
    assert [(item.client.name, item.behind_s) for item in summary.laggards] == [("one", 0.0)]


async def test_an_environment_must_be_one(plane: Any) -> None:
    with pytest.raises(NotFound, match="no environment 'moon'"):
        plane.flags.propagation.summary("moon", 0.0)
