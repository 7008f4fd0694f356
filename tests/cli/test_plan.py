"""What a rollout would do, from files alone and with what a control plane has counted."""

import json
import os
import pty
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

ROLLOUT = """
apiVersion: croupier/v1
kind: Gate
metadata: {name: errors}
spec:
  sli: {ratio: {metric: edge_requests_total, good: {code: [2xx, 3xx, 4xx]}}}
  comparison: {maxRatio: 1.1}
  sequential: {}
---
apiVersion: croupier/v1
kind: Gate
metadata: {name: deposits}
spec:
  sli: {ratio: {metric: deposits_total, good: {outcome: credited}}}
  by: [psp]
  objective: {atLeast: "99%"}
---
apiVersion: croupier/v1
kind: Gate
metadata: {name: drift}
spec:
  sli: {events: {metric: drift_total}}
  hardStop: {events: 1}
---
apiVersion: croupier/v1
kind: Rollout
metadata: {name: payments}
spec:
  service: shop
  strategy:
    canary:
      analysis: {templates: [{templateName: errors}, {templateName: drift}]}
      steps:
        - setWeight: 1
        - pause: {duration: 5m}
        - setWeight: 10
        - pause: {duration: 10m}
        - analysis: {templates: [{templateName: deposits}]}
        - setWeight: 50
        - pause: {}
"""


SMOKED = """---
apiVersion: croupier/v1
kind: SmokeCheck
metadata: {name: order}
spec: {steps: [{name: order something, request: {path: /order}}]}
"""


@pytest.fixture
def rollout(cli: Any) -> Path:
    found: Path = cli.write("plan/rollout.yaml", ROLLOUT)
    return found


def test_from_files_alone(cli: Any, rollout: Path) -> None:
    found = cli("rollout", "plan", rollout, "--rate", "20/s", "--rate", "deposits=2/s", "--groups", "5")
    assert found.code == 0
    assert (
        "With 20 requests/s, 1 % finds a fall from 99.95 % to 99.5 % good with probability below 1 % in 5 min"
        in found.out
    )
    assert "! 10 % of 20 requests/s " in found.out
    assert "and minSamples is 20; use setWeight: 25 or window: 3m or minSamples: 5." in found.out
    assert "in one of 5 groups" in found.out
    assert "One look is enough: it stops at 1 within 10 s." in found.out
    assert found.out.splitlines()[0].startswith("payments: 7 steps, 16 min 10 s or more")
    assert cli("rollout", "plan", rollout, "--rate", "20/s", "--strict").code == 1


def test_shares_of_segments(cli: Any, rollout: Path) -> None:
    text = rollout.read_text().replace("- setWeight: 1\n", "- setSegment: {match: {market: [SE]}, weight: 10}\n")
    rollout.write_text(text.replace("process: {", "attributes: {market: x-market}\n  process: {"))
    found = cli("rollout", "plan", rollout, "--rate", "20/s")
    assert found.code == 0, found.err
    assert "10 % of market=SE" in found.out
    [plan] = cli("rollout", "plan", rollout, "--rate", "20/s", "--json").json
    assert plan["stages"][0]["segments"] == [{"segment": "market=SE", "weight": 10}]
    assert [stage["weight"] for stage in plan["stages"]] == [0, 10, 50]
    assert plan["stages"][0]["exposedRequests"] is None  # how many players are in it nobody knows


def test_for_programs(cli: Any, rollout: Path) -> None:
    [plan] = cli("rollout", "plan", rollout.parent, "--rate", "2k/s", "--json").json
    assert [stage["weight"] for stage in plan["stages"]] == [1, 10, 50]
    assert plan["stages"][0]["exposedRequests"] == 6_000
    errors = next(gate for gate in plan["gates"] if gate["gate"] == "errors")
    assert errors["usualFrom"] == "assumed"
    assert [forecast["probability"] for forecast in errors["forecasts"]][:2] == pytest.approx([0.99, 1.0], abs=0.02)
    assert plan["warnings"] == [warning for warning in plan["warnings"] if ":" in warning]
    again = cli("rollout", "plan", rollout.parent, "--rate", "2000/s", "--json").json
    assert again == [plan]


def test_what_is_said_is_used(cli: Any, rollout: Path) -> None:
    options = ("--rate", "6000/min", "--usual", "99.9%", "--find", "errors=99%", "--find", "98%", "--json")
    [plan] = cli("rollout", "plan", rollout, *options).json
    errors, deposits = (next(gate for gate in plan["gates"] if gate["gate"] == name) for name in ("errors", "deposits"))
    assert (errors["perS"], errors["usualBad"], errors["faultBad"], errors["usualFrom"]) == (100, 0.001, 0.01, "given")
    assert deposits["faultBad"] == 0.02


