"""Experiments over the API: declared, started, reported to, looked at, stopped."""

import hashlib
from typing import Any

import pytest

from croupier.errors import Rejected
from croupier.server.auth import Role
from croupier.server.experiments.report import read_report
from croupier.server.problems import Malformed

FLAG = {
    "apiVersion": "croupier/v1",
    "kind": "Flag",
    "metadata": {"name": "lobby"},
    "spec": {
        "type": "ops",
        "variants": {"classic": 1, "recent": 2},
        "off": "classic",
        "default": "classic",
        "safe": "classic",
        "rules": [{"name": "all", "variants": {"classic": 50, "recent": 50}}],
    },
}
EXPERIMENT = {
    "apiVersion": "croupier/v1",
    "kind": "Experiment",
    "metadata": {"name": "lobby-order"},
    "spec": {
        "flag": "lobby",
        "control": "classic",
        "goal": {"event": "bet", "within": "7d"},
        "guards": [{"event": "complaint"}],
        "minimumEffect": "10%",
        "lasts": "2w",
    },
}


def report(run: str, players: int, bets: dict[str, int], client: str = "shop") -> dict[str, Any]:
    lines: list[list[Any]] = []
    for variant in ("classic", "recent"):
        for number in range(players):
            player = hashlib.blake2b(f"{variant}{number}".encode(), digest_size=8).hexdigest()
            lines.append([player, variant, "", 1.0])
            if number < bets[variant]:
                lines.append([player, "", "bet", 0.5])
    return {"client": client, "lost": 2, "runs": {run: lines}}


@pytest.fixture
async def declared(world: Any) -> Any:
    answer = await world.post("/apply", {"documents": [EXPERIMENT, FLAG]})
    assert answer.status_code == 200, answer.text
    return world


async def tell(world: Any, body: Any, role: Role = Role.CLIENT, environment: str = "production") -> Any:
    path = f"/api/v1/environments/{environment}/flags/exposures"
    return await world.client.post(path, json=body, headers=world.auth(role))


async def test_an_experiment_that_does_not_fit_its_flag_is_told_where_it_is_declared(declared: Any) -> None:
    def asked(**spec: Any) -> dict[str, Any]:
        return {"documents": [{**EXPERIMENT, "spec": {**EXPERIMENT["spec"], **spec}}]}  # type: ignore[dict-item]

    async def said(body: dict[str, Any]) -> list[tuple[str, str]]:
        answer = await declared.post("/apply", {**body, "dryRun": True})
        assert answer.status_code == 200, answer.text
        return [(item["field"], item["message"]) for item in answer.json()["warnings"]]

    assert await said(asked()) == []
    assert await said(asked(control="clasic")) == [
        ("spec.control", "flag 'lobby' has no variant 'clasic'; did you mean 'classic'?")
    ]
    assert await said(asked(flag="nothing")) == [("spec.flag", "there is no flag 'nothing'.")]
    assert (await said(asked(rule="one")))[0][0] == "spec.rule"
    both = {"documents": [FLAG, *asked(control="clasic")["documents"]]}
    refused = await declared.post("/apply", both)
    assert (refused.status_code, refused.json()["problems"][0]["field"]) == (422, "spec.control")


