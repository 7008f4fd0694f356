"""Starting, following and steering rollouts from the command line."""

import json
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest

from croupier.core.rollout.phase import Phase


def test_a_rollout_from_start_to_end(shop: Any, cli: Any) -> None:
    started = cli("rollout", "start", "shop", "1.1.0", "--reason", "new")
    assert (started.code, started.err) == (0, "")
    assert started.out.startswith("shop-2 is pending at 0 %")
    shop.until("shop-2", lambda rollout: rollout["hold"] == "step" and rollout["gates"][0]["verdict"] == "pass")
    promoted = cli("rollout", "promote", "shop-2", "--reason", "fine")
    assert promoted.code == 0
    assert "shop-2 is progressing at 50 %" in promoted.out
    watched = cli("rollout", "watch", "shop-2")
    assert watched.code == 0
    assert [row[1] for row in watched.rows][-3:] == ["promotion_started", "weight_confirmed", "promoted"]
    assert watched.heading == ["TIME", "EVENT", "BY", "WHAT"]
    assert all(len(row) == 4 for row in watched.rows)


def test_an_undo_after_the_promotion(shop: Any, cli: Any) -> None:
    cli("rollout", "start", "shop", "1.1.0")
    shop.until("shop-2", lambda rollout: rollout["hold"] == "step" and rollout["gates"][0]["verdict"] == "pass")
    cli("rollout", "promote", "shop-2", "--full")
    shop.until("shop-2", lambda rollout: rollout["phase"] == "succeeded")
    silent = cli("rollout", "undo", "shop-2")
    assert (silent.code, "needs a reason" in silent.err, "--reason TEXT" in silent.err) == (5, True, True)
    undone = cli("rollout", "undo", "shop-2", "--reason", "orders are lost", "--json")
    assert (undone.code, json.loads(undone.out)["abort"]["cause"]) == (0, "undo")
    shop.until("shop-2", lambda rollout: rollout["phase"] == "aborted")
    shown = cli("rollout", "status", "shop-2")
    assert "orders are lost" in shown.out


def test_an_abort_and_what_watch_says_of_it(canary: Any, cli: Any) -> None:
    aborted = cli("rollout", "abort", "shop-2", "--reason", "harm")
    assert aborted.code == 0
    assert "shop-2 is aborting at 0 %" in aborted.out
    watched = cli("rollout", "watch", "shop-2", "--json")
    assert watched.code == 10
    events, at = [], 0
    decoder = json.JSONDecoder()
    while at < len(watched.out.rstrip()):
        event, at = decoder.raw_decode(watched.out, at)
        events.append(event)
        at += 1
    assert [event["type"] for event in events][-2:] == ["abort_started", "aborted"]
    assert events[-2]["reason"] == "harm"
    status = cli("rollout", "status", "shop-2")
    assert status.rows[0] == ["rollout", "shop-2", "aborted", "given up: harm; everybody is on 1.0.0"]
    paused = cli("rollout", "pause", "shop-2")
    assert "shop-2 is over (aborted)" in paused.err
    assert "hint: To start it again: croupier rollout retry shop-2" in paused.err


def test_watching_from_the_start(shop: Any, cli: Any) -> None:
    shop.workloads.crash_loop(next(iter(shop.workloads.running)).__class__("shop", "1.1.0"), "exit status 1")
    watched = cli("rollout", "start", "shop", "1.1.0", "--watch")
    assert watched.code == 10
    assert "exit status 1" in watched.out
    again = cli("rollout", "retry", "shop-2")
    assert "shop-2 is pending" in again.out


def test_start_and_watch_as_json_is_events_only(shop: Any, cli: Any) -> None:
    shop.workloads.crash_loop(next(iter(shop.workloads.running)).__class__("shop", "1.1.0"), "exit status 1")
    watched = cli("rollout", "start", "shop", "1.1.0", "--watch", "--json")
    first, _ = json.JSONDecoder().raw_decode(watched.out)
    assert (watched.code, first["type"]) == (10, "created")


def test_a_superseded_rollout_was_not_successful(canary: Any, cli: Any) -> None:
    assert cli("release", "add", release(cli, "1.2.0")).code == 0
    started = cli("rollout", "start", "shop", "1.2.0")
    assert started.code == 0
    assert "It supersedes shop-2 (1.1.0), which was in progress." in started.out
    assert cli("rollout", "watch", "shop-2").code == 10


