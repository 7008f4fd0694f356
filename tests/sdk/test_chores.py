import threading
from collections.abc import Iterator

import pytest
from tests.sdk.plane import until

from croupier.sdk.chores import Chores


@pytest.fixture
def chores() -> Iterator[Chores]:
    found = Chores()
    found.start()
    yield found
    found.stop()


def test_each_at_its_time_and_once(chores: Chores) -> None:
    done: list[str] = []
    chores.after(0.10, "late", lambda: done.append("late"))
    chores.after(0.05, "soon", lambda: done.append("soon"))
    chores.after(3600, "soon", lambda: done.append("never"))
    until(lambda: len(done) == 2, "both")
    assert done == ["soon", "late"]


def test_what_must_come_sooner_does(chores: Chores) -> None:
    done = threading.Event()
    chores.after(3600, "fetch", lambda: None)
    chores.after(0.0, "fetch", done.set)
    assert done.wait(120)


def test_a_failure_is_no_other_chores(chores: Chores, caplog: pytest.LogCaptureFixture) -> None:
    done = threading.Event()
    chores.after(0.0, "fails", lambda: 1 / 0)  # type: ignore[arg-type]
    chores.after(0.02, "works", done.set)
    assert done.wait(120)
    assert "ZeroDivisionError" in caplog.text


def test_what_is_not_due_is_dropped_in_the_end(chores: Chores) -> None:
    done = threading.Event()
    chores.after(0.05, "late", done.set)
    chores.stop()
    assert not done.wait(0.2)
