"""Asking: every way of giving a context, every type, and whatever else comes."""

import asyncio
import os
import threading
from collections import ChainMap
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, assert_type

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.flags.snapshot import Snapshot, encode
from croupier.errors import Rejected
from croupier.sdk import Changed, Details, FlagClient, Reason
from croupier.sdk.known import write_cache
from croupier.sdk.rules import read_rules

ISSUE = {
    "feature": "payments_v2",
    "rules": [
        {"if": "market in ['DE','SE']", "rollout": 0.25},
        {"if": "brand == 'X' && user.isEmployee", "rollout": 1.0},
    ],
    "kill_switch": False,
}
RULES: dict[str, Any] = {
    "payments_v2": {key: value for key, value in ISSUE.items() if key != "feature"},
    "new_lobby": True,
    "limit": 3,
    "ratio": 0.5,
    "title": "Welcome",
    "layout": {"columns": [1, 2]},
    "tiles": [1, 2],
    "beta": {"prerequisites": [{"flag": "new_lobby"}], "default": "on"},
}


@pytest.fixture
def flags() -> FlagClient:
    return FlagClient.from_rules(RULES)


def test_the_issues_example() -> None:
    flags = FlagClient.from_rules(ISSUE)
    on = [flags.is_enabled("payments_v2", user=f"p{number}", market="DE", brand="Y") for number in range(2000)]
    assert 400 < sum(on) < 600
    assert flags.is_enabled("payments_v2", user={"id": "p1", "isEmployee": True}, market="FI", brand="X")
    assert not flags.is_enabled("payments_v2", user={"id": "p1", "isEmployee": False}, market="FI", brand="X")


@pytest.mark.parametrize(
    "context",
    [
        {"user": "p1", "market": "DE"},
        MappingProxyType({"user": "p1", "market": "DE"}),
        ChainMap({"user": "p1"}, {"market": "DE"}),
    ],
)
def test_contexts_are_given_whole_by_name_or_both(flags: FlagClient, context: Mapping[str, Any]) -> None:
    wanted = flags.details("payments_v2", user="p1", market="DE").as_dict()
    assert flags.details("payments_v2", None, context).as_dict() == wanted
    assert flags.details("payments_v2", None, {"user": "p1", "market": "SE"}, market="DE").as_dict() == wanted
    assert flags.details("payments_v2", None, context, other=1).as_dict() == wanted
    assert flags.outcome("payments_v2", context).variant == wanted["variant"]
    assert dict(context) == {"user": "p1", "market": "DE"}


def test_values_have_the_callers_type(flags: FlagClient) -> None:
    assert_type(flags.value("limit", 1), int)
    assert_type(flags.details("title", "x"), Details[str])
    assert flags.value("limit", 1) == 3
    assert flags.value("title", "") == "Welcome"
    assert flags.value("new_lobby", False) is True
    assert flags.value("ratio", 0.0) == 0.5
    assert flags.value("layout", {}) == {"columns": [1, 2]}
    assert flags.value("tiles", [0]) == [1, 2]
    assert flags.value("limit") == 3
    number = flags.value("limit", 1.5)
    assert (number, type(number)) == (3.0, float)


@pytest.mark.parametrize(
    "key, default", [("limit", "x"), ("limit", True), ("ratio", 1), ("title", 1), ("new_lobby", 1), ("tiles", {})]
)
def test_another_type_is_the_callers_default(flags: FlagClient, key: str, default: Any) -> None:
    assert flags.value(key, default) is default
    details = flags.details(key, default)
    assert (details.value, details.error, details.reason, details.variant) == (
        default,
        "TYPE_MISMATCH",
        Reason.ERROR,
        None,
    )
    assert "another type" in details.detail


def test_objects_are_the_callers_own(flags: FlagClient) -> None:
    mine: dict[str, Any] = {}
    flags.value("layout", mine)["columns"] = "mine"
    flags.details("layout").value.clear()
    assert flags.value("layout", {}) == {"columns": [1, 2]}


def test_only_true_is_enabled(flags: FlagClient) -> None:
    assert flags.is_enabled("new_lobby")
    assert [flags.is_enabled(key) for key in ("limit", "title", "layout", "nobody")] == [False] * 4


def test_an_unknown_flag_is_the_callers_default(flags: FlagClient) -> None:
    assert flags.value("nobody", 7) == 7
    details = flags.details("nobody", 7)
    assert (details.value, details.error, details.version) == (7, "FLAG_NOT_FOUND", 0)
    assert (details.rule, details.bucket) == (None, None)
    assert "there is no flag 'nobody'" in repr(details)


def test_everything_about_an_answer(flags: FlagClient) -> None:
    details = flags.details("payments_v2", False, user="p1", market="DE")
    assert details.as_dict() == {
        "key": "payments_v2",
        "value": False,
        "variant": "off",
        "reason": Reason.SPLIT,
        "rule": "rule 1",
        "version": 1,
        "bucket": 4905,
        "detail": "outside of the 25 % of rule 1; rule 2: brand is missing",
        "error": None,
    }


