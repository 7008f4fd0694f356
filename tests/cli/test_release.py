"""Adding releases and looking at them."""

import json
from typing import Any


def added(cli: Any, version: str, notes: str) -> Any:
    spec = {"service": "shop", "version": version, "notes": notes}
    path = cli.write(f"{version}.json", json.dumps({"apiVersion": "croupier/v1", "kind": "Release", "spec": spec}))
    return cli("release", "add", path)


def test_releases_and_what_is_done_with_them(canary: Any, cli: Any) -> None:
    found = cli("release", "list")
    assert [row[:3] for row in found.rows] == [["shop", "1.1.0", "rolling out"], ["shop", "1.0.0", "stable"]]
    assert found.rows[0][4] == "notes of 1.1.0"
    assert [item["version"] for item in cli("release", "list", "shop", "--limit", "1", "--json").json] == ["1.1.0"]
    nothing = cli("release", "list", "other")
    assert (nothing.code, nothing.rows, nothing.err) == (0, [], "There is no service 'other'. Services: shop.\n")


def test_why_a_release_was_added_is_kept(shop: Any, cli: Any) -> None:
    spec = {"service": "shop", "version": "2.0.0"}
    document = {"apiVersion": "croupier/v1", "kind": "Release", "spec": spec}
    assert cli("release", "add", cli.write("2.json", json.dumps(document)), "-r", "the new lobby").code == 0
    assert shop.get("journal", newest=True, limit=1)["items"][0]["reason"] == "the new lobby"


def test_no_releases_yet(plane: Any, cli: Any, files: Any) -> None:
    assert cli("release", "list").err == "No releases yet. Add one: croupier release add FILE\n"
    assert cli("release", "list", "shop").err == "There is no service 'shop'. Services: none yet.\n"
    service = files.read_text(encoding="utf-8").split("\n---\n")[0]
    assert cli("apply", cli.write("service.yaml", service)).code == 0
    assert cli("release", "list", "shop").err == "No releases of shop yet. Add one: croupier release add FILE\n"


def test_one_release(shop: Any, cli: Any) -> None:
    shown = cli("release", "show", "shop", "1.0.0")
    assert shown.out.splitlines()[0] == "shop 1.0.0  notes of 1.0.0"
    assert "digest     sha256:" in shown.out
    assert "command    shop '{port}'" in shown.out
    assert "env        none\ninstances  1\n" in shown.out
    assert cli("release", "show", "shop", "1.0.0", "--json").json["state"] == "stable"
    for wrong in (("shop", "9"), ("shop", ".."), ("..", "..")):
        found = cli("release", "show", *wrong)
        assert (found.code, found.out) == (3, "")


def test_what_may_be_a_secret_is_not_shown(shop: Any, cli: Any) -> None:
    shop.post("releases", service="shop", version="2.0.0", process={"env": {"LOG_LEVEL": "info", "API_KEY": "s3cret"}})
    shown = cli("release", "show", "shop", "2.0.0")
    assert "env        API_KEY, LOG_LEVEL (names only)\n" in shown.out
    told = cli("release", "show", "shop", "2.0.0", "--json")
    assert sorted(told.json["env"]) == ["API_KEY", "LOG_LEVEL"]
    assert "s3cret" not in shown.out + told.out


def test_more_releases_than_a_page_has(shop: Any, cli: Any) -> None:
    documents = [
        {"apiVersion": "croupier/v1", "kind": "Release", "spec": {"service": "shop", "version": f"2.0.{n}"}}
        for n in range(120)
    ]
    shop.post("apply", documents=documents)
    assert len(cli("release", "list", "--limit", "1000").rows) == 122


def test_only_releases_are_taken_from_the_files(shop: Any, cli: Any) -> None:
    done = added(cli, "2.0.0", "big")
    assert done.rows == [["Release", "shop-2.0.0", "created"]]


def test_what_a_release_says_cannot_paint_the_terminal(shop: Any, cli: Any) -> None:
    hostile = "[red]all [/] is\twell[/bold]\n\x1b[2J\x1b]0;mine\x07 \x9b31m \u202etxt \\"
    shop.post("releases", service="shop", version="2.0.0", notes=hostile)
    shown = cli("release", "show", "shop", "2.0.0")
    listed = cli("release", "list")
    for text in (shown.out, listed.out):
        assert not set(text) & set("\x1b\x07\x9b\u202e")
        assert "[red]all [/] is well[/bold] ␛[2J␛]0;mine␇ �31m �txt \\" in text
    assert [len(row) for row in listed.rows] == [5, 5, 5]
    exact = cli("release", "list", "--json")
    assert exact.json[0]["notes"] == hostile
    assert not set(exact.out) & set("\x1b\x07\x9b\u202e")