def test_to_start_the_stable_version_gives_up_what_is_in_progress(canary: Any, cli: Any) -> None:
    """And names that rollout, not one that was superseded before."""
    assert cli("release", "add", release(cli, "1.2.0")).code == 0
    assert cli("rollout", "start", "shop", "1.2.0").code == 0
    back = cli("rollout", "start", "shop", "1.0.0")
    assert back.code == 0
    assert "1.0.0 is the stable version: no rollout was started, and shop-3 (1.2.0) is given up." in back.out
    assert "supersedes" not in back.out


def test_a_long_history_is_shown_to_its_end(canary: Any, cli: Any) -> None:
    """More entries than one page of the API has."""
    canary.post("rollouts/shop-2/promote", waive=["ok"], reason="quick")
    canary.until("shop-2", lambda rollout: rollout["phase"] == "succeeded")
    everything = canary.get("rollouts/shop-2/history?limit=200")["items"]

    from croupier.cli.client import Client

    plain_get = Client.get

    def few(self: Any, path: str, **params: Any) -> Any:
        return plain_get(self, path, **({**params, "limit": 1} if path.endswith("/history") else params))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "get", few)
        watched = cli("rollout", "watch", "shop-2")
    assert [row[1] for row in watched.rows] == [event["type"] for event in everything]


def test_one_segment_is_held_and_released(canary: Any, cli: Any) -> None:
    """Whom is said by name or by values, and why."""
    for options, said in (
        ((), "Say whom: exactly one of --segment NAME and --match market=SE."),
        (("--match", "SE"), "'SE' is no match. Write for example market=SE, or market=SE,DK."),
        (("--segment", "se", "--match", "market=SE"), "Say whom"),
    ):
        refused = cli("rollout", "hold", "shop-2", *options, "--reason", "harm")
        assert refused.code == 2
        assert said in " ".join(refused.err.replace("│", " ").split())
    unknown = cli("rollout", "hold", "shop-2", "--segment", "se", "--reason", "harm")
    assert "There is no segment 'se'. There are: none." in unknown.err
    held = cli("rollout", "hold", "shop-2", "--match", "market=SE,DK", "--reason", "harm")
    assert "no header of shop carries" in held.err


def test_pause_and_resume(canary: Any, cli: Any) -> None:
    assert "shop-2 is paused at 20 %" in cli("rollout", "pause", "shop-2").out
    assert "shop-2 is progressing at 50 %" in cli("rollout", "resume", "shop-2").out


def test_history(canary: Any, cli: Any) -> None:
    found = cli("rollout", "history", "shop-2")
    assert [row[1] for row in found.rows][:2] == ["created", "step_started"]
    assert found.rows[0][2] == "admin"
    assert cli("rollout", "history", "shop-2", "--json").json[0]["type"] == "created"


def test_samples_that_change_no_verdict_are_left_out_of_the_history(canary: Any, cli: Any, monkeypatch: Any) -> None:
    from croupier.cli.client import Client

    def look(verdict: str, *, gathers: bool = True) -> dict[str, Any]:
        judged = {"type": "gate_judged", "text": verdict, "gate": "ok", "standing": verdict if gathers else None}
        return {"at": "2026-11-22T10:00:00Z", "actor": "croupier", **judged}

    events = [look("pass"), look("pass"), look("pass", gathers=False), look("fail"), look("fail")]
    monkeypatch.setattr(Client, "pages", lambda *_: events)
    found = cli("rollout", "history", "shop-2")
    assert [row[3] for row in found.rows] == ["pass", "pass", "fail"]
    assert "2 looks of gates that gather evidence changed no verdict" in found.err
    assert len(cli("rollout", "history", "shop-2", "--looks").rows) == 5


def test_verdicts_are_made_again(canary: Any, cli: Any) -> None:
    found = cli("rollout", "replay", "shop-2")
    verdicts = cli("rollout", "replay", "shop-2", "--json").json["verdicts"]
    assert verdicts == sum(row[1] == "gate_judged" for row in cli("rollout", "history", "shop-2").rows)
    assert found.out.endswith("made again; all came out the same.\n")
    first = cli("rollout", "replay", "shop-1")
    assert (first.code, first.out) == (0, "There is nothing to make again: no gate has judged shop-1.\n")


def test_verdicts_of_an_edition_that_is_gone_are_not_made_again(canary: Any, cli: Any, monkeypatch: Any) -> None:
    from croupier.core.gates import edition

    monkeypatch.setattr(edition, "KEPT", frozenset({2}))
    found = cli("rollout", "replay", "shop-2")
    assert found.code == 5
    assert "it began with edition 1 of the gates' arithmetic, and this program has edition 2." in found.err
    assert "hint: Ask the Croupier that judged it" in found.err