STRANGE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.builds(object),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=5,
)


ASKED = FlagClient.from_rules(RULES)


@given(st.sampled_from([*RULES, "nobody"]) | STRANGE, STRANGE, STRANGE, st.dictionaries(st.text(), STRANGE))
def test_asking_never_raises(key: Any, default: Any, context: Any, attributes: dict[str, Any]) -> None:
    flags = ASKED
    for given_context in (context, {"user": context, "market": default, "brand": context}):
        assert flags.is_enabled(key, given_context, **attributes) in (True, False)
        flags.value(key, default, given_context, **attributes)
        str(flags.details(key, default, given_context, **attributes).as_dict())
        flags.outcome(key, given_context)


class Hostile(dict[str, Any]):
    def __getitem__(self, key: str) -> Any:
        raise RecursionError

    def get(self, key: object, default: object = None) -> Any:
        raise MemoryError

    def keys(self) -> Any:
        raise KeyError

    def __iter__(self) -> Iterator[str]:
        raise ValueError


def test_a_hostile_context_is_answered(flags: FlagClient) -> None:
    hostile = Hostile(a=1)
    assert not flags.is_enabled("payments_v2", hostile)
    assert not flags.is_enabled("payments_v2", hostile, market="DE")
    assert flags.details("payments_v2", False, hostile).bucket is None


# Overrides


def test_an_override_is_for_its_block(flags: FlagClient) -> None:
    with flags.override({"payments_v2": True, "limit": 9}) as inside:
        assert inside is flags
        assert flags.is_enabled("payments_v2")
        assert flags.value("limit", 1) == 9
        assert flags.value("title", "") == "Welcome"
        with flags.override({"limit": 10, "fresh": True}):
            assert (flags.value("limit", 1), flags.is_enabled("payments_v2")) == (10, True)
            assert "fresh" in flags.flag_keys()
        assert flags.value("limit", 1) == 9
    assert not flags.is_enabled("payments_v2")
    assert flags.value("limit", 1) == 3


def test_what_requires_an_overridden_flag_sees_it(flags: FlagClient) -> None:
    assert flags.is_enabled("beta")
    with flags.override({"new_lobby": False}):
        assert not flags.is_enabled("beta")
        assert flags.details("beta").detail == "needs new_lobby"
    assert flags.is_enabled("beta")


def test_an_override_ends_with_an_exception(flags: FlagClient) -> None:
    with pytest.raises(ZeroDivisionError), flags.override({"limit": 9}):
        raise ZeroDivisionError
    assert flags.value("limit", 1) == 3


def test_a_wrong_override_changes_nothing(flags: FlagClient) -> None:
    with pytest.raises(Rejected, match="column"), flags.override({"limit": {"rules": [{"if": "market =="}]}}):
        pass
    assert flags.value("limit", 1) == 3


def test_an_override_is_for_its_client(flags: FlagClient) -> None:
    other = FlagClient.from_rules(RULES)
    with flags.override({"limit": 9}):
        assert other.value("limit", 1) == 3


def test_an_override_is_for_its_thread(flags: FlagClient) -> None:
    seen: list[int] = []
    with flags.override({"limit": 9}):
        thread = threading.Thread(target=lambda: seen.append(flags.value("limit", 1)))
        thread.start()
        thread.join()
    assert seen == [3]


async def test_an_override_is_for_its_task_and_those_it_starts(flags: FlagClient) -> None:
    inside, outside = asyncio.Event(), asyncio.Event()

    async def overriding() -> tuple[int, int]:
        with flags.override({"limit": 9}):
            inside.set()
            await outside.wait()
            return flags.value("limit", 1), await asyncio.create_task(asking())

    async def asking() -> int:
        return flags.value("limit", 1)

    task = asyncio.create_task(overriding())
    await inside.wait()
    assert flags.value("limit", 1) == 3
    outside.set()
    assert await task == (9, 9)
    assert flags.value("limit", 1) == 3


# Rules that are written where they are used


@pytest.mark.parametrize(
    "rules, key, value",
    [
        (ISSUE, "payments_v2", False),
        ([ISSUE, {"feature": "other", "default": "on"}], "other", True),
        ({"f": {"default": "on"}}, "f", True),
        ({"f": {}}, "f", False),
        ({"f": {"color": "red"}}, "f", {"color": "red"}),
        ({"f": None}, "f", None),
    ],
)
def test_rules_in_every_form(rules: Any, key: str, value: Any) -> None:
    if value is None:
        with pytest.raises(Rejected):
            FlagClient.from_rules(rules)
    else:
        assert FlagClient.from_rules(rules).value(key) == value


@pytest.mark.parametrize("rules", [3, "x", None, [{"feature": "f", "rules": [{"if": "1 +"}]}], [{"featur": "f"}]])
def test_wrong_rules_are_refused_where_they_are_written(rules: Any) -> None:
    with pytest.raises(Rejected):
        FlagClient.from_rules(rules)


