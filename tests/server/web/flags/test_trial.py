"""Edits that are tried before they are saved: where something changes, and for whom."""

from typing import Any

import pytest

from croupier.core.flags.read import read_flag
from croupier.server.settings import Settings
from croupier.server.web.flags.trial import PLAYERS, tried


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Two environments."""
    return settings.model_copy(update={"environments": ("production", "staging")})


async def test_only_places_that_change_are_told(flagged: Any, payments: Any) -> None:
    book = flagged.context.flags.book
    payments["environments"] = {"staging": {"rules": []}}
    (only,) = await tried(book, read_flag(payments), 0.0)
    assert only.environment == "staging"
    assert only.preview.lose > 0
    assert only.preview.gain == 0
    assert only.preview.players == PLAYERS


async def test_raising_a_share_takes_it_from_nobody(flagged: Any, payments: Any) -> None:
    payments["rules"][0]["rollout"] = 0.6
    for trial in await tried(flagged.context.flags.book, read_flag(payments), 0.0):
        assert trial.preview.gain > 0
        assert trial.preview.lose == 0


async def test_a_new_flag_is_a_gain(flagged: Any) -> None:
    found = await tried(flagged.context.flags.book, read_flag({"feature": "new", "rules": [{}]}), 0.0)
    assert [trial.preview.gain for trial in found] == [PLAYERS, PLAYERS]


async def test_segments_are_known(flagged: Any) -> None:
    segment = {
        "apiVersion": "croupier/v1",
        "kind": "Segment",
        "metadata": {"name": "vip"},
        "spec": {"match": {"tier": ["gold", "platinum"]}},
    }
    applied = await flagged.post("/apply", {"documents": [segment]})
    assert applied.status_code == 200, applied.text
    await flagged.context.flags.book.refresh()
    flag = read_flag({"feature": "new", "rules": [{"if": "segment('vip')"}]})
    gains = [trial.preview.gain for trial in await tried(flagged.context.flags.book, flag, 0.0)]
    assert all(0 < gain < PLAYERS for gain in gains)
