"""Experiments on the page: what is known so far, and the buttons, without scripts."""

import html
import json
import re
from typing import Any

import pytest
from tests.server.api.test_experiments import EXPERIMENT, FLAG, report, tell

from croupier.core.flags.preset import read_preset
from croupier.core.flags.read import read_flag
from croupier.server.api.experiment_models import PointView
from croupier.server.auth import Role
from croupier.server.web.experiments.drawing import course


@pytest.fixture
async def declared(world: Any) -> Any:
    assert (await world.post("/apply", {"documents": [EXPERIMENT, FLAG]})).status_code == 200
    return world


async def test_an_empty_list_says_what_to_do(world: Any, visit: Any) -> None:
    await visit.sign_in()
    assert "No experiment is declared yet" in (await visit.get("/experiments")).text
    assert (await visit.get("/experiments/nothing")).status_code == 404


async def test_from_start_to_stop(declared: Any, visit: Any) -> None:
    await visit.sign_in(Role.OPERATOR)
    assert "not started" in (await visit.get("/experiments")).text
    assert "not started yet" in (await visit.get("/experiments/lobby-order")).text
    assert "is counted" in (await visit.get("/experiments/lobby-order/start")).text
    assert "It does not run." in (await visit.get("/experiments/lobby-order/stop")).text
    assert (await visit.submit("/experiments/lobby-order/start", reason="now")).status_code == 303
    page = (await visit.get("/experiments/lobby-order")).text
    assert "Nobody was counted yet" in page

    run = (await declared.get("/experiments/lobby-order")).json()["runs"][0]["id"]
    await tell(declared, report(run, 300, {"classic": 40, "recent": 110}))
    page = (await visit.get("/experiments/lobby-order")).text
    assert "recent is better than classic: bet by +" in page
    assert '<td class="right number">110</td>' in page
    assert "Can it be trusted?" in page
    live = (await visit.get("/experiments/lobby-order", headers={"hx-request": "true"})).text
    assert live.lstrip().startswith('<div id="live"')
    assert "It runs already." in (await visit.get("/experiments/lobby-order/start")).text
    assert (await visit.submit("/experiments/lobby-order/stop", reason="enough")).status_code == 303
    page = (await visit.get("/experiments")).text
    assert "stopped" in page
    page = (await visit.get("/flags/lobby")).text
    assert "an experiment on it started: clients report what it deals" in page
    assert "the experiment on it is over" in page
    told = (await declared.get("/flags/lobby/history")).json()["items"]
    changes = [change for item in told for change in item["changes"]]
    assert "experiment lobby-order started: clients report what it deals" in changes
    assert "the experiment on it is over" in changes
    await declared.post("/flags/lobby/kill", {"reason": "fire"})
    refused = await visit.submit("/experiments/lobby-order/start", reason="once more")
    assert (refused.status_code, "lobby is killed" in refused.text, "once more" in refused.text) == (422, True, True)
    await declared.post("/flags/lobby/restore", {"reason": "out"})
    again = await visit.submit("/experiments/lobby-order/start", reason="once more")
    assert again.status_code == 303
    assert 'id="runs"' in (await visit.get("/experiments/lobby-order")).text


async def test_the_page_warns_of_a_split_that_disturbs_a_run(declared: Any, visit: Any) -> None:
    await visit.sign_in(Role.OPERATOR)
    assert (await visit.submit("/experiments/lobby-order/start")).status_code == 303
    preset = {"name": "safer", "changes": [{"flag": "lobby", "rules": [{"name": "all", "variants": {"classic": 1}}]}]}
    await declared.context.flags.presets.put(read_preset(preset), actor="anna")
    for path in ("/presets/safer", "/presets/safer/approve"):
        page = html.unescape((await visit.get(path)).text)
        assert "lobby: experiment 'lobby-order' measures 'all' in production, which deals nobody there any more" in page
    form = await visit.get("/flags/lobby/edit")
    fields = dict(re.findall(r'<input type="hidden" name="(csrf|seen)" value="([^"]*)"', form.text))
    lobby = (await declared.get("/flags/lobby")).json()["declaration"]
    text = json.dumps({**lobby, "rules": preset["changes"][0]["rules"]})  # type: ignore[index]
    shown = html.unescape((await visit.post("/flags/lobby/edit", {**fields, "text": text, "step": "preview"})).text)
    assert "rules: experiment 'lobby-order' measures 'all' in production" in shown


async def test_a_withheld_result_says_no_bounds_of_its_guards_either(declared: Any, visit: Any) -> None:
    await visit.sign_in(Role.OPERATOR)
    assert (await visit.submit("/experiments/lobby-order/start")).status_code == 303
    assert '<path d="M4 4h8v8H4z"/></svg>Stop</a>' in (await visit.get("/experiments/lobby-order")).text
    run = (await declared.get("/experiments/lobby-order")).json()["runs"][0]["id"]
    await tell(declared, report(run, 100, {"classic": 10, "recent": 15}))
    guards = re.compile(r'<tr><th scope="row">complaint</th>.*?<td class="right number nowrap">(.*?)</td></tr>')
    assert guards.findall((await visit.get("/experiments/lobby-order")).text) == ["any amount"], "nobody complained yet"
    spec: Any = FLAG["spec"]
    split = read_flag({**spec, "feature": "lobby", "rules": [{"name": "all", "variants": {"classic": 9, "recent": 1}}]})
    await declared.context.flags.changes.declare([split], actor="anna")
    page = (await visit.get("/experiments/lobby-order")).text
    assert "deals its players otherwise" in page
    assert guards.findall(page) == ["–"]


async def test_a_viewer_sees_no_buttons(declared: Any, visit: Any) -> None:
    await visit.sign_in(Role.VIEWER)
    assert "/start" not in (await visit.get("/experiments/lobby-order")).text
    assert (await visit.get("/experiments/lobby-order/start")).status_code == 403


def test_the_course_closes_in() -> None:
    def point(at: int, low: float, ratio: float | None, high: float | None) -> PointView:
        return PointView(at=f"2026-11-22T10:00:0{at}.000Z", players=1, ratios={"recent": (low, ratio, high)})

    points = [point(0, -1.0, None, None), point(1, -0.2, 0.1, 0.6), point(2, 0.0, 0.1, 0.2)]
    assert course("recent", points[:1], 0.1) is None
    assert course("other", points, 0.1) is None
    drawn = course("recent", points, 0.1)
    assert drawn is not None
    assert drawn.most == pytest.approx(0.4)
    assert drawn.band == "M0.0 0.0 L500.0 0.0 L1000.0 25.0 L1000.0 50.0 L500.0 75.0 L0.0 100.0Z"
    assert drawn.line == "M500.0 37.5 L1000.0 37.5"
    assert course("recent", [points[0], points[0]], 0.1).line == ""  # type: ignore[union-attr]
