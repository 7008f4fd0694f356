"""A kill that goes out before the command line is loaded: only where it is plain, only with a token for that host."""

from pathlib import Path
from typing import Any

import pytest
from tests.cli.test_client import other as other  # noqa: PLC0414 - a fixture

from croupier.cli.ahead import kill_ahead, read


@pytest.mark.parametrize(
    "arguments",
    [
        ["f", "--reason", "bad"],
        ["f", "-r", "bad"],
        ["--reason=bad", "f"],
        ["--json", "--wait", "5", "f", "-r", "bad", "-e", "staging"],
        ["f", "--wait=5", "--environment=staging", "-r", "bad"],
    ],
)
def test_what_is_plain(arguments: list[str]) -> None:
    assert read(arguments) == ("f", "bad")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["f"],
        ["-r", "bad"],
        ["f", "-r"],
        ["f", "-r", " "],
        ["", "-r", "bad"],
        ["f", "g", "-r", "bad"],
        ["f", "-r", "bad", "-r", "worse"],
        ["f", "-r", "--json"],
        ["f", "-rbad"],
        ["f", "-r", "bad", "--dry-run"],
        ["f", "-r", "bad", "--help"],
        ["--", "f", "-r", "bad"],
        ["f", "-r", "bad", "--wait"],
    ],
)
def test_what_is_left_to_the_command(arguments: list[str]) -> None:
    assert read(arguments) is None


def test_it_is_sent_with_the_token_for_that_host(other: Any, tmp_path: Path) -> None:
    (tmp_path / "admin.token").write_text("crp_mine\n")
    kill_ahead(["a/b", "-r", "bad"], {"CROUPIER_URL": f"{other.url}/", "CROUPIER_STATE_DIR": str(tmp_path)})
    ((method, path, headers),) = other.asked
    assert (method, path) == ("POST", "/api/v1/flags/a%2Fb/kill")
    assert headers["authorization"] == "Bearer crp_mine"


@pytest.mark.parametrize(
    "environ",
    [
        {"CROUPIER_URL": "http://control.example:8700"},  # no token for it
        {"CROUPIER_URL": "http://control.example:8700", "CROUPIER_TOKEN": "t", "HTTP_PROXY": "http://127.0.0.1:9"},
        {"CROUPIER_URL": "http://127.0.0.1:9", "CROUPIER_TOKEN": "t"},  # nobody is there
        {"CROUPIER_URL": "http://127.0.0.1:99999", "CROUPIER_TOKEN": "t"},
        {"CROUPIER_URL": "ftp://127.0.0.1", "CROUPIER_TOKEN": "t"},
        {"CROUPIER_URL": "nonsense", "CROUPIER_TOKEN": "t"},
        {"CROUPIER_URL": "http://[::1", "CROUPIER_TOKEN": "t"},
        {"CROUPIER_URL": "http://127.0.0.1:9", "CROUPIER_TOKEN": "tökén\u20ac"},
    ],
)
def test_in_doubt_nothing_is_sent_and_nothing_is_said(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "admin.token").write_text("crp_mine")
    kill_ahead(["f", "-r", "bad"], {"CROUPIER_STATE_DIR": str(tmp_path), **environ})


def test_an_answer_that_is_none_is_no_matter(other: Any) -> None:
    other.answer = lambda request: setattr(request, "close_connection", True)
    kill_ahead(["f", "-r", "bad"], {"CROUPIER_URL": other.url, "CROUPIER_TOKEN": "t"})
    assert len(other.asked) == 1