async def test_who_changes_the_split_under_a_run_is_warned_everywhere(declared: Any) -> None:
    assert (await declared.post("/experiments/lobby-order/start", {"reason": "now"})).status_code == 200
    split = {"name": "all", "variants": {"classic": 90, "recent": 10}}
    flag = {**FLAG, "spec": {**FLAG["spec"], "rules": [split]}}  # type: ignore[dict-item]
    text = "experiment 'lobby-order' measures 'all' in production, which deals otherwise by this: while that is not"

    tried = (await declared.post("/apply", {"documents": [flag], "dryRun": True})).json()["warnings"]
    assert [(item["field"], item["message"].startswith(text)) for item in tried] == [("spec.rules", True)]
    preset = {"changes": [{"flag": "lobby", "rules": [split]}]}
    put = await declared.client.put("/api/v1/presets/safer", json=preset, headers=declared.auth(Role.OPERATOR))
    assert put.status_code == 200, put.text
    previewed = (await declared.post("/presets/safer/preview")).json()
    assert [item["message"].startswith(f"lobby: {text}") for item in previewed["warnings"]] == [True]

    lobby = (await declared.get("/flags/lobby")).json()["declaration"]
    path = "/api/v1/flags/lobby"
    put = await declared.client.put(path, json={**lobby, "rules": [split]}, headers=declared.auth(Role.OPERATOR))
    assert [item["message"].startswith(text) for item in put.json()["warnings"]] == [True]
    assert "deals its players otherwise" in (await declared.get("/experiments/lobby-order/result")).text
    back = await declared.client.put(path, json=lobby, headers=declared.auth(Role.OPERATOR))
    assert len(back.json()["warnings"]) == 1
    assert "withheld" not in (await declared.get("/experiments/lobby-order/result")).json()["said"]


async def test_the_whole_way(declared: Any) -> None:
    (shown,) = (await declared.get("/experiments")).json()["items"]
    assert (shown["name"], shown["running"], shown["runs"], shown["said"]) == ("lobby-order", False, [], "")
    assert shown["declared"]["goal"] == {"event": "bet", "within": "7d"}
    assert (await declared.get("/experiments/lobby-order/result")).status_code == 404

    headers = {"Idempotency-Key": "k"}
    started = await declared.post("/experiments/lobby-order/start", {"reason": "now"}, headers=headers)
    assert started.status_code == 200, started.text
    again = await declared.post("/experiments/lobby-order/start", {"reason": "now"}, headers=headers)
    assert again.json() == started.json()
    run = started.json()
    assert (run["running"], run["rule"], run["shares"]) == (True, "all", {"classic": 0.5, "recent": 0.5})
    assert (await declared.post("/experiments/lobby-order/start")).status_code == 409
    assert (await declared.post("/experiments/lobby-order/start", role=Role.VIEWER)).status_code == 403

    for _ in range(2):
        answer = await tell(declared, report(run["id"], 300, {"classic": 40, "recent": 110}))
        assert answer.status_code == 204, answer.text
    result = (await declared.get("/experiments/lobby-order/result", role=Role.VIEWER)).json()
    assert [(item["variant"], item["exposed"], item["converted"]) for item in result["variants"]] == [
        ("classic", 300, 40),
        ("recent", 300, 110),
    ]
    assert result["comparisons"][0]["verdict"] == "better"
    assert result["said"].startswith("recent is better than classic: bet by +")
    assert (result["lost"], result["crossed"], result["withheld"]) == (2, 0, "")
    course = (await declared.get(f"/experiments/lobby-order/course?run={run['id']}")).json()["items"]
    assert course[0]["players"] == 600

    stopped = await declared.post("/experiments/lobby-order/stop", {"reason": "enough"})
    assert (stopped.status_code, stopped.json()["run"]["running"]) == (200, False)
    assert (await declared.post("/experiments/lobby-order/stop")).status_code == 409
    shown = (await declared.get("/experiments/lobby-order")).json()
    assert (shown["running"], shown["runs"][0]["stoppedBy"]) == (False, "admin")
    assert (await tell(declared, report(run["id"], 5, {"classic": 0, "recent": 0}))).status_code == 204
    entries = (await declared.get("/journal?subject=experiment/lobby-order")).json()["items"]
    assert [entry["action"] for entry in entries] == ["start experiment", "stop experiment"]


async def test_reports_need_a_token_and_an_environment(declared: Any) -> None:
    body = {"client": "shop", "runs": {}}
    assert (await tell(declared, body)).status_code == 204
    assert (await tell(declared, body, environment="nowhere")).status_code == 404
    nobody = await declared.client.post("/api/v1/environments/production/flags/exposures", json=body)
    assert nobody.status_code == 401
    large = await tell(declared, {**body, "runs": {"x": "y" * 300_000}})
    assert (large.status_code, "larger than" in large.text) == (400, True)


