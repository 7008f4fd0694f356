"""Fixtures that many tests need, and nothing else: a free port, a real PostgreSQL, how hard Hypothesis tries.

A fixture that serves one folder belongs in that folder's conftest.
"""

import gc
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from itertools import chain, groupby
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings
from tests.postgres import start_server

from casino.ports import free_port

# `HYPOTHESIS_PROFILE=thorough make test` tries much harder. No deadline anywhere: time is never asserted in a test.
settings.register_profile("default", deadline=None, max_examples=100)
# CI says whether a change broke something: the same examples each time. What nobody has seen yet is found by everybody
# who runs the tests elsewhere, each time by other examples.
settings.register_profile(
    "ci",
    deadline=None,
    max_examples=100,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "thorough", deadline=None, max_examples=5_000, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default"))


# Quick and telling ones first. What starts whole systems waits most of the time: with several workers it is dealt out
# among the quick ones, so that the cores have work meanwhile, and otherwise it comes last.
_FIRST = ("tests/core/", "tests/control/", "tests/architecture/", "tests/scripts/", "tests/docs/")
_LAST = ("envoy", "postgres", "browser", "e2e")
# Of these the longest first, so that at the end no worker waits for another one's long file.
_LONG = (
    "tests/e2e/test_first_rollout.py",
    "tests/e2e/test_demo.py",
    "tests/e2e/test_groups.py",
    "tests/server/test_app.py",
    "tests/e2e/test_death.py",
    "tests/e2e/",
    "tests/server/web/test_browser.py",
    "tests/adapters/routing/envoy/test_router.py",
    "tests/sdk/test_control_plane.py",
)
_DEALT_AMONG = 0.8
"""The last of the long ones begins when so much of the quick ones has begun: what comes then fills the gaps."""
_COVERING = ("tests/core/", "tests/control/")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is loaded and collected stays to the end. To look through it for garbage again and again takes a third of
    the time of collecting, and a tenth of all tests'.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item, among: tuple[str, ...]) -> int:
        return next((place for place, start in enumerate(among) if item.nodeid.startswith(start)), len(among))

    def whole(item: pytest.Item) -> bool:
        return item.nodeid.startswith("tests/e2e/") or any(item.get_closest_marker(mark) for mark in _LAST)

    quick = sorted((item for item in items if not whole(item)), key=lambda item: place(item, _FIRST))
    slow = sorted((item for item in items if whole(item)), key=lambda item: place(item, _LONG))
    for item in slow:  # a hang ends them too, but not a machine that is slow
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(900))
    items[:] = _dealt(slow, quick) if "PYTEST_XDIST_WORKER" in os.environ else [*quick, *slow]


def _dealt(slow: list[pytest.Item], quick: list[pytest.Item]) -> list[pytest.Item]:
    """File by file, since a file stays with one worker: the slow ones at equal distances from the first place on."""
    files, those = ([[*tests] for _, tests in groupby(items, key=lambda item: item.path)] for items in (quick, slow))
    distance = _DEALT_AMONG * len(files) / max(len(those), 1)
    for number, tests in reversed([*enumerate(those)]):
        files.insert(int(number * distance), tests)
    return [*chain.from_iterable(files)]


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """One of several processes: pytest-cov has begun to measure when it was loaded and begins once more now, and what
    began first would go on beneath whenever the second is paused.
    """
    plugin = session.config.pluginmanager.getplugin("_cov")
    if "PYTEST_XDIST_WORKER" in os.environ and plugin and plugin.cov_controller:
        plugin.cov_controller.cov.stop()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Only what core and control owe to their own tests is measured, and only examples that somebody chose.

    What random examples and played histories reach is not pinned down; and to measure the many takes longer than to run
    them: three times as long.
    """
    plugin = item.config.pluginmanager.getplugin("_cov")
    measuring = plugin.cov_controller if plugin else None
    if measuring is None:
        return
    chance = is_hypothesis_test(getattr(item, "obj", None)) or item.get_closest_marker("played")
    wanted = item.nodeid.startswith(_COVERING) and not chance
    if wanted != measuring.started:
        measuring.resume() if wanted else measuring.pause()


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    """What a test makes of the root logger ends with it: its stream is closed, and later tests would write there."""
    root = logging.getLogger()
    level = root.level
    yield
    root.setLevel(level)
    for handler in [each for each in root.handlers if type(each) is logging.StreamHandler]:
        root.removeHandler(handler)


_PATIENCE = (
    "croupier.control.groups._PATIENCE_S",
    "croupier.server.api.idempotency._PATIENCE_S",
    "croupier.control.flags.killing.PATIENCE_S",
    "croupier.control.reconcile.STORE_PATIENCE_S",
    "croupier.control.under_way.ANSWER_PATIENCE_S",
    "croupier.server.api.urgent.PATIENCE_S",
    "croupier.server.web.read.PATIENCE_S",
)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is busy for a moment is no outage here; a test of an outage asks for ``impatient``."""
    for name in _PATIENCE:
        monkeypatch.setattr(name, 30.0)


@pytest.fixture
def impatient(patient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a test of a store that says nothing."""
    for name in _PATIENCE:
        monkeypatch.setattr(name, 0.2)


@pytest.fixture(name="free_port")
def one_free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    return free_port()


@pytest.fixture(scope="session")
def free_ports() -> Callable[[], int]:
    """Calls give one free port each, for a test that needs several."""
    return free_port


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL (``postgresql://...``) of a real, empty PostgreSQL server of this test process, stopped at the end.

    With pytest-xdist each worker has its own. Tests that write take ``postgres_database`` instead.
    """
    home = Path(tempfile.mkdtemp(prefix="croupier-pg-"))
    try:
        server = start_server(home)
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[str]:
    """The URL of a fresh database, dropped after the test."""
    import psycopg
    from psycopg import sql

    name = f"test_{uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield urlsplit(postgres_url)._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
