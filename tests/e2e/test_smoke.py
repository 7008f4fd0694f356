"""Smoke checks on the real casino behind a real Envoy: good versions pass, each bad one is found before any player."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest
import pytest_asyncio
from tests.e2e.conftest import ENDED, House

from casino.players import Crowd
from casino.ports import free_port
from casino.testers import make
from casino.testing import LocalCasino, Running, wait_ready
from croupier.adapters.clock import SystemClock
from croupier.adapters.manifests import read_paths, to_objects
from croupier.adapters.routing.envoy import EnvoyRouter, EnvoySettings
from croupier.adapters.routing.envoy.version_tokens import OverrideKey
from croupier.adapters.smoke import CheckRunner, SmokeSettings
from croupier.cli.demo.stage import ControlPlane, choose_place, open_casino
from croupier.control.ports import Backend, Endpoint, RoutedService, TrafficTable, VersionKey
from croupier.core.releases import Service
from croupier.core.rollout.routes import stable_routes
from croupier.core.smoke import CheckResult, SmokeCheck
from croupier.core.smoke.override import TOKEN_HEADER

EXAMPLES = Path(__file__).parents[2] / "examples" / "casino" / "croupier"
FAULTS = {
    "payments": {"1.1.1": "overpay", "1.1.2": "forgetful", "1.1.3": "deposit-error", "1.1.4": "withdrawal-error"},
    "auth": {"1.1.1": "any-password", "1.1.2": "serves-excluded", "1.1.3": "login-error"},
    "games": {"1.1.1": "bet-error"},
}
FOUND = {
    ("payments", "1.1.1"): ("limits", "a withdrawal of what is not there is refused': it was granted (200)"),
    ("payments", "1.1.2"): ("money", "the same deposit again is the same answer"),
    ("payments", "1.1.3"): ("money", "deposit 5.00': the answer was 502"),
    ("payments", "1.1.4"): ("money", "withdraw 4.00': the answer was 502"),
    ("auth", "1.1.1"): ("limits", "a wrong password is refused': it was granted (200)"),
    ("auth", "1.1.2"): ("limits", "an excluded player is refused': it was granted (200)"),
    ("auth", "1.1.3"): ("money", "log in': the answer was 500"),
    ("games", "1.1.1"): ("money", "spin for 1.00': the answer was 500"),
}


@dataclass
class Stage:
    """A casino in which 1.1.0 has all players, other versions run beside it, and checks find their way."""

    runner: CheckRunner
    checks: dict[str, SmokeCheck]
    edge: str
    token: str
    payments: str

    async def run(self, check: str, service: str, version: str) -> CheckResult:
        return await self.runner.run(self.checks[check], VersionKey(service, version))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    folder = tmp_path_factory.mktemp("smoke")
    documents = read_paths([EXAMPLES]).documents
    services = {item.name: item.spec for item in documents if isinstance(item.spec, Service)}
    checks = {item.name: item.spec for item in documents if isinstance(item.spec, SmokeCheck)}
    key = OverrideKey(folder / "override.key", SystemClock())
    port = free_port()
    router = EnvoyRouter(EnvoySettings(folder / "e", port, concurrency=1, override_jwks=key.jwks, start_s=60.0))
    with LocalCasino(folder) as casino:
        running: list[Running] = []
        for service, faults in FAULTS.items():
            versions = {"1.1.0": "", **faults}
            running += [casino.start(service, version, fault=fault) for version, fault in versions.items()]
        for each in running:
            await asyncio.to_thread(wait_ready, each)
        make(casino.database, folder)
        routed = tuple(RoutedService(services[name], stable_routes(name, "1.1.0")) for name in FAULTS)
        backends = tuple(
            Backend(VersionKey(each.service, each.version), (Endpoint("127.0.0.1", each.port),)) for each in running
        )
        await router.start()
        try:
            await router.apply(TrafficTable(routed, backends))
            edge = f"http://127.0.0.1:{port}"
            settings = SmokeSettings(edge, {}, folder)
            runner = CheckRunner(settings, lambda which, for_s: key.sign(which, for_s, "tests"))
            token = key.sign([VersionKey("payments", "1.1.0")], 600.0, "tests")
            yield Stage(runner, checks, edge, token, running[0].url)
        finally:
            await router.stop(keep_serving=False)


@pytest.mark.envoy
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("service", FAULTS)
async def test_a_good_version_passes_every_check_again_and_again(stage: Stage, service: str) -> None:
    for check in (*stage.checks, *stage.checks):
        result = await stage.run(check, service, "1.1.0")
        assert result.passed, result


@pytest.mark.envoy
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("service,version", FOUND)
async def test_a_bad_version_is_found_by_the_check_that_is_for_it(stage: Stage, service: str, version: str) -> None:
    check, said = FOUND[service, version]
    result = await stage.run(check, service, version)
    assert not result.passed
    assert said in result.said


@pytest.mark.envoy
@pytest.mark.asyncio(loop_scope="module")
async def test_trial_money_reaches_marked_accounts_only_and_counts_nowhere(stage: Stage) -> None:
    assert (await stage.run("money", "payments", "1.1.0")).passed
    form = {"login": "a-player", "password": "a-password", "market": "DE", "brand": "aurora"}
    async with httpx.AsyncClient(base_url=stage.edge, timeout=60) as http:
        made = (await http.post("/auth/register", json=form)).json()
        login = {name: form[name] for name in ("login", "password")}
        challenge = (await http.post("/auth/login", json=login)).json()["challenge"]
        code = pyotp.TOTP(made["totp_secret"]).now()
        token = (await http.post("/auth/verify", json={"challenge": challenge, "code": code})).json()["token"]
        headers = {"authorization": f"Bearer {token}", "idempotency-key": "k-1", TOKEN_HEADER: stage.token}
        paid = {"amount_minor": 100, "psp": "kestrel"}
        refused = await http.post("/payments/deposit", json=paid, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_a_test_account")
        page = (await http.get(f"{stage.payments}/metrics")).text
    counted = [
        line for line in page.splitlines() if line.startswith(("casino_deposits_total{", "casino_http_requests"))
    ]
    assert counted
    assert all(line.endswith(" 0.0") for line in counted), "nobody played there"


def declared(version: str, fault: str) -> dict[str, Any]:
    spec = {"service": "payments", "version": version, "process": {"env": {"CASINO_FAULT": fault}}}
    return {"apiVersion": "croupier/v1", "kind": "Release", "spec": spec}


@pytest.fixture(scope="module")
def smoked() -> Iterator[House]:
    """A casino, at version 1.0.0 first, whose payments are smoked before any player and after every switch."""
    place = choose_place(free_port(), free_port())
    house = plane = None
    try:
        plane = ControlPlane(place, CROUPIER_SECRETS_DIR=str(place.folder))
        with plane.connection().open() as client:
            open_casino(client, place)
            make(place.folder / "casino.db", place.folder)
            smoke = [to_objects(item) for item in read_paths([EXAMPLES / "smoke.yaml"]).documents]
            canary = {"steps": [{"smoke": ["money", "limits"]}, {"setWeight": 50}, {"pause": {"duration": "1s"}}]}
            spec = {"service": "payments", "smoke": "limits", "strategy": {"canary": canary}}
            plan = {"apiVersion": "croupier/v1", "kind": "Rollout", "metadata": {"name": "payments"}, "spec": spec}
            releases = [declared("1.1.7", ""), declared("1.1.8", ""), declared("1.1.9", "overpay")]
            client.post("apply", {"documents": [*smoke, plan, *releases]})
            house = House(place, plane, client)
            yield house
    finally:
        last = house.plane if house is not None else plane
        if last is not None:
            last.stop()
        shutil.rmtree(place.folder, ignore_errors=True)


@pytest.mark.envoy
async def test_a_canary_that_pays_what_is_not_there_is_found_and_no_player_met_it(smoked: House) -> None:
    async with Crowd(smoked.place.edge, rate=40, players=200, lean=True, timeout_s=60) as crowd:
        bad = await asyncio.to_thread(smoked.start, "1.1.9")
        ended = await smoked.wait_async(bad, lambda found: found["phase"] in ENDED)
        assert ended["phase"] == "aborted"
        assert ended["abort"]["cause"] == "smoke"
        assert "a withdrawal of what is not there is refused': it was granted (200)" in ended["abort"]["reason"]
        assert [step["outcome"] for step in ended["smokes"][-1]["results"][-1]["steps"]][-1] == "failed"
        history = await asyncio.to_thread(smoked.client.pages, f"rollouts/{bad}/history", 100)
        assert not [item for item in history if item["type"] == "weight_confirmed" and "100" in item["text"]]
        met = {str(row.version) for row in crowd.snapshot().versions if row.service == "payments"}
        assert met == {"1.0.0"}, "no player was touched"

        good = await asyncio.to_thread(smoked.start, "1.1.8")
        ended = await smoked.wait_async(good, lambda found: found["phase"] in ENDED)
        assert ended["phase"] == "succeeded", ended
        assert [(run["occasion"], run["exposure"], run["passed"]) for run in ended["smokes"]] == [
            ("step", "0 %", True),
            ("switch", "50 %", True),
            ("switch", "100 %", True),
        ]
        snapshot = crowd.snapshot()
    assert (snapshot.lost, [row.failed for row in snapshot.versions if row.failed]) == (0, [])


@pytest.mark.envoy
def test_people_and_ci_try_a_version_with_a_token_of_their_own(smoked: House, tmp_path: Path) -> None:
    token = (smoked.place.folder / "state" / "admin.token").read_text().strip()
    known = {"CROUPIER_URL": smoked.place.page, "CROUPIER_TOKEN": token, "CROUPIER_SECRETS_DIR": smoked.place.folder}

    def said(*words: str) -> str:
        command = [sys.executable, "-m", "croupier", *words]
        env = {**os.environ, **{name: str(value) for name, value in known.items()}}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    name = smoked.start("1.1.7")
    smoked.wait(name, lambda found: found["step"] > 0)
    file, report = str(EXAMPLES / "smoke.yaml"), tmp_path / "report.xml"
    signed = said("rollout", "token", name, "--for", "1m", "--reason", "a look").strip()
    answer = httpx.get(f"{smoked.place.edge}/payments/ping", headers={TOKEN_HEADER: signed}, timeout=60)
    assert answer.headers["x-casino-version"] == "1.1.7"
    (entry,) = [item for item in smoked.client.pages("journal", 100) if item["action"] == "create version token"]
    assert (entry["subject"], entry["reason"]) == ("version-token/payments", "a look")
    assert signed not in str(entry)

    asked = ("--service", "payments", "--version", "1.1.7", "--junit", str(report), "--json")
    told = json.loads(said("smoke", "run", file, *asked))
    assert (told["passed"], [each["check"] for each in told["results"]]) == (True, ["money", "limits"])
    assert report.read_text().count("<testcase") == 13
    smoked.wait(name, lambda found: found["phase"] == "succeeded")
    assert "smoke\tlimits\tpassed\tat 100 %: 5 steps" in said("rollout", "show", name)