def test_a_share_may_be_written_as_in_files(cli: Any, rollout: Path) -> None:
    percent, share = (
        cli("rollout", "plan", rollout, "--rate", "20/s", "--usual", usual, "--json").json
        for usual in ("99.9%", "0.999")
    )
    assert percent == share


def test_what_is_assumed_is_what_can_be_said(cli: Any, rollout: Path) -> None:
    found = cli("rollout", "plan", rollout, "--rate", "20/s").out
    assert "Usually 99.95 % good (assumed; say it with --usual errors=99.95%); to be found: 99.5 % good." in found
    half = "assumed, half of what its objective permits to fail; say it with --usual deposits=99.5%"
    assert f"Usually 99.5 % good ({half}); to be found" in found
    assert ".." not in found.replace("...", "")


AUTO = ROLLOUT[: ROLLOUT.index("      steps:")].replace("{templateName: drift}]", "{templateName: deposits}]") + (
    "      steps: auto\n"
)


def test_weights_by_a_guard_that_may_not_see_all_are_doubted(shop: Any, cli: Any) -> None:
    """A metric that was just asked for the first time: its guard may be the one that sees the whole traffic."""
    path = cli.write("auto/rollout.yaml", AUTO)
    shop.metrics.flow()
    known = cli("rollout", "plan", path)
    assert "the weights are for" not in known.out
    shop.metrics.blind.add("edge_requests_total")
    found = cli("rollout", "plan", path)
    doubt = "/s that deposits counts, and what errors counts is not known yet, so they may begin too high: ask again"
    assert f"{doubt} in a minute, or say it with --rate errors=20/s." in found.out
    [plan] = cli("rollout", "plan", path, "--json").json
    assert doubt in plan["warnings"][0]
    assert cli("rollout", "plan", path, "--strict").code == 1
    assert doubt not in cli("rollout", "plan", path, "--rate", "errors=20/s").out


def test_guards_that_a_step_does_not_ask_are_named(cli: Any) -> None:
    path = cli.write("auto/rollout.yaml", AUTO)
    found = cli("rollout", "plan", path, "--rate", "2000/s")
    assert "ask errors (30 samples); deposits must pass, too" in found.out


def test_a_terminal_sees_that_something_is_going_on(cli: Any, rollout: Path) -> None:
    ours, theirs = pty.openpty()
    command = cli.command("rollout", "plan", rollout, "--rate", "20/s")
    env = {**os.environ, "TERM": "xterm-256color"}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs, env=env) as process:
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # the end, on Linux
            while more := os.read(ours, 4_096):
                shown += more
        assert process.wait(120) == 0
    os.close(ours)
    assert "gates are played some hundred times on this traffic" in shown.decode()


def test_without_any_traffic_the_steps_are_shown(cli: Any, rollout: Path) -> None:
    found = cli("rollout", "plan", rollout)
    assert found.code == 0
    assert "say it with --rate 20/s." in found.err
    assert "How much it sees is not known; say it with --rate errors=20/s." in found.out
    assert found.out.splitlines()[2].split("\t")[:4] == ["1-2", "1 %", "5 min", "5 min"]
    assert cli("rollout", "plan", rollout, "--json").json[0]["gates"][0]["perS"] is None


@pytest.mark.parametrize(
    "options,code,said",
    [
        (("--rate", "fast"), 5, "--rate fast is not understood. hint: Write --rate 20/s, or --rate GATE=20/s."),
        (("--find", "120%"), 5, "hint: Write --find 99.95%"),
        (("--usual", "1"), 5, "hint: Write --usual 99.95%"),
        (("--usual", "99.9"), 5, "hint: Write --usual 99.95%"),
        (("--groups", "errors=0"), 5, "hint: Write --groups 8"),
        (("--rate", "=20/s"), 5, "is not understood"),
        (("--rate", "eror=20/s"), 5, "No rollout here asks a gate 'eror'. hint: They ask: deposits, drift, errors."),
        (("--rollout", "nobody"), 3, "There is no Rollout 'nobody'. hint: There is: payments."),
    ],
)
def test_what_is_not_understood(cli: Any, rollout: Path, options: tuple[str, ...], code: int, said: str) -> None:
    found = cli("rollout", "plan", rollout, *options)
    assert found.code == code
    assert said in " ".join(found.err.split())


