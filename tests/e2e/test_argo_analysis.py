"""Templates of Argo Rollouts, imported and used: a real Prometheus, a real web server, the whole control plane."""

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from tests.adapters.metrics.prometheus.conftest import Server, need_prometheus
from tests.e2e.conftest import House

from casino.ports import free_port
from croupier.cli.demo.stage import ControlPlane, choose_place, open_casino
from croupier.errors import Rejected, Transient

pytestmark = [pytest.mark.prometheus, pytest.mark.envoy]

V1 = {"apiVersion": "croupier/v1"}
SICK, HELD, GIVEN_UP, LEFT = "1.2.1", "1.2.2", "1.2.3", "1.2.4"
TEMPLATE = """
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata:
  name: {name}
spec:
  args:
    - name: service-name
    - name: token
      valueFrom:
        secretKeyRef: {{name: shop, key: token}}
  metrics:
    - name: health
      interval: 1s
      count: 3
      failureLimit: 1
      successCondition: result.ok == true && result.errors < 5
      provider:
        web:
          url: "{web}/health?service={{{{args.service-name}}}}"
          headers:
            - key: Authorization
              value: Bearer {{{{args.token}}}}
          jsonPath: "{{$.data}}"
    - name: scraped
      interval: 1s
      successCondition: len(result) > 0 && result[0] >= 0
      provider:
        prometheus:
          address: {prometheus}
          query: vector(1)
"""


@dataclass
class Web:
    """Says how healthy the shop is. ``seen`` are the requests that came: path and authorization."""

    errors: int = 0
    seen: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        web = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.seen.append((self.path, self.headers["authorization"] or ""))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps({"data": {"ok": True, "errors": web.errors}}).encode())

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(scope="module")
def site() -> Iterator[Web]:
    one = Web()
    yield one
    one.stop()


@pytest.fixture
def web(site: Web) -> Web:
    """The shop is well, and nobody has asked yet."""
    site.errors = 0
    site.seen.clear()
    return site


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory, free_ports: Callable[[], int]) -> Iterator[Server]:
    need_prometheus()
    one = Server(tmp_path_factory.mktemp("prometheus"), free_ports(), "500ms")
    yield one
    one.stop()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One casino for all of them; each rolls a version of its own out, and leaves none on its way."""
    secrets = tmp_path_factory.mktemp("house") / "secrets" / "shop"
    secrets.mkdir(parents=True)
    (secrets / "token").write_text("open-sesame\n")
    place = choose_place(free_port(), free_port())
    plane = ControlPlane(place, CROUPIER_OUTGOING_HOSTS="127.0.0.1", CROUPIER_SECRETS_DIR=str(secrets.parent))
    try:
        with plane.connection().open() as client:
            open_casino(client, place)
            client.post("apply", {"documents": [release(version) for version in (SICK, HELD, GIVEN_UP, LEFT)]})
            yield House(place, plane, client)
    finally:
        plane.stop()
        shutil.rmtree(place.folder, ignore_errors=True)


def imported(folder: Path, *templates: str, compat: bool = False) -> list[dict[str, Any]]:
    """What the command makes of these templates."""
    file = folder / "templates.yaml"
    file.write_text("---".join(templates))
    command = [sys.executable, "-m", "croupier", "import", "argo", str(file), "--arg", "service-name={{service}}"]
    command += ["--compat", "argo"] if compat else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "changed" in done.stderr
    return list(YAML(typ="safe").load_all(done.stdout))


def plan(*steps: dict[str, Any]) -> dict[str, Any]:
    spec = {"service": "payments", "strategy": {"canary": {"steps": list(steps)}}}
    return {**V1, "kind": "Rollout", "metadata": {"name": "payments"}, "spec": spec}


def release(version: str) -> dict[str, Any]:
    return {**V1, "kind": "Release", "spec": {"service": "payments", "version": version}}


def ask(*names: str) -> dict[str, Any]:
    return {"analysis": {"templates": [{"templateName": name} for name in names]}}


def template(web: Web, prometheus: Server, name: str = "shop-health") -> str:
    return TEMPLATE.format(name=name, web=web.url, prometheus=prometheus.url)


def test_a_healthy_release_is_promoted(house: House, web: Web, prometheus: Server, tmp_path: Path) -> None:
    gates = imported(tmp_path, template(web, prometheus))
    steps = ({"setWeight": 20}, ask("shop-health"), {"setWeight": 60}, ask("shop-health"))
    house.client.post("apply", {"documents": [*gates, plan(*steps)]})
    ended = house.wait(rollout := house.start("1.2.0"), lambda seen: seen["phase"] in {"succeeded", "aborted"})
    assert ended["phase"] == "succeeded", ended
    assert set(web.seen) == {("/health?service=payments", "Bearer open-sesame")}
    assert len(web.seen) >= 6  # three at each step
    again = house.client.get(f"rollouts/{rollout}/replay")
    assert again["verdicts"] >= 6
    assert not again["mistakes"]
    [shown] = ended["gates"]
    assert [(each["name"], each["wanted"]) for each in shown["metrics"]] == [("health", 3), ("scraped", None)]
    assert [each["outcome"] for each in shown["metrics"][0]["measurements"]] == ["successful"] * 3
    told = house.client.get(f"rollouts/{rollout}/gates/shop-health/explanation")
    assert any("health is" in line and "3 of 3 measured" in line for line in told["text"]), told
    history = json.dumps(house.client.get(f"rollouts/{rollout}/history"))
    assert "open-sesame" not in history
    assert b"open-sesame" not in house.database.read_bytes()


def test_a_sick_release_comes_back(house: House, web: Web, prometheus: Server, tmp_path: Path) -> None:
    gates = imported(tmp_path, template(web, prometheus))
    house.client.post("apply", {"documents": [*gates, plan({"setWeight": 20}, ask("shop-health"))]})
    web.errors = 7
    ended = house.wait(house.start(SICK), lambda seen: seen["phase"] in {"succeeded", "aborted"})
    assert ended["phase"] == "aborted"
    assert ended["abort"]["gate"] == "shop-health"
    assert "2 failed (1 may)" in ended["abort"]["reason"]


OUTAGE = """
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {{name: {name}}}
spec:
  metrics:
    - name: rate
      interval: 1s
      consecutiveErrorLimit: 0
      successCondition: result[0] >= 0.95
      provider: {{prometheus: {{address: {address}, query: vector(1)}}}}