def test_overrides_of_environments_are_in_force() -> None:
    rules = {"f": {"environments": {"staging": {"default": "on"}}}}
    assert not FlagClient.from_rules(rules).is_enabled("f")
    assert FlagClient.from_rules(rules, environment="staging").is_enabled("f")


# What is known before the server is heard


def test_a_bootstrap_of_declarations(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    path.write_text('[{"feature": "new_lobby", "default": "on"}]')
    flags = FlagClient(bootstrap=path)
    assert flags.is_enabled("new_lobby")
    assert flags.status().source == "bootstrap"
    assert flags.wait_ready(0)


def test_a_bootstrap_of_a_snapshot(tmp_path: Path) -> None:
    path = tmp_path / "flags"
    path.write_bytes(encode(read_rules(RULES, "production")))
    assert FlagClient(bootstrap=path).is_enabled("new_lobby")
    path.write_bytes(encode(Snapshot("production", "home", 3)))
    assert FlagClient(bootstrap=str(path)).status().version == 3


@pytest.mark.parametrize("content", [b"", b"{", b"[]]", b"\xff\x00", b'{"f": {"rules": 3}}', b"null", b'{"format": 9}'])
def test_a_wrong_bootstrap_is_said_and_starts(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "flags.json"
    path.write_bytes(content)
    flags = FlagClient(bootstrap=path)
    assert flags.source == "nothing"
    assert flags.status().troubles[0].startswith(f"{path} is not used: ")
    assert FlagClient(bootstrap=tmp_path / "none").status().troubles


def test_a_snapshot_of_another_environment_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "flags"
    path.write_bytes(encode(read_rules(RULES, "staging")))
    assert "environment staging" in FlagClient(bootstrap=path).status().troubles[0]


def test_a_cache_that_cannot_be_reached_starts(tmp_path: Path) -> None:
    """A service whose user may not enter the folder that HOME names; a name that no disk takes."""
    with FlagClient("http://127.0.0.1:9", cache=tmp_path / ("x" * 300)) as flags:
        assert "is not used" in flags.status().troubles[0]
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with FlagClient("http://127.0.0.1:9", cache=pipe) as flags:
        assert "it is no file" in flags.status().troubles[0]
    link = tmp_path / "link"
    link.symlink_to(link)
    with FlagClient("http://127.0.0.1:9", cache=link) as flags:
        assert "is not used" in flags.status().troubles[0]
    link.unlink()
    link.write_bytes(encode(Snapshot("production", "home", 3)))
    with FlagClient("http://127.0.0.1:9", cache=link, largest=10) as flags:
        assert "larger than" in flags.status().troubles[0]


def test_the_newer_of_bootstrap_and_cache(tmp_path: Path) -> None:
    def newer(boot: Snapshot, kept: Snapshot) -> str:
        bootstrap, cache = tmp_path / "bootstrap", tmp_path / "cache"
        bootstrap.write_bytes(encode(boot))
        cache.write_bytes(encode(kept))
        with FlagClient("http://127.0.0.1:9", bootstrap=bootstrap, cache=cache) as flags:
            return flags.source

    def at(version: int, lineage: str = "home") -> Snapshot:
        return Snapshot("production", lineage, version)

    assert newer(at(3), at(2)) == "bootstrap"
    assert newer(at(2), at(3)) == "cache"
    assert newer(at(3, "other"), at(2)) == "cache"


def test_nobody_waits_for_a_server_that_cannot_be_followed() -> None:
    with FlagClient("nonsense", cache=None) as flags:
        assert flags.wait_ready(3_600.0) is False
        assert flags.status().troubles[0].startswith("the control plane cannot be followed: ")
    with FlagClient() as flags:
        assert flags.wait_ready(0.0) is True


def test_a_token_that_is_none_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with FlagClient("http://127.0.0.1:9", "crp_…", cache=None) as flags:
        assert flags.value("f", 1) == 1
        assert flags.status().troubles[0].startswith("the control plane cannot be followed: ")
    assert "Look at the address and the token" in caplog.text


def test_listeners_hear_of_changes_until_they_do_not(flags: FlagClient) -> None:
    heard: list[object] = []

    def failing(event: object) -> None:
        raise ZeroDivisionError

    flags.listen(failing)
    stop = flags.listen(heard.append)
    flags._held.replace(read_rules(RULES | {"limit": 4}, "production", 2))
    stop()
    stop()
    flags._held.replace(read_rules(RULES, "production", 3))
    assert len(heard) == 1
    assert isinstance(heard[0], Changed)
    assert "limit" in heard[0].flags


def test_what_a_killed_writer_left_is_removed(tmp_path: Path) -> None:
    cache = tmp_path / "a[b]"
    old, new, other = tmp_path / ".a[b].x1", tmp_path / ".a[b].x2", tmp_path / ".a.x3"
    for path in (old, new, other):
        path.write_bytes(b"half")
    for path in (old, other):
        os.utime(path, (1.0, 1.0))
    write_cache(cache, Snapshot("production", "home", 3))
    assert sorted(tmp_path.iterdir()) == [other, new, cache]