def test_a_verdict_that_comes_out_otherwise_is_a_failure(canary: Any, cli: Any, monkeypatch: Any) -> None:
    from croupier.cli.client import Client

    wrong = {"gate": "ok", "at": "2026-11-22T10:00:00Z", "recorded": "pass", "again": "fail", "sameEvidence": True}
    answer = {"rollout": "shop-2", "verdicts": 9, "mistakes": [wrong], "actions": 0, "actionMistakes": []}
    monkeypatch.setattr(Client, "get", lambda *_, **__: answer)
    found = cli("rollout", "replay", "shop-2")
    assert found.code == 1
    assert "of 9 verdicts made again 1 came out otherwise" in found.err
    assert found.rows[0][1:] == ["ok", "pass", "fail"]


def test_an_action_that_comes_out_otherwise_is_a_failure_too(canary: Any, cli: Any, monkeypatch: Any) -> None:
    from croupier.cli.client import Client

    wrong = {"at": "2026-11-22T10:00:00Z", "recorded": "psp=kestrel: flag psp_kestrel turned off", "again": "nothing"}
    answer = {"rollout": "shop-2", "verdicts": 9, "mistakes": [], "actions": 1, "actionMistakes": []}
    monkeypatch.setattr(Client, "get", lambda *_, **__: answer)
    found = cli("rollout", "replay", "shop-2")
    assert (found.code, found.out) == (0, "✓ 9 verdicts and 1 action on groups made again; all came out the same.\n")
    answer["actionMistakes"] = [wrong]
    found = cli("rollout", "replay", "shop-2")
    assert found.code == 1
    assert "of 9 verdicts and 1 action on groups made again 1 came out otherwise" in found.err
    assert found.rows[0][1:] == ["(action)", "psp=kestrel: flag psp_kestrel turned off", "nothing"]


def test_lists(canary: Any, cli: Any) -> None:
    found = cli("rollout", "list")
    assert [(row[0], row[1], row[2], row[3]) for row in found.rows] == [
        ("shop-2", "paused", "1.0.0 → 1.1.0", "20 %"),
        ("shop-1", "succeeded", "nothing → 1.0.0", "100 %"),
    ]
    assert [item["id"] for item in cli("rollout", "list", "--json", "--limit", "1").json] == ["shop-2"]
    assert [row[0] for row in cli("rollout", "list", "--phase", "succeeded").rows] == ["shop-1"]
    assert len(cli("rollout", "list", "--phase", "succeeded", "--phase", "paused").rows) == 2
    assert found.heading == ["ROLLOUT", "PHASE", "VERSIONS", "WEIGHT", "STARTED", "WHY"]
    assert datetime.fromisoformat(found.rows[0][4]).tzinfo


def test_a_list_that_is_empty_says_what_there_is(canary: Any, cli: Any) -> None:
    for filters, said in {
        ("--service", "other"): "There is no service 'other'. Services: shop.",
        ("--service", "shop", "--phase", "aborted"): "No rollout of shop is aborted.",
        ("--phase", "aborted", "--phase", "aborting"): "No rollout is aborted or aborting.",
    }.items():
        found = cli("rollout", "list", *filters)
        assert (found.code, found.rows, found.err) == (0, [], f"{said}\n")
        assert cli("rollout", "list", *filters, "--json").json == []
    wrong = cli("rollout", "list", "--phase", "done")
    assert wrong.code == 2
    assert all(phase in wrong.err for phase in Phase)


def test_no_rollouts_yet(plane: Any, cli: Any) -> None:
    assert cli("rollout", "list").err == "No rollouts yet. Start one: croupier rollout start SERVICE VERSION\n"


def test_status_shows_steps_and_gates(canary: Any, cli: Any) -> None:
    found = cli("rollout", "status", "shop-2")
    assert found.heading == ["WHAT", "NAME", "STATE", "TEXT"]
    assert found.rows[0][:3] == ["rollout", "shop-2", "paused"]
    assert found.rows[1] == ["versions", "shop", "1.0.0 → 1.1.0", "20 % on 1.1.0"]
    assert found.rows[3][:3] == ["step", "2", "current"]
    assert found.rows[4] == ["step", "3", "todo", "50 % of the players"]
    assert [row[:3] for row in found.rows if row[0] == "gate"] == [["gate", "ok", "pass"]]
    assert "\x1b" not in found.out
    shown = cli("rollout", "status", "shop-2", "--json").json
    assert (shown["phase"], shown["confirmedWeight"]) == ("paused", 20)
    assert cli("rollout", "show", "shop-2", "--json").json["id"] == "shop-2"