def test_mistakes_in_the_files(cli: Any, rollout: Path) -> None:
    rollout.write_text(ROLLOUT.replace("setWeight: 10\n", "setWeight: 110\n"), encoding="utf-8")
    assert "110" in cli("rollout", "plan", rollout).err
    alone = cli.write("alone/rollout.yaml", ROLLOUT.rpartition("---")[2])
    found = cli("rollout", "plan", alone)
    assert (found.code, "there is no gate 'errors'" in found.err) == (5, True)
    assert "A plan is made of files: name the one that has it, too, or the folder with all of them." in " ".join(
        found.err.split()
    )
    gates = cli.write("gates/gates.yaml", ROLLOUT.rpartition("---")[0])
    assert "There is no Rollout in these files." in cli("rollout", "plan", gates).err


def test_what_a_control_plane_has_counted(shop: Any, cli: Any, rollout: Path) -> None:
    shop.metrics.flow()
    [plan] = cli("rollout", "plan", rollout, "--json").json
    errors = next(gate for gate in plan["gates"] if gate["gate"] == "errors")
    assert errors["perS"] > 0
    assert errors["usualFrom"] == "counted"
    said = cli("rollout", "plan", rollout).out
    assert "good (as counted)" in said
    shop.metrics.blind.add("deposits_total")
    found = cli("rollout", "plan", rollout)
    assert "deposits: nobody exports deposits_total. Say its traffic with --rate deposits=20/s." in found.err


def test_what_was_counted_of_a_segment_alone(shop: Any, cli: Any, rollout: Path) -> None:
    shop.metrics.flow()
    service = """
apiVersion: croupier/v1
kind: Service
metadata: {name: shop}
spec: {routes: [{prefix: /shop}], attributes: {market: x-market}, process: {command: [shop, "{port}"]}}
---"""
    sweden = "setSegment: {match: {market: [SE]}, weight: 10, guards: [deposits]}"
    rollout.write_text(service + ROLLOUT.replace("setWeight: 10\n", f"{sweden}\n"), encoding="utf-8")
    asked = cli("rollout", "plan", rollout, "--json")
    assert "Nobody has counted" not in asked.err
    [plan] = asked.json
    counted = next(gate for gate in plan["gates"] if gate["gate"] == "deposits@market=SE")
    assert (counted["perS"] > 0, counted["usualFrom"]) == (True, "counted")
    said = " ".join(cli("rollout", "plan", rollout).out.split())
    assert "How many of all players are market=SE, nobody knows beforehand" in said
    shop.metrics.blind.add("deposits_total")
    silent = cli("rollout", "plan", rollout).err
    assert (
        "deposits@market=SE: nobody exports deposits_total. Say its traffic with --rate deposits@market=SE=20/s."
        in (" ".join(silent.split()))
    )


def test_players_people_freezes_and_the_way_back(shop: Any, cli: Any, rollout: Path) -> None:
    calendar = cli.write(
        "calendar.yaml",
        "apiVersion: croupier/v1\nkind: Calendar\nmetadata: {name: sports}\nspec:\n  freezes:\n"
        "  - {name: final, from: 2020-01-01, to: 2020-01-02, repeat: FREQ=DAILY, why: every day}\n"
        "  - {name: other, from: 2020-01-01, to: 2020-01-02, repeat: FREQ=DAILY, scope: {services: games}}\n",
    )
    assert cli("apply", calendar).code == 0
    found = cli("rollout", "plan", rollout, "--rate", "20/s", "--players", "50000")
    assert "\t500 players, 60 requests\n" in found.out, found.out
    assert "! It would wait: frozen by sports/final from" in found.out
    assert "(every day)." in found.out
    assert "sports/other" not in found.out
    assert "People: step 7: a person promotes it." in found.out
    assert "Going back: everybody goes back to the version before at once" in found.out
    assert "Going back: the new version keeps running for 30 s." in found.out
    [planned] = cli("rollout", "plan", rollout, "--rate", "20/s", "--players", "50000", "--json").json
    assert [stage["exposedPlayers"] for stage in planned["stages"]] == [500, 5_000, 25_000]
    assert planned["approvals"] == ["step 7: a person promotes it"]
    assert {time["id"] for time in planned["freezes"]} == {"sports/final"}


def test_smoke_checks_are_in_the_files_too(cli: Any, rollout: Path) -> None:
    rollout.write_text(ROLLOUT.replace("steps:\n", "steps:\n        - smoke: order\n") + SMOKED, encoding="utf-8")
    found = cli("rollout", "plan", rollout, "--rate", "20/s")
    assert (found.code, "smoke check order" in found.out) == (0, True), found.err


