"""A control plane for clients of flags, on a real port."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.sdk.plane import TOKEN, Plane

from croupier.sdk import FlagClient

Connect = Callable[..., FlagClient]


@pytest.fixture
def plane() -> Iterator[Plane]:
    started = Plane({"payments_v2": {"rules": [{"if": "market == 'DE'"}]}, "new_lobby": True}).start()
    yield started
    started.stop()


@pytest.fixture
def connect(plane: Plane, tmp_path: Path) -> Iterator[Connect]:
    """Clients of the plane, closed in the end; their cache is a file of the test."""
    with ExitStack() as stack:

        def client(**options: Any) -> FlagClient:
            given: dict[str, Any] = {"url": plane.url, "token": TOKEN, "cache": tmp_path / "flags"} | options
            return stack.enter_context(FlagClient(**given))

        yield client
