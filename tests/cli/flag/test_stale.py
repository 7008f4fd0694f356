"""Flags that should go, and where the code still names them."""

from typing import Any


def test_nothing_is_debt(flags: Any, cli: Any) -> None:
    found = cli("flag", "stale")
    assert (found.code, found.rows, found.err) == (0, [], "No flag is debt.\n")


def test_what_expired_and_where_it_is(plane: Any, cli: Any) -> None:
    for key in ("used", "unused"):
        plane.post("flags/apply", flags=[{"feature": key, "expires": "2020-01-01", "owner": "lobby"}])
    code = cli.write("code/app.py", "".join(f'flags.is_enabled("used", user={n})\n' for n in range(5))).parent
    found = cli("flag", "stale")
    assert found.heading == ["FLAG", "WHY", "SINCE", "OWNER", "WHAT"]
    expected = ["2020-01-02T00:00:00.000Z", "lobby", "It expired: remove it, or renew it."]
    assert found.rows == [["unused", "expired", *expected], ["used", "expired", *expected]]
    joined = cli("flag", "stale", code)
    assert [row[5] for row in joined.rows] == [
        "nowhere: archive it",
        f"{code}/app.py:1, {code}/app.py:2, {code}/app.py:3 and 2 more",
    ]
    told = cli("flag", "stale", code / "app.py", "--json").json
    assert [len(item["references"]) for item in told] == [0, 5]
    assert "references" not in cli("flag", "stale", "--json").json[0]
