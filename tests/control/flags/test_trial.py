"""Edits that are tried before they are saved: where something changes, and for whom."""

from typing import Any

import pytest

from croupier.control.flags.trial import PLAYERS, trials
from croupier.control.ports import Commit, Document, Stored
from croupier.core.flags.read import read_flag
from croupier.core.journal.entry import Entry
from croupier.core.segments import AttributeMatch, Segment

PAYMENTS: dict[str, Any] = {"feature": "payments_v2", "rules": [{"if": "market in ['DE','SE']", "rollout": 0.25}]}


@pytest.fixture
async def places(another: Any) -> Any:
    """Two environments, and a flag."""
    made = await another(environments=("production", "staging"))
    await made.declare(PAYMENTS)
    return made


async def tried(plane: Any, declared: dict[str, Any]) -> Any:
    return await trials(plane.flags.book, read_flag(declared), plane.clock.now())


async def test_only_places_that_change_are_told(places: Any) -> None:
    (only,) = await tried(places, {**PAYMENTS, "environments": {"staging": {"rules": []}}})
    assert only.environment == "staging"
    assert only.preview.lose > 0
    assert only.preview.gain == 0
    assert only.preview.players == PLAYERS


async def test_raising_a_share_takes_it_from_nobody(places: Any) -> None:
    found = await tried(places, {**PAYMENTS, "rules": [{**PAYMENTS["rules"][0], "rollout": 0.6}]})
    assert len(found) == 2
    for trial in found:
        assert trial.preview.gain > 0
        assert trial.preview.lose == 0


@pytest.mark.parametrize("flag", ["new", "gone"])
async def test_a_new_flag_is_a_gain(places: Any, flag: str) -> None:
    if flag == "gone":
        await places.declare({"feature": flag, "default": "on"})
        await places.flags.changes.archive(flag, actor="anna")
    found = await tried(places, {"feature": flag, "rules": [{}]})
    assert [trial.preview.gain for trial in found] == [PLAYERS, PLAYERS]


async def test_nobody_notices_the_edit_of_a_killed_flag(places: Any) -> None:
    await places.flags.changes.kill("payments_v2", actor="ben", reason="fire")
    edit = {**PAYMENTS, "rules": []}
    assert await tried(places, edit) == ()
    restored = await trials(places.flags.book, read_flag(edit), places.clock.now(), restored=True)
    assert [(trial.preview.gain, trial.preview.lose > 0) for trial in restored] == [(0, True), (0, True)]
    (warning,) = (await places.flags.changes.plan([read_flag(edit)], actor="anna")).decided.warnings[-1:]
    assert str(warning) == (
        "[0].killed: the flag stays killed, by ben: fire. Nobody notices this edit before it is restored."
    )


async def test_a_declared_kill_takes_it_from_everybody(places: Any) -> None:
    everybody = {"feature": "all", "rules": [{}]}
    await places.declare(everybody)
    killed = {**everybody, "kill_switch": True}
    assert [trial.preview.lose for trial in await tried(places, killed)] == [PLAYERS, PLAYERS]
    warnings = (await places.flags.changes.plan([read_flag(killed)], actor="anna")).decided.warnings
    assert "it is killed by this: everybody gets 'off', whatever its rules say." in [item.message for item in warnings]
    await places.declare(killed)
    assert [trial.preview.gain for trial in await tried(places, everybody)] == [PLAYERS, PLAYERS]


async def test_segments_are_known(places: Any) -> None:
    segment = Segment("vip", (AttributeMatch("tier", ("gold", "platinum")),))
    document = Document("Segment", "vip", "sha256:1", segment, {})
    entry = Entry(1.0, "anna", "declare", "document/Segment/vip")
    await places.store.commit(Commit((entry,), 1.0, documents=(Stored(document, 0),)))
    await places.flags.book.refresh()
    gains = [
        trial.preview.gain for trial in await tried(places, {"feature": "new", "rules": [{"if": "segment('vip')"}]})
    ]
    assert all(0 < gain < PLAYERS for gain in gains)
    assert len(gains) == 2
