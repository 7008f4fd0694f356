"""Measuring values: a real web server, a real Prometheus, and all that can go wrong on the way."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.adapters.metrics.prometheus.conftest import Server, need_prometheus

from croupier.adapters.clock import SystemClock
from croupier.adapters.metrics.prometheus import PrometheusMetrics, PrometheusSettings
from croupier.adapters.metrics.web import MeasureSettings, Measuring
from croupier.adapters.outgoing import Allowed
from croupier.control.ports import Query, Question
from croupier.core.gates import PROMETHEUS, Measurement, RatioSli
from croupier.core.gates.analysis.model import Arg, Metric, PrometheusQuery, Provider, WebRequest
from croupier.errors import Transient

SLI = RatioSli("deposits_total", good=(("outcome", ("ok",)),))


class Site:
    """Answers as it is told to; ``seen`` has method, path, headers and body of each request."""

    def __init__(self) -> None:
        self.status, self.body, self.headers = 200, b'{"data": {"ok": true, "n": 3}}', {"x": "y"}
        self.go = threading.Event()
        self.go.set()
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        site = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.go.wait(120)
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                site.seen.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(site.status)
                for name, value in site.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(site.body)

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, *args: object) -> None:
                pass

        class Listener(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args: object) -> None:
                pass  # who asked may have gone

        self._server = Listener(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def stop(self) -> None:
        self.go.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def site() -> Iterator[Site]:
    one = Site()
    yield one
    one.stop()


@pytest.fixture
async def measuring(tmp_path: Path) -> AsyncIterator[Callable[..., Measuring]]:
    made: list[Measuring] = []

    def make(own: Any = None, **more: Any) -> Measuring:
        (tmp_path / "shop").mkdir(exist_ok=True)
        (tmp_path / "shop" / "token").write_text("open-sesame\n")
        more = {"allowed": Allowed.read(["127.0.0.1"]), "secrets_dir": tmp_path, "patience_s": 60.0, **more}
        made.append(Measuring(SystemClock(), MeasureSettings(**more), own))
        return made[-1]

    yield make
    for one in made:
        await one.stop()


def question(provider: Provider, *args: Arg, at: float = 1.0) -> Question:
    return Question("shop-1.1", "gate", (Metric("rate", provider),), args, "shop", "1.2.0", "1.1.0", at)


async def measure(measuring: Measuring, provider: Provider, *args: Arg, at: float = 1.0) -> Measurement:
    [found] = (await measuring.measure(question(provider, *args, at=at))).taken
    return found


async def test_a_value_is_picked_out_of_an_answer(measuring: Any, site: Site) -> None:
    asked = WebRequest(
        f"{site.url}/{{{{service}}}}?v={{{{version}}}}&s={{{{stable}}}}&w={{{{args.who}}}}",
        headers=(("authorization", "Bearer {{args.token}}"),),
        json_path="{$.data}",
    )
    args = (Arg("who", "{{ service }}-team"), Arg("token", file="shop/token"))
    assert await measure(measuring(), asked, *args, at=7.0) == Measurement("rate", 7.0, '{"ok":true,"n":3}')
    [(method, path, headers, _)] = site.seen
    assert (method, path) == ("GET", "/shop?v=1.2.0&s=1.1.0&w=shop-team")
    assert headers["authorization"] == "Bearer open-sesame"


async def test_a_body_is_sent_and_the_whole_answer_counts(measuring: Any, site: Site) -> None:
    site.body = b"[1, 2.5, null]"
    asked = WebRequest(site.url, method="POST", body='{"a": "{{service}}"}', headers=(("x-a", "b"),))
    assert (await measure(measuring(), asked)).value == "[1,2.5,null]"
    assert site.seen[0][0] == "POST"
    assert json.loads(site.seen[0][3]) == {"a": "shop"}


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("not found", {"status": 404}, "127.0.0.1 answers 404"),
    ("a redirect", {"status": 302, "headers": {"location": "http://169.254.169.254/"}}, "redirects are not followed"),
    ("no JSON", {"body": b"<html>"}, "no JSON"),
    ("NaN in JSON", {"body": b"NaN"}, "no JSON"),
    ("packed", {"headers": {"content-encoding": "gzip"}}, "packed answer"),
    ("too much", {"body": b"1" * 2_000_000}, "the answer has more than 1,048,576 bytes"),
    ("nothing there", {"body": b"{}"}, "the answer has nothing at {.data.ok}"),
    ("too long a value", {"body": b'{"data": {"ok": "' + b"x" * 5_000 + b'"}}'}, "longer than 4,096 characters"),
]


@pytest.mark.parametrize("answer, why", [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
async def test_what_is_no_measurement(measuring: Any, site: Site, answer: dict[str, Any], why: str) -> None:
    for name, value in answer.items():
        setattr(site, name, value)
    found = await measure(measuring(), WebRequest(site.url, json_path="{.data.ok}"))
    assert found.value is None
    assert why in found.error
    assert len(site.seen) == 1


async def test_nothing_is_asked_where_nothing_may_go(measuring: Any, site: Site) -> None:
    port = site.url.rpartition(":")[2]
    refused = measuring(allowed=Allowed())
    for url in (site.url, f"https://127.0.0.1:{port}", "http://169.254.169.254/latest", "file:///etc/passwd"):
        found = await measure(refused, WebRequest(url))
        assert found.value is None
        assert "CROUPIER_OUTGOING_HOSTS" in found.error or "no URL of a web server" in found.error, found
    found = await measure(refused, WebRequest(f"https://localhost:{port}/"))
    assert "leads to this machine" in found.error
    found = await measure(refused, PrometheusQuery("up", address=site.url))
    assert "127.0.0.1" in found.error
    assert not site.seen


async def test_secrets_are_told_nobody(measuring: Any, site: Site) -> None:
    asked = WebRequest("{{args.token}}://x")
    found = await measure(measuring(), asked, Arg("token", file="shop/token"))
    assert "sesame" not in found.error
    site.status = 500
    for arg in (Arg("token", file="shop/token"), Arg("token", env="CROUPIER_ARG_TOKEN")):
        found = await measure(
            measuring(env={"CROUPIER_ARG_TOKEN": "open-sesame"}), WebRequest(f"{site.url}/{{{{args.token}}}}"), arg
        )
        assert found.error == "127.0.0.1 answers 500"
    assert [path for _, path, _, _ in site.seen] == ["/open-sesame"] * 2


@pytest.mark.parametrize(
    "arg, why",
    [
        (Arg("token", file="shop/none"), "cannot be read: No such file"),
        (Arg("token", file="../outside"), "leads out of CROUPIER_SECRETS_DIR"),
        (Arg("token", file="shop/empty"), "is empty"),
        (Arg("token", file="shop/bytes"), "it is no text"),
        (Arg("token", env="CROUPIER_ARG_NONE"), "no environment variable CROUPIER_ARG_NONE"),
        (Arg("other", "x"), "nothing stands for {{args.token}}"),
    ],
)
async def test_arguments_that_are_not_there(measuring: Any, tmp_path: Path, site: Site, arg: Arg, why: str) -> None:
    one = measuring()
    (tmp_path / "shop" / "empty").write_text(" \n")
    (tmp_path / "shop" / "bytes").write_bytes(b"\xff")
    assert why in (await measure(one, WebRequest(f"{site.url}/{{{{args.token}}}}"), arg)).error
    nowhere = measuring(secrets_dir=None)
    found = await measure(nowhere, WebRequest(f"{site.url}/{{{{args.token}}}}"), Arg("token", file="shop/token"))
    assert "CROUPIER_SECRETS_DIR is not set" in found.error
    assert not site.seen


async def test_who_takes_long_is_waited_for_by_nobody(measuring: Any, site: Site) -> None:
    site.go.clear()
    one = measuring(patience_s=0.01)
    asked = WebRequest(site.url, json_path="{.data.n}")
    assert (await one.measure(question(asked))).taken == ()
    assert (await one.measure(question(asked, at=2.0))).taken == ()
    site.go.set()
    found: tuple[Measurement, ...] = ()
    deadline = time.monotonic() + 120
    while not found and time.monotonic() < deadline:
        found = (await one.measure(question(asked, at=3.0))).taken
    assert found == (Measurement("rate", 3.0, "3"),)
    assert len(site.seen) == 1  # asked once, however often it was looked for


async def test_a_time_out_is_no_measurement(measuring: Any, site: Site) -> None:
    site.go.clear()
    found = await measure(measuring(), WebRequest(site.url, timeout_s=0.05))
    assert "does not answer within 0.05 s" in found.error


async def test_a_metric_s_own_time_out_holds_where_readings_are_given_less(measuring: Any, site: Site) -> None:
    """A reading that begins after the question and times out proves that more than its time has passed."""
    site.go.clear()
    site.body = b'{"status": "success", "data": {"resultType": "scalar", "result": [1, "3"]}}'
    source = PrometheusMetrics(SystemClock(), PrometheusSettings(site.url, timeout_s=0.05))
    one = measuring(source, patience_s=0.01)
    asked = question(PrometheusQuery("scalar(up)", timeout_s=20.0))
    assert (await one.measure(asked)).taken == ()  # and the look goes on
    reading = await source.read(Query(SLI, (), "shop", "2", "1", 0.0, 60.0, PROMETHEUS))
    assert "does not answer within 0.05 s" in str(reading)
    assert (await one.measure(asked)).taken == ()
    site.go.set()
    async with asyncio.timeout(120):
        while not (found := (await one.measure(asked)).taken):
            await asyncio.sleep(0)
    await source.stop()
    assert found == (Measurement("rate", 1.0, "3.0"),)
    assert b"timeout=20s" in next(body for _, _, _, body in site.seen if b"scalar" in body)


async def test_a_metric_s_own_time_out_ends_its_question(measuring: Any, site: Site) -> None:
    site.go.clear()
    source = PrometheusMetrics(SystemClock(), PrometheusSettings(site.url, timeout_s=20.0))
    found = await measure(measuring(source), PrometheusQuery("up", timeout_s=0.05))
    await source.stop()
    assert found.value is None
    assert "does not answer within 0.05 s" in found.error


async def test_who_cannot_be_reached(measuring: Any, free_ports: Callable[[], int]) -> None:
    found = await measure(measuring(), WebRequest(f"http://127.0.0.1:{free_ports()}/secret"))
    assert found.error == "127.0.0.1 cannot be asked: All connection attempts failed"


async def test_what_a_metric_may_not_name_is_said_beforehand_and_nothing_is_sent(measuring: Any, site: Site) -> None:
    asked = WebRequest(f"{site.url}/{{{{args.token}}}}", method="POST")
    token = Arg("token", file="shop/token")
    assert await measuring().probe(question(asked, token)) is None
    why = {
        "metric rate: nothing stands for {{args.token}}": measuring().probe(question(asked)),
        "CROUPIER_SECRETS_DIR is not set": measuring(secrets_dir=None).probe(question(asked, token)),
        "CROUPIER_OUTGOING_HOSTS": measuring(allowed=Allowed()).probe(question(asked, token)),
        "the name nowhere.invalid is not known": measuring().probe(question(WebRequest("https://nowhere.invalid/"))),
        "set CROUPIER_PROMETHEUS_URL": measuring().probe(question(PrometheusQuery("up"))),
    }
    for words, probed in why.items():
        said = await probed
        assert words in said
        assert "sesame" not in said
    assert not site.seen


async def test_of_several_metrics_a_mistake_is_told_before_an_outage(measuring: Any, site: Site) -> None:
    site.status = 503
    away, wrong = PrometheusQuery("up", address=site.url), WebRequest(f"{site.url}/{{{{args.none}}}}")
    metrics = (Metric("away", away), Metric("wrong", wrong), Metric("too", wrong))
    asked = replace(question(away), metrics=metrics)
    assert await measuring().probe(asked) == "metric wrong: nothing stands for {{args.none}}"
    assert await measuring().probe(replace(asked, metrics=metrics[1:])) is not None
    header = PrometheusQuery("up", address=site.url, headers=(("x-who", "a\nb"),))
    assert "cannot be asked" in str(await measuring().probe(question(header)))


async def test_a_surprise_is_nobody_s_outage(measuring: Any) -> None:
    class Broken:
        async def instant(self, expression: str, at: float, timeout_s: float) -> Any:
            raise RuntimeError("surprise")

    with pytest.raises(RuntimeError, match="surprise"):
        await measuring(Broken()).probe(question(PrometheusQuery("up")))


async def test_a_name_that_nobody_looks_up_in_time_is_an_outage(measuring: Any) -> None:
    with pytest.raises(Transient, match=r"nobody says within 0 s where shop\.example is"):
        await measuring().probe(question(WebRequest("https://shop.example/", timeout_s=0.0)))


async def test_whether_a_prometheus_answers_is_asked_beforehand(measuring: Any, site: Site) -> None:
    asked = question(PrometheusQuery("up", address=site.url))
    site.body = b'{"status": "success", "data": {"resultType": "matrix", "result": []}}'
    assert await measuring().probe(asked) is None  # what it says may be fit when there is traffic
    site.status = 400
    assert await measuring().probe(asked) == "metric rate: 127.0.0.1 answers 400"
    site.status = 503
    with pytest.raises(Transient, match=r"metric rate: 127\.0\.0\.1 answers 503"):
        await measuring().probe(asked)
    own = PrometheusMetrics(SystemClock(), PrometheusSettings(site.url))
    with pytest.raises(Transient, match="answers 503"):
        await measuring(own).probe(question(PrometheusQuery("up")))
    await own.stop()


@pytest.mark.prometheus
async def test_a_prometheus(measuring: Any, tmp_path: Path, free_ports: Callable[[], int]) -> None:
    need_prometheus()
    server = await asyncio.to_thread(Server, tmp_path, free_ports())
    own = PrometheusMetrics(SystemClock(), PrometheusSettings(server.url))
    try:
        ours = measuring(own, prometheus_url=server.url, allowed=Allowed())
        theirs = measuring()
        now = SystemClock().now()
        cases = {
            "vector(0.95)": "[0.95]",
            "scalar(vector(2))": "2.0",
            "vector(0) / 0": "[NaN]",
            "vector(1) / 0": "[Infinity]",
            "nothing_of_the_kind": "[]",
        }
        for query, value in cases.items():
            assert (await measure(ours, PrometheusQuery(query), at=now)).value == value
            assert (await measure(ours, PrometheusQuery(query, address=f"{server.url}/"), at=now)).value == value
            assert (await measure(theirs, PrometheusQuery(query, address=server.url), at=now)).value == value
        wrong = await measure(ours, PrometheusQuery("sum("), at=now)
        assert "answers 400" in wrong.error
        for asked, address in ((ours, None), (theirs, server.url)):
            assert "answers 400" in await asked.probe(question(PrometheusQuery("sum(", address=address), at=now))
            assert await asked.probe(question(PrometheusQuery("nothing_of_the_kind", address=address), at=now)) is None
        wrong = await measure(theirs, PrometheusQuery("sum(", address=server.url), at=now)
        assert "answers 400" in wrong.error
        for query, kind in {"up[1m]": "matrix", '"text"': "string"}.items():
            assert f"the query gives a {kind}" in (await measure(ours, PrometheusQuery(query), at=now)).error
        without = await measure(theirs, PrometheusQuery("up"), at=now)
        assert "set CROUPIER_PROMETHEUS_URL" in without.error
    finally:
        await own.stop()
        server.stop()


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'{"status": "error"}',
        b'{"status": "success"}',
        b'{"status": "success", "data": {"resultType": "vector", "result": [{}]}}',
    ],
)
async def test_what_is_no_prometheus(measuring: Any, site: Site, body: bytes) -> None:
    site.body = body
    found = await measure(measuring(), PrometheusQuery("up", address=site.url))
    assert "not its JSON" in found.error


async def test_a_mistake_of_ours_is_no_measurement(measuring: Any) -> None:
    class Broken:
        async def instant(self, expression: str, at: float, timeout_s: float) -> Any:
            raise RuntimeError("surprise")

    found = await measure(measuring(Broken()), PrometheusQuery("up"))
    assert found.error == "measuring failed: RuntimeError"


async def test_what_was_asked_at_another_weight_is_no_answer(measuring: Any, site: Site) -> None:
    ours = measuring(patience_s=0.05)
    site.go.clear()
    asked = question(WebRequest(site.url, json_path="{.data.n}"))
    assert not (await ours.measure(asked)).taken
    site.body = b'{"data": {"n": 4}}'
    later = replace(asked, since=50.0, at=60.0)
    assert not (await ours.measure(later)).taken
    site.go.set()
    async with asyncio.timeout(120):
        while not (found := (await ours.measure(later)).taken):
            await asyncio.sleep(0)
        while len(site.seen) < 2:
            await asyncio.sleep(0)
    assert found == (Measurement("rate", 60.0, "4"),)