def test_a_profile_whose_orders_last_asks_for_affinity(cli: Any) -> None:
    path = cli.write("profile/all.yaml", LASTING)
    found = cli("rollout", "plan", path, "--json")
    assert found.code == 0, found.err
    assert found.json[0]["loosened"] == ["affinity none, of the profile order"]
    (told,) = found.json[0]["warnings"]
    assert told.startswith("Write in the Service payments: affinity: {kinds: [{kind: order, ")
    enough = "affinity: {kinds: [{kind: order, query: order}], ttl: 30m, drain: 30m}, process:"
    path = cli.write("profile/all.yaml", LASTING.replace("process:", enough))
    (planned,) = cli("rollout", "plan", path, "--json").json
    assert (planned["loosened"], planned["warnings"]) == ([], [])


def test_a_service_that_is_not_in_the_files_was_not_held_against_the_profile(cli: Any) -> None:
    path = cli.write("profile/all.yaml", LASTING.partition("---")[2])
    (planned,) = cli("rollout", "plan", path, "--json").json
    assert planned["loosened"] == []
    assert planned["warnings"] == [
        "service 'payments' is not in these files, so its affinity was not held against the profile"
    ]


def test_a_stage_that_is_longer_than_what_is_played_says_so(cli: Any, rollout: Path) -> None:
    said = "Of a longer stage the first 1 h 23 min are played; it finds more."
    assert said not in cli("rollout", "plan", rollout, "--rate", "20/s").out
    rollout.write_text(ROLLOUT.replace("pause: {duration: 5m}", "pause: {duration: 3h}", 1), encoding="utf-8")
    found = cli("rollout", "plan", rollout, "--rate", "20/s")
    assert said in found.out, found.out


def test_without_a_control_plane_it_is_said_once_that_freezes_are_not_known(cli: Any) -> None:
    other = LASTING.partition("---")[2].replace("name: payments", "name: payments-too")
    path = cli.write("profile/all.yaml", f"{LASTING}---{other}")
    found = cli("rollout", "plan", path, "--rate", "20/s")
    assert found.out.count("Going back: open rounds move") == 2
    assert found.err.count("Freezes are not known") == 1


LASTING = """
apiVersion: croupier/v1
kind: Service
metadata: {name: payments}
spec: {routes: [{prefix: /payments}], process: {command: [x, "{port}"]}}
---
apiVersion: croupier/v1
kind: Rollout
metadata: {name: payments}
spec: {service: payments, profile: payments}
"""


def test_of_several_services_the_strictest_profile_is_planned(cli: Any, tmp_path: Path) -> None:
    text = "".join(
        f"""---
apiVersion: croupier/v1
kind: Service
metadata: {{name: {name}}}
spec: {{routes: [{{prefix: /{name}}}], process: {{command: [serve, "{{port}}"]}}}}
---
apiVersion: croupier/v1
kind: Rollout
metadata: {{name: {name}}}
spec: {{service: {name}, {profile}}}
"""
        for name, profile in (
            ("wallet", "strategy: {canary: {steps: [{setWeight: 5}]}}"),
            ("cashier", "profile: promo"),
        )
    )
    both = """---
apiVersion: croupier/v1
kind: Rollout
metadata: {name: both}
spec:
  services: [wallet, cashier]
  strategy: {canary: {steps: [{setWeight: 5}, {pause: {duration: 1s}}]}}
"""
    file = tmp_path / "files.yaml"
    file.write_text(text + both)
    done = cli("rollout", "plan", file, "--rollout", "both", "--rate", "20/s", "--json")
    assert done.code == 0, done.err
    wallet, cashier = json.loads(done.out)
    assert (wallet["loosened"], cashier["profile"]["name"]) == ([], "promo")
    assert cashier["loosened"]
    assert wallet["approval"] == cashier["approval"] is not None


def test_a_plan_of_several_with_auto_says_whose_traffic_it_reckons_with(cli: Any, tmp_path: Path) -> None:
    service = """---
apiVersion: croupier/v1
kind: Service
metadata: {name: NAME}
spec: {routes: [{prefix: /NAME}], process: {command: [serve, "{port}"]}}
"""
    both = """---
apiVersion: croupier/v1
kind: Gate
metadata: {name: errors}
spec: {sli: {ratio: {metric: m, good: {o: a}}}, comparison: {maxRatio: 1.1}, sequential: {}}
---
apiVersion: croupier/v1
kind: Rollout
metadata: {name: both}
spec:
  services: [wallet, cashier]
  strategy: {canary: {analysis: {templates: [{templateName: errors}]}, steps: [{auto: {}}]}}
"""
    file = tmp_path / "files.yaml"
    file.write_text(service.replace("NAME", "wallet") + service.replace("NAME", "cashier") + both)
    plans = cli("rollout", "plan", file, "--rate", "20/s", "--json").json
    assert [plan["service"] for plan in plans] == ["wallet", "cashier"]
    for plan in plans:
        assert f"the weights are for {plan['service']} alone" in plan["warnings"][0]
