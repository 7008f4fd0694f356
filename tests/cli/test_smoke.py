"""Smoke checks by hand, without a control plane: what is printed, the report, and the exit codes."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from croupier.cli.watch import lines, picture

CHECKS = """\
apiVersion: croupier/v1
kind: SmokeCheck
metadata: {name: looks}
spec: {steps: [{name: look, request: {path: /ok}}]}
---
apiVersion: croupier/v1
kind: SmokeCheck
metadata: {name: refusals}
spec:
  steps:
    - {name: no entry, request: {path: /ok}, expect: refused}
    - {name: later, request: {path: /ok}}
"""


@pytest.fixture
def address() -> Iterator[str]:
    class Ok(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Ok)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def checks(tmp_path: Path) -> Path:
    file = tmp_path / "smoke.yaml"
    file.write_text(CHECKS)
    return file


def test_each_step_is_told_and_a_failure_leaves_with_1(cli: Any, checks: Path, address: str, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    done = cli("smoke", "run", checks, "--address", address, "--junit", report)
    assert done.code == 1
    assert "refusals failed: step 'no entry': it was granted (200), and should have been refused" in done.out
    assert "1 of 2 checks passed." in done.out
    cases = ET.parse(report).getroot().findall("*/testcase")  # noqa: S314 - our own report
    found = [(case.get("name"), [inner.tag for inner in case]) for case in cases]
    assert found == [("look", []), ("no entry", ["failure"]), ("later", ["skipped"])]


def test_one_check_as_json(cli: Any, checks: Path, address: str) -> None:
    done = cli("smoke", "run", checks, "--address", address, "--check", "looks", "--json")
    told = json.loads(done.out)
    assert (done.code, told["passed"], told["results"][0]["steps"][0]["outcome"]) == (0, True, "passed")


def test_what_cannot_be_run_is_no_failure_of_the_version(cli: Any, checks: Path) -> None:
    done = cli("smoke", "run", checks, "--address", "http://127.0.0.1:1")
    assert done.code == 7
    assert "looks could not be run: the edge at http://127.0.0.1:1 cannot be reached" in done.err


@pytest.mark.parametrize(
    "words,code,said",
    [
        (("--check", "lokks"), 5, "hint: There are: looks, refusals."),
        (("--service", "shop"), 5, "--service and --version belong together."),
    ],
)
def test_what_is_refused(cli: Any, checks: Path, address: str, words: Any, code: int, said: str) -> None:
    done = cli("smoke", "run", checks, "--address", address, *words)
    assert (done.code, said in done.err) == (code, True), done.err


def test_files_with_mistakes_and_files_without_checks(cli: Any, tmp_path: Path) -> None:
    file = tmp_path / "empty.yaml"
    file.write_text("apiVersion: croupier/v1\nkind: Segment\nmetadata: {name: s}\nspec: {match: {market: [SE]}}\n")
    assert "there is no SmokeCheck in these files" in cli("smoke", "run", file, "--address", "http://127.0.0.1:1").err
    file.write_text(CHECKS.replace("/ok", "ok"))
    assert cli("smoke", "run", file, "--address", "http://127.0.0.1:1").code == 5


def test_runs_are_shown_with_a_rollout() -> None:
    step = {"name": "no entry", "outcome": "failed", "said": "it was granted"}
    result = {"check": "refusals", "outcome": "failed", "said": "it was granted", "steps": [step], "tail": ""}
    run = {"passed": False, "stands": True, "exposure": "0 %", "at": "2026-01-01T00:00:00.000Z", "results": [result]}
    rollout: dict[str, Any] = {
        "id": "shop-2", "phase": "aborted", "stable": "1", "canary": "2", "service": "shop", "weight": 0,
        "confirmedWeight": 0, "waitingFor": "", "abort": None, "steps": [], "gates": [], "acted": [], "attempt": 1,
        "smokes": [run],
    }  # fmt: skip
    assert ("smoke", "refusals", "failed", "at 0 %: it was granted") in lines(rollout)
    parts = [str(part) for part in picture(rollout).renderables]  # type: ignore[union-attr]
    assert any("✗ no entry: it was granted" in part for part in parts), parts


def test_what_moves_with_a_version_is_asked_for_with_that_version(cli: Any, tmp_path: Path) -> None:
    done = cli("smoke", "run", tmp_path, "--address", "http://127.0.0.1:1", "--together")
    assert (done.code, "Name it: --service and --version." in done.err) == (5, True), done.err


def test_what_a_command_printed_keeps_its_lines(cli: Any, tmp_path: Path) -> None:
    file = tmp_path / "command.yaml"
    file.write_text(
        "apiVersion: croupier/v1\nkind: SmokeCheck\nmetadata: {name: tests}\n"
        "spec: {command: {run: [sh, -c, 'echo one; echo two; exit 1']}}\n"
    )
    done = cli("smoke", "run", file, "--address", "http://127.0.0.1:1")
    assert (done.code, done.out.splitlines()[1:3]) == (1, ["  one", "  two"])
    assert "CROUPIER_SMOKE_TOKEN is empty" in " ".join(done.err.split())