CANNOT: list[tuple[tuple[str, ...], int, str, str]] = [
    (("status", "shop-9"), 3, "There is no rollout 'shop-9'.", "croupier rollout list"),
    (("abort", "shop-9"), 3, "There is no rollout 'shop-9'.", "croupier rollout list"),
    (("watch", "shop-9"), 3, "There is no rollout 'shop-9'.", "croupier rollout list"),
    (("status", "../journal/head"), 3, "", ""),
    (("status", "shop-2?x=y"), 3, "There is no rollout 'shop-2?x=y'.", ""),
    (("start", "shop", "9.9.9"), 3, "shop has no release 9.9.9.", "croupier release list shop"),
    (("start", "shop", "1.1.0"), 4, "shop-2 rolls out shop 1.1.0 already.", ""),
    (("retry", "shop-2"), 5, "only an aborted rollout can be retried", ""),
    (("promote", "shop-2", "--waive", "ok"), 5, "needs a reason", "--reason TEXT"),
    (("promote", "shop-2", "--waive", "nosuch", "--reason", "x"), 5, "has no gate nosuch", "Its gates: ok."),
    (("pause", "shop-1"), 5, "shop-1 is over (succeeded)", ""),
    (("abort",), 2, "", ""),
]


def test_what_cannot_be_done(canary: Any, cli: Any) -> None:
    for arguments, code, said, hint in CANNOT:
        found = cli("rollout", *arguments)
        assert (found.code, found.out) == (code, ""), (arguments, found)
        assert said in found.err, (arguments, found)
        assert hint in found.err, (arguments, found)
        assert "Traceback" not in found.err, (arguments, found)


def test_an_abort_without_the_store(canary: Any, cli: Any) -> None:
    canary.store_down = True
    aborted = cli("rollout", "abort", "shop-2")
    assert aborted.code == 0
    assert "The store has not answered yet: traffic is moved now, the record follows." in aborted.out
    refused = cli("rollout", "pause", "shop-2")
    assert (refused.code, refused.out) == (7, "")
    assert "the database does not answer" in refused.err
    canary.store_down = False
    assert cli("rollout", "watch", "shop-2").code == 10


def test_watch_waits_for_a_control_plane_that_is_away(canary: Any, cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    canary.store_down = True

    def wait(_: float) -> None:
        """Once the command has found the store away, it is back, and the rollout ends before the next look."""
        canary.store_down = False
        canary.post("rollouts/shop-2/abort")
        canary.until("shop-2", lambda rollout: rollout["phase"] == "aborted")

    monkeypatch.setattr("croupier.cli.watch_lines.time", SimpleNamespace(sleep=wait))
    watched = cli("rollout", "watch", "shop-2")
    assert watched.code == 10
    assert "waiting: the database does not answer" in watched.err
    assert [row[1] for row in watched.rows].count("created") == 1


def release(cli: Any, version: str, notes: str = "") -> Any:
    text = json.dumps(
        {
            "apiVersion": "croupier/v1",
            "kind": "Release",
            "spec": {"service": "shop", "version": version, "notes": notes},
        }
    )
    return cli.write(f"{version}.json", text)


def test_a_service_in_place_of_a_rollout_is_told_which_was_meant(canary: Any, cli: Any) -> None:
    said = "shop is a service, not a rollout; shop-2 (1.0.0 → 1.1.0) is in progress."
    for verb in ("abort", "promote", "pause", "resume", "retry", "status", "show", "watch", "history", "replay"):
        refused = cli("rollout", verb, "shop")
        assert (refused.code, refused.out) == (3, ""), verb
        assert said in refused.err
        assert f"hint: croupier rollout {verb} shop-2\n" in refused.err
    assert "hint: croupier gate explain shop-2\n" in cli("gate", "explain", "shop").err
    assert cli("rollout", "abort", "shop-2").code == 0
    canary.until("shop-2", lambda rollout: rollout["phase"] == "aborted")
    over = cli("rollout", "retry", "shop")
    assert "none is in progress, the last was shop-2 (1.0.0 → 1.1.0)." in over.err
    assert "hint: croupier rollout retry shop-2" in over.err
    assert "hint: croupier rollout show shop-2\n" in cli("rollout", "abort", "shop").err, "it is over"
    unknown = cli("rollout", "abort", "shop-9")
    assert (unknown.code, "There is no rollout 'shop-9'" in unknown.err) == (3, True)
    no_such_gate = cli("gate", "explain", "shop-2", "nothing")
    assert (no_such_gate.code, "service" in no_such_gate.err) == (3, False)
