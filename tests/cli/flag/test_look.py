"""Looking at flags: what there is, in which state, and what happened to it."""

from typing import Any


def test_no_flags_yet(plane: Any, cli: Any) -> None:
    found = cli("flag", "list")
    assert (found.code, found.rows) == (0, [])
    assert found.err == "No flags yet. Declare one: croupier flag set payments_v2 --rollout 25%\n"


def test_flags_by_key(flags: Any, cli: Any) -> None:
    found = cli("flag", "list")
    assert found.heading == ["FLAG", "TYPE", "STATE", "SERVES", "OWNER", "EXPIRES"]
    assert [row[:5] for row in found.rows] == [
        ["new_lobby", "release", "live", "everybody", "admin"],
        ["payments_v2", "release", "live", "25 % of DE", "payments"],
        ["psp_x", "ops", "live", "everybody", "-"],
    ]
    assert [item["key"] for item in cli("flag", "list", "--json").json] == ["new_lobby", "payments_v2", "psp_x"]


def test_some_of_the_flags(flags: Any, cli: Any) -> None:
    for arguments, keys in (
        (("lobby of",), ["new_lobby"]),
        (("--type", "ops"), ["psp_x"]),
        (("--tag", "lobby"), ["new_lobby"]),
        (("--state", "live", "--limit", "1"), ["new_lobby"]),
        (("--state", "killed"), []),
    ):
        assert [row[0] for row in cli("flag", "list", *arguments).rows] == keys, arguments
    assert cli("flag", "list", "--limit", "2").err == "These are the first 2; --limit shows more.\n"
    assert cli("flag", "list", "zzz").err == "No flag is like that. See all: croupier flag list\n"
    assert cli("flag", "list", "--state", "asleep").code == 2


def test_what_a_flag_serves_in_a_few_words(flags: Any, cli: Any) -> None:
    for name, condition in (("a", "vip"), ("b", "brand == 'X'")):
        assert cli("flag", "set", "payments_v2", "--rule", name, "--if", condition, "--rollout", "0.5%").code == 0
    assert cli("flag", "kill", "new_lobby", "-r", "bad").code == 0
    assert cli("flag", "set", "psp_x", "--disable").code == 0
    assert [row[2:4] for row in cli("flag", "list").rows] == [
        ["killed", "the safe value"],
        ["live", "25 % of DE; 0.5 % of vip; 0.5 % of brand X"],
        ["disabled", "-"],
    ]


def test_what_a_flag_with_variants_serves(plane: Any, cli: Any) -> None:
    numbers = {"variants": {"none": 0, "few": 5}, "off": "none", "safe": "none"}
    several = {"variants": {"old": "o", "blue": "b", "green": "g"}, "off": "old", "safe": "old", "default": "old"}
    split = {"if": "market == 'DE'", "variants": {"blue": 70, "green": 30}}
    declared = [
        {"feature": "a", **numbers, "default": "few"},
        {"feature": "b", **numbers, "default": "none", "rules": [{"rollout": 0.25, "variant": "few"}]},
        {"feature": "c", **several, "rules": [split]},
        {"feature": "d"},
    ]
    plane.post("flags/apply", flags=declared)
    assert [row[3] for row in cli("flag", "list").rows] == [
        "few for everybody",
        "few for 25 % of the players",
        "blue 70 %, green 30 % for DE",
        "nobody",
    ]


def test_one_flag(flags: Any, cli: Any) -> None:
    assert cli("flag", "set", "payments_v2", "--environment", "staging", "--rollout", "1", "--enable").code == 0
    assert cli("flag", "set", "payments_v2", "-e", "production", "--default", "on").code == 0
    shown = cli("flag", "show", "payments_v2")
    first, *lines = shown.out.splitlines()
    assert first.split() == ["payments_v2", "is", "live"]
    assert "owner     payments" in lines
    assert "rule 1    25 % of market == 'DE' → on" in lines
    staging = lines[lines.index("staging") :]
    assert staging[1:3] == ["enabled   yes", "rule 1    100 % of market == 'DE' → on"]
    assert "default   on" in lines[lines.index("production") :]
    assert not [line for line in lines if line.startswith("rules  ")]
    assert cli("flag", "show", "payments_v2", "--json").json["declaration"]["feature"] == "payments_v2"
    unknown = cli("flag", "show", "other")
    assert (unknown.code, unknown.out) == (3, "")
    assert "There is no flag 'other'. See: croupier flag list" in unknown.err.replace("\nhint: ", " ")


def test_an_override_without_rules_and_a_last_day(flags: Any, cli: Any) -> None:
    declared = {"rules": [{"rollout": 0.5}], "environments": {"staging": {"rules": []}}, "expires": "2099-01-31"}
    flags.post("flags/apply", flags=[{"feature": "f", **declared}])
    lines = cli("flag", "show", "f").out.splitlines()
    assert lines[-2:] == ["staging", "rules     none: everybody gets the default"]
    assert "expires   2099-01-31" in lines
    assert [row[5] for row in cli("flag", "list", "f").rows if row[0] == "f"] == ["2099-01-31"]


def test_a_killed_flag_with_variants_that_others_need(flags: Any, cli: Any) -> None:
    cli.write(
        "colour.json",
        '{"feature": "colour", "variants": {"off": "", "blue": "b", "green": "g"}, "tags": ["ui"],'
        ' "rules": [{"name": "all", "variants": {"blue": 1, "green": 1}}]}',
    )
    flags.post(
        "flags/apply",
        flags=[
            {
                "feature": "colour",
                "variants": {"off": "", "blue": "b"},
                "rules": [{"variants": {"blue": 1, "off": 1}, "name": "all"}],
            }
        ],
    )
    flags.post("flags/apply", flags=[{"feature": "needs", "prerequisites": [{"flag": "colour", "variants": ["blue"]}]}])
    assert cli("flag", "kill", "colour", "-r", "too bright").code == 0
    lines = cli("flag", "show", "colour").out.splitlines()
    assert lines[0].startswith("colour is killed")
    assert lines[1].startswith("killed    ")
    assert lines[1].endswith(" by admin: too bright")
    assert "needed by needs" in lines
    assert 'rule 1    100 % of everybody → {"blue": 1, "off": 1} (all)' in lines
    assert any(line.startswith("variants  {") for line in lines)


def test_what_happened_to_a_flag(flags: Any, cli: Any) -> None:
    assert cli("flag", "set", "payments_v2", "--rollout", "50%", "-r", "all is well").code == 0
    assert cli("flag", "kill", "payments_v2", "-r", "deposits fail").code == 0
    found = cli("flag", "history", "payments_v2")
    assert found.heading == ["TIME", "EVENT", "BY", "WHY", "WHAT"]
    assert [row[1:] for row in found.rows] == [
        ["flag_declared", "admin", "-", "declared: a release flag with 1 rule"],
        ["flag_declared", "admin", "all is well", "rule 1 (market == 'DE'): rollout 25 % -> 50 %"],
        ["flag_killed", "admin", "deposits fail", "killed: deposits fail"],
    ]
    assert len(cli("flag", "history", "payments_v2", "--json").json) == 3
    assert cli("flag", "history", "other").code == 3


def test_what_a_flag_says_cannot_paint_the_terminal(flags: Any, cli: Any) -> None:
    flags.post("flags/apply", flags=[{"feature": "f", "description": "[red]\x1b[2J", "owner": "\x9b\tx"}])
    listed, shown = cli("flag", "list", "f"), cli("flag", "show", "f")
    assert not set(listed.out + shown.out) & set("\x1b\x9b")
    assert "[red]␛[2J" in shown.out
