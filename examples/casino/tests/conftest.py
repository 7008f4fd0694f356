"""Fixtures: a casino of real processes for the whole session, one per test where it is broken on purpose."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from casino.players.population import Person
from casino.players.wire import Wire
from casino.testing import LocalCasino, OpenHouse, house_in
from casino.world import SERVICES

NUMBERS = count()


@pytest.fixture(scope="session")
def routes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """A healthy casino, version 1.1.0, shared by all tests that leave it healthy."""
    with LocalCasino(tmp_path_factory.mktemp("casino")) as casino:
        yield casino.start_all(*SERVICES)


@pytest.fixture
def casino(tmp_path: Path) -> Iterator[LocalCasino]:
    """An empty casino of the test's own."""
    with LocalCasino(tmp_path) as own:
        yield own


@pytest.fixture
async def wire(routes: Mapping[str, str]) -> AsyncIterator[Wire]:
    """A client of the shared casino."""
    async with Wire("http://127.0.0.1:1", routes, timeout_s=60) as open_wire:
        yield open_wire


@pytest.fixture
def person() -> Person:
    """A player whom nobody has seen before, in Germany."""
    return Person(
        f"player-{next(NUMBERS)}", "a-good-password", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "DE", "aurora", excluded=False
    )


@pytest.fixture
def open_house(tmp_path: Path) -> Iterator[OpenHouse]:
    """Services without a server around them, all on one new database."""
    with ExitStack() as closing:
        yield lambda rules=None, **how: closing.enter_context(house_in(tmp_path / "casino.db", rules, **how))