@pytest.mark.parametrize(
    "body, field",
    [
        ({"runs": {}}, "client"),
        ({"client": "no spaces", "runs": {}}, "client"),
        ({"client": "shop", "lost": -1, "runs": {}}, "lost"),
        ({"client": "shop", "lost": True, "runs": {}}, "lost"),
        ({"client": "shop", "runs": []}, "runs"),
        ({"client": "shop", "runs": {"x": []}}, "runs.x"),
        ({"client": "shop", "runs": {"0f" * 16: 3}}, f"runs.{'0f' * 16}"),
        *(
            ({"client": "shop", "runs": {"0f" * 16: [line]}}, f"runs.{'0f' * 16}[0]")
            for line in (
                3,
                ["8b1a9953c4611296", "blue", ""],
                ["8b1a9953c4611296", "blue", "bet", 1],
                ["8b1a9953c4611296", "", "", 1],
                ["p1", "blue", "", 1],
                ["8b1a9953c4611296", "blue", "", -1],
                ["8b1a9953c4611296", "blue", "", True],
                ["8b1a9953c4611296", "blue", "", "1"],
                ["8b1a9953c4611296", "blue sky", "", 1],
                [3, "blue", "", 1],
            )
        ),
    ],
)
def test_nonsense_is_refused_with_its_place(body: Any, field: str) -> None:
    import json

    with pytest.raises(Rejected) as refused:
        read_report(json.dumps(body).encode(), 100.0)
    assert refused.value.problems[0].field == field


def test_ages_become_times() -> None:
    body = b'{"client": "shop", "runs": {"%s": [["8b1a9953c4611296", "blue", "", 1e9]]}}' % (b"0f" * 16)
    (only,) = read_report(body, 1e9).runs["0f" * 16]
    assert only.at == 1e9 - 7 * 86_400
    (only,) = read_report(body.replace(b"1e9", b"9" * 400), 1e9).runs["0f" * 16]
    assert only.at == 1e9 - 7 * 86_400
    for nothing in (b"", b"[]", b"[" * 100_000):
        with pytest.raises(Malformed):
            read_report(nothing, 1.0)


@pytest.mark.parametrize(
    "change, said",
    [
        ({"control": "recent", "treatments": ["recent"]}, "'recent' is the control"),
        ({"goal": {"event": "bet", "better": "bigger"}}, "expected more or fewer"),
        ({"minimumEffect": "lots"}, "expected an effect"),
        ({"minimumEffect": True}, "expected an effect"),
        ({"minimumEffect": 10}, "10 could mean 10 % or 1000 %. Write 10% or 1000%."),
        ({"goal": {"event": "bet", "within": 7}}, "7 has no unit: days or seconds? Write 7d, or 7s."),
        ({"lasts": "28"}, "has no unit: days or seconds? Write 28d, or 28s."),
        ({"lasts": "1y"}, "expected a duration"),
        ({"lasts": "100d"}, "it lasts up to 90 days"),
    ],
)
async def test_a_declaration_that_makes_no_sense_is_refused(world: Any, change: Any, said: str) -> None:
    wrong = {**EXPERIMENT, "spec": {**EXPERIMENT["spec"], **change}}  # type: ignore[dict-item]
    answer = await world.post("/apply", {"documents": [wrong]})
    assert answer.status_code == 422
    assert said in answer.text


async def test_what_ran_is_not_taken_out(declared: Any) -> None:
    """What it found goes by its name."""
    path = "/documents/Experiment/lobby-order"
    assert (await declared.get(path)).json()["usedBy"] == []
    assert (await declared.post("/experiments/lobby-order/start", {"reason": "now"})).status_code == 200
    assert (await declared.get(path)).json()["usedBy"] == ["it has run, and its results go by its name"]
    headers, why = declared.auth(Role.OPERATOR), {"reason": "a slip"}
    refused = await declared.client.delete(f"/api/v1{path}", headers=headers, params=why)
    assert (refused.status_code, "it has run" in refused.json()["detail"]) == (409, True)