"""


@pytest.fixture
def mortal(tmp_path: Path, free_ports: Callable[[], int]) -> Iterator[Server]:
    """A Prometheus that a test may stop."""
    one = Server(tmp_path, free_ports(), "500ms")
    yield one
    one.stop()


def test_an_outage_of_the_metrics_holds(house: House, mortal: Server, tmp_path: Path) -> None:
    gates = imported(tmp_path, OUTAGE.format(name="rate", address=mortal.url))
    house.client.post("apply", {"documents": [*gates, plan({"setWeight": 20}, {"pause": {}}, ask("rate"))]})
    rollout = house.start(HELD)
    house.wait(rollout, lambda seen: seen["phase"] == "paused")
    mortal.stop()
    house.client.post(f"rollouts/{rollout}/resume", {"reason": "it was looked at"})
    held = house.wait(
        rollout, lambda seen: seen["gates"][0]["verdict"] == "no_data" and "in a row" in seen["gates"][0]["reason"]
    )
    assert held["phase"] == "progressing"
    assert "cannot be asked" in held["gates"][0]["reason"]
    house.client.post(f"rollouts/{rollout}/abort", {"reason": "enough"})
    house.wait(rollout, lambda seen: seen["phase"] == "aborted")


def test_as_in_argo_an_outage_takes_a_healthy_release_back(house: House, mortal: Server, tmp_path: Path) -> None:
    gates = imported(tmp_path, OUTAGE.format(name="rate", address=mortal.url), compat=True)
    house.client.post("apply", {"documents": [*gates, plan({"setWeight": 20}, {"pause": {}}, ask("rate"))]})
    rollout = house.start(GIVEN_UP)
    house.wait(rollout, lambda seen: seen["phase"] == "paused")
    mortal.stop()
    house.client.post(f"rollouts/{rollout}/resume", {"reason": "it was looked at"})
    ended = house.wait(rollout, lambda seen: seen["phase"] in {"succeeded", "aborted"})
    assert ended["phase"] == "aborted"
    assert "an error" in ended["abort"]["reason"]


def test_nobody_is_exposed_to_what_could_not_be_measured(
    house: House, web: Web, prometheus: Server, free_ports: Callable[[], int], tmp_path: Path
) -> None:
    without = template(web, prometheus).replace("name: shop, key: token", "name: shop, key: none")
    away = OUTAGE.format(name="rate", address=f"http://127.0.0.1:{free_ports()}")
    for text, gate, error, why in (
        (without, "shop-health", Rejected, "argument token: the secret shop/none cannot be read: No such file"),
        (away, "rate", Transient, "Whether gate rate can judge payments is not known: metric rate: 127.0.0.1 cannot"),
    ):
        gates = imported(tmp_path, text)
        house.client.post("apply", {"documents": [*gates, plan({"setWeight": 20}, ask(gate))]})
        with pytest.raises(error, match=why):
            house.start(LEFT)
    assert not web.seen
    assert LEFT not in json.dumps(house.client.get("rollouts"))
