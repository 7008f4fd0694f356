"""Experiments from the command line: started, looked at, stopped."""

import json
from typing import Any

import pytest
from tests.server.api.test_experiments import EXPERIMENT, FLAG, report

from croupier.cli.experiment import plot


@pytest.fixture
def declared(plane: Any) -> Any:
    plane.post("apply", documents=[EXPERIMENT, FLAG])
    return plane


def test_no_experiments_yet(plane: Any, cli: Any) -> None:
    assert "No experiments yet" in cli("experiment", "list").err
    unknown = cli("experiment", "show", "other")
    assert (unknown.code, "See: croupier experiment list" in unknown.err) == (3, True)


def test_from_start_to_stop(declared: Any, cli: Any) -> None:
    assert "not started" in cli("experiment", "list").out
    started = cli("experiment", "start", "lobby-order", "-r", "now")
    assert (started.code, "all deals classic 50 %, recent 50 %" in started.out) == (0, True)
    run = declared.get("experiments/lobby-order")["runs"][0]["id"]
    body = report(run, 300, {"classic": 40, "recent": 110})
    declared.post("environments/production/flags/exposures", **body)
    looked = cli("experiment", "result", "lobby-order")
    assert looked.code == 0
    assert "recent is better than classic: bet by +" in looked.out
    assert "recent\t50 %\t300\t110\t36.7 %" in looked.out
    assert "●" in looked.out
    assert "2 reports were left out" in looked.err
    assert json.loads(cli("experiment", "result", "lobby-order", "--run", run, "--json").out)["run"]["id"] == run
    shown = cli("experiment", "show", "lobby-order")
    assert ("running since" in shown.out, run in shown.out) == (True, True)
    stopped = cli("experiment", "stop", "lobby-order")
    assert (stopped.code, "recent is better" in stopped.out) == (0, True)
    assert "stopped" in cli("experiment", "list").out
    assert cli("experiment", "stop", "lobby-order").code == 4
    for verb in ("list", "show"):
        assert json.loads(cli("experiment", verb, *(["lobby-order"] if verb == "show" else []), "--json").out)


def test_json_of_start_and_stop(declared: Any, cli: Any) -> None:
    assert json.loads(cli("experiment", "start", "lobby-order", "--json").out)["running"] is True
    assert json.loads(cli("experiment", "stop", "lobby-order", "--json").out)["run"]["running"] is False


def test_the_plot_shows_where_the_bounds_are() -> None:
    item = {"treatment": "recent", "verdict": "open", "ratio": 0.05, "ratioLow": -0.05, "ratioHigh": 0.15}
    (line, scale) = plot([item], 0.10)
    assert line.count("─") + line.count("┼") + line.count("●") > 15
    assert line.index("┼") < line.index("●")
    assert "-20 %" in scale
    (nothing, _) = plot([{**item, "ratio": None, "ratioLow": -1.0, "ratioHigh": None}], 0.10)
    assert "●" not in nothing


def test_who_changes_what_is_measured_is_warned(declared: Any, cli: Any) -> None:
    assert cli("experiment", "start", "lobby-order").code == 0
    spec: Any = FLAG["spec"]
    asked: Any = EXPERIMENT["spec"]
    rules = [{"name": "all", "variants": {"classic": 90, "recent": 10}}]
    file = cli.write("lobby.json", json.dumps({**FLAG, "spec": {**spec, "rules": rules}}))
    named = "experiment 'lobby-order' measures 'all' in production, which deals otherwise by this"
    tried = cli("apply", file, "--dry-run")
    assert (tried.code, tried.err.count(named)) == (0, 1)
    done = cli("apply", file)
    assert (done.code, done.err.count(named)) == (0, 1)
    assert "croupier experiment stop lobby-order" in done.err
    written = json.dumps({"name": "back", "changes": [{"flag": "lobby", "rules": spec["rules"]}]})
    assert cli("preset", "put", cli.write("back.json", written)).code == 0
    assert f"warning: lobby: {named}" in cli("preset", "preview", "back").err
    misnamed = cli.write("misnamed.json", json.dumps({**EXPERIMENT, "spec": {**asked, "control": "clasic"}}))
    told = cli("apply", misnamed, "--dry-run")
    assert "spec.control: flag 'lobby' has no variant 'clasic'; did you mean 'classic'?" in told.err
