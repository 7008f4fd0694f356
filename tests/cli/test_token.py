"""Tokens: made once, listed without their secrets, and shut out."""

import uuid
from typing import Any

import httpx
import pytest

FLAGS = "/api/v1/environments/{}/flags"


def asked(plane: Any, token: str, environment: str) -> int:
    headers = {"authorization": f"Bearer {token}"}
    return httpx.get(plane.url + FLAGS.format(environment), headers=headers, trust_env=False, timeout=60).status_code


def test_an_application_gets_a_token_for_one_environment(plane: Any, cli: Any) -> None:
    made = cli("token", "create", "shop", "-e", "production", "-r", "it sells")
    assert (made.code, made.out.count("\n"), made.out[:4]) == (0, 1, "crp_")
    assert made.err.startswith("shop is a client for production. Nobody can read this token again;")
    token = made.out.strip()
    assert [asked(plane, token, name) for name in ("production", "staging")] == [200, 403]
    assert plane.get("journal")["items"][-1]["reason"] == "it sells"
    refused = cli("--token", token, "token", "list")
    assert (refused.code, refused.out) == (6, "")


def test_tokens_are_listed_and_shut_out(plane: Any, cli: Any) -> None:
    made = cli("token", "create", "ana", "--role", "operator", "--json").json
    assert (made["role"], made["environment"], made["token"][:4]) == ("operator", None, "crp_")
    listed = cli("token", "list")
    assert listed.heading == ["TOKEN", "NAME", "ROLE", "FOR", "MADE"]
    assert [row[1:4] for row in listed.rows] == [["admin", "admin", "-"], ["ana", "operator", "-"]]
    assert made["token"] not in listed.out
    done = cli("token", "revoke", "ana")
    assert (done.code, done.out) == (0, f"ana ({made['id']}) is shut out.\n")
    assert asked(plane, made["token"], "production") == 401
    assert [item["name"] for item in cli("token", "list", "--json").json] == ["admin"]
    every = cli("token", "list", "--all")
    assert every.heading[-1] == "REVOKED"
    assert [(row[1], row[5] == "-") for row in every.rows] == [("admin", True), ("ana", False)]
    again = cli("token", "revoke", made["id"], "--json")
    assert (again.code, again.json["revokedAt"] is None) == (0, False)


def test_it_must_be_clear_which_token_is_meant(plane: Any, cli: Any) -> None:
    ids = [cli("token", "create", "ci", "--json").json["id"] for _ in range(2)]
    refused = cli("token", "revoke", "ci")
    assert (refused.code, "2 tokens are named 'ci'." in refused.err) == (4, True)
    assert all(each in refused.err for each in ids)
    assert cli("token", "revoke", ids[0]).code == 0
    assert cli("token", "revoke", "ci").out == f"ci ({ids[1]}) is shut out.\n"
    assert cli("token", "revoke", "ci").code == 3
    own = cli("token", "revoke", "admin")
    assert (own.code, "cannot revoke itself" in own.err) == (5, True)


def test_what_is_no_token(plane: Any, cli: Any) -> None:
    assert cli("token", "create", "x", "--role", "boss").code == 2
    assert cli("token", "create", "\x1b[2J").code == 5
    refused = cli("token", "create", "x", "-e", "moon")
    assert (refused.code, "There is no environment 'moon'." in refused.err) == (3, True)
    refused = cli("token", "create", "x", "--role", "viewer", "-e", "production")
    assert (refused.code, "Only a client's token" in refused.err) == (5, True)


def test_a_token_whose_text_was_lost_on_the_way(plane: Any, cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer to a repeated request has no secret."""
    once = uuid.uuid4()
    monkeypatch.setattr("croupier.cli.client.uuid.uuid4", lambda: once)
    made = cli("token", "create", "shop", "--json").json
    lost = cli("token", "create", "shop")
    assert (lost.code, lost.out) == (7, "")
    assert f"croupier token revoke {made['id']}" in lost.err


def test_a_reporter_for_a_service_that_there_is_not_is_told_of(shop: Any, cli: Any) -> None:
    made = cli("token", "create", "shop", "--role", "reporter", "--service", "shop", "--service", "shoop")
    assert "There is no service 'shoop' yet" in made.err
    assert "'shop' yet" not in made.err
