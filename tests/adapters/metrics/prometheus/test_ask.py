"""What real servers may do instead of answering: nothing of it is counted, no secret leaves, and the reason is said."""

import asyncio
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from croupier.adapters.clock import SystemClock
from croupier.adapters.metrics.prometheus import PrometheusMetrics, PrometheusSettings
from croupier.control.ports import Query
from croupier.core.gates import PROMETHEUS, Counts, Instance, LatencySli, RatioSli, Reading, Silence
from croupier.errors import Transient

SLI = RatioSli("deposits_total", good=(("outcome", ("ok",)),))
ONE = {"status": "success", "data": {"resultType": "scalar", "result": [0, "1"]}}


class Strange:
    """Answers as told, and remembers what it was asked."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.status = 200
        self.body: bytes | Callable[[dict[str, str]], Any] = b""
        self.headers: dict[str, str] = {}
        self.hang: threading.Event | None = None
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []
        fake = self

        class Answers(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers.get("content-length", 0))).decode())
                question = {name: values[0] for name, values in form.items()}
                fake.asked.append((self.path, dict(self.headers.items()), question))
                if fake.hang is not None:
                    fake.hang.wait(120)
                body = fake.body if isinstance(fake.body, bytes) else json.dumps(fake.body(question)).encode()
                self.send_response_only(fake.status)
                for name, value in {"date": formatdate(usegmt=True), **fake.headers}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST  # noqa: N815 - as above, where ruff knows it

            def log_message(self, *args: object) -> None:
                pass

        class Listener(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *args: object) -> None:
                pass  # who asks hangs up on what is too large

        self._server = Listener(("127.0.0.1", 0), Answers)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.where = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def stop(self) -> None:
        if self.hang is not None:
            self.hang.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def fake() -> Iterator[Strange]:
    one = Strange()
    yield one
    one.stop()


async def said(fake: Strange, sli: Any = SLI, **settings: Any) -> Reading | Silence:
    source = PrometheusMetrics(SystemClock(), PrometheusSettings(f"http://{fake.where}", **settings))
    try:
        return await source.read(query(sli))
    finally:
        await source.stop()


def query(sli: Any = SLI, seconds: float = 60.0) -> Query:
    now = time.time()
    return Query(sli, (), "payments", "2", "1", now - seconds, now, PROMETHEUS)


def answered(*series: Any, **more: Any) -> bytes:
    data = {"resultType": "matrix", "result": list(series)}
    return json.dumps({"status": "success", "data": data, **more}).encode()


ERROR = {"status": "error", "errorType": "x"}


@pytest.mark.parametrize(
    "status,body,headers,why",
    [
        (
            200,
            b"<html>hello</html>",
            {},
            "sends something that is not its JSON; is CROUPIER_PROMETHEUS_URL its address",
        ),
        (200, b'{"status": "success", "data": 1}', {}, "sends no vector and no matrix"),
        (200, b'{"status": "success", "data": {"result": [1]}}', {}, "sends no vector and no matrix"),
        (200, b'{"status": "success", "data": {"result": NaN}}', {}, "sends something that is not its JSON"),
        (200, b"[" * 100_000, {}, "sends something that is not its JSON"),
        (200, b" " * 2_000_000, {}, "sends more than 1000000 bytes, which is the limit; match fewer series"),
        (200, answered({"metric": {}, "values": [["a", "b"]]}), {}, "sends a series that cannot be read: ValueError"),
        (200, answered({"values": []}), {}, "sends a series that cannot be read: KeyError"),
        (200, answered({"metric": {}, "histograms": [[1, {}]]}), {}, "sends a series that cannot be read: KeyError"),
        (200, answered({"metric": {}, "values": [["inf", "1"]]}), {}, "sends a series that cannot be read"),
        (200, answered(warnings=["2 stores are away"]), {}, "may be incomplete: 2 stores are away"),
        (200, answered(isPartial=True), {}, "says that its answer is partial"),
        (200, b"\x1f\x8b", {"content-encoding": "gzip"}, "packed as gzip, although asked not to"),
        (400, json.dumps({**ERROR, "error": "parse error\nhere"}).encode(), {}, "answers 400: parse error here"),
        (404, b"404 page not found", {}, "answers 404, not as Prometheus does; is CROUPIER_PROMETHEUS_URL its address"),
        (503, b"busy", {}, "answers 503"),
        (401, b"who?", {}, "refuses our credentials (401); see CROUPIER_PROMETHEUS_TOKEN_FILE"),
        (403, b"", {}, "refuses our credentials (403)"),
        (
            302,
            b"",
            {"location": "https://me:pw@evil.example/x?t=1"},
            "redirects to evil.example, which is not followed",
        ),
        (307, b"", {"location": "/elsewhere"}, "redirects to another path, which is not followed"),
    ],
)
async def test_no_answer_is_silence_with_the_reason(
    fake: Strange, status: int, body: bytes, headers: dict[str, str], why: str
) -> None:
    fake.status, fake.body, fake.headers = status, body, headers
    answer = await said(fake, answer_bytes=1_000_000)
    assert isinstance(answer, Silence)
    assert why in answer.reason
    assert len(answer.reason) < 400
    assert "pw" not in answer.reason


@pytest.mark.parametrize("by_s, why", [(90, "s ahead of ours"), (-90, "s behind ours")])
async def test_a_clock_that_is_wrong_is_told(fake: Strange, by_s: float, why: str) -> None:
    fake.body, fake.headers = answered(), {"date": formatdate(time.time() + by_s, usegmt=True)}
    answer = await said(fake)
    assert isinstance(answer, Silence)
    assert why in answer.reason


async def test_a_slow_one_is_left_alone_until_it_answers(fake: Strange) -> None:
    """Gates ask one after the other: only the first waits."""
    fake.hang = threading.Event()
    fake.body = answered()
    source = PrometheusMetrics(SystemClock(), PrometheusSettings(f"http://{fake.where}", timeout_s=0.3))
    answers = [await source.read(query()) for _ in range(3)]
    assert answers[0] in {
        Silence(f"Prometheus at {fake.where} does not answer within 0.3 s"),
        Silence("Prometheus does not answer within 0.3 s"),
    }
    assert answers == [answers[0]] * 3
    assert len(fake.asked) <= 1, "where the machine was too busy, not even that one"
    fake.hang.set()
    async with asyncio.timeout(120):
        while "does not answer" in str(await source.read(query())):
            await asyncio.sleep(0.05)
    assert "vector(1)" in {question["query"] for _, _, question in fake.asked if "query" in question}
    await source.stop()


async def test_a_measurement_is_asked_for_though_a_reading_was_too_slow(fake: Strange) -> None:
    """Only answers count towards the errors that ``compat: argo`` permits."""
    slow = threading.Event()

    def body(question: dict[str, str]) -> Any:
        if "deposits_total" in question.get("query", ""):
            slow.wait(120)
        return ONE

    fake.body = body
    source = PrometheusMetrics(SystemClock(), PrometheusSettings(f"http://{fake.where}", timeout_s=0.3))
    try:
        assert "does not answer within 0.3 s" in str(await source.read(query()))
        assert await source.instant("up", time.time(), 10.0) == ONE["data"]
        fake.status = 503
        for _ in range(2):
            with pytest.raises(Transient, match="answers 503"):
                await source.instant("up", time.time(), 10.0)
        assert [question["query"] for _, _, question in fake.asked].count("up") == 3
    finally:
        slow.set()
        await source.stop()


async def test_it_can_be_stopped_in_the_middle_of_an_outage(fake: Strange) -> None:
    fake.status = 503
    source = PrometheusMetrics(SystemClock(), PrometheusSettings(f"http://{fake.where}"))
    assert "answers 503" in str(await source.read(query()))
    await source.stop()


async def test_nobody_there(free_port: int) -> None:
    source = PrometheusMetrics(SystemClock(), PrometheusSettings(f"http://127.0.0.1:{free_port}"))
    answer = await source.read(query())
    assert isinstance(answer, Silence)
    here = f"Prometheus at 127.0.0.1:{free_port} cannot be reached: "
    assert answer.reason == f"{here}nobody listens there; see CROUPIER_PROMETHEUS_URL"
    with pytest.raises(Transient, match="nobody listens there"):
        await source.probe(SLI, (), "payments", "1")
    await source.stop()


async def test_a_secret_is_sent_to_prometheus_only_and_read_anew(fake: Strange, tmp_path: Path) -> None:
    elsewhere = Strange()
    try:
        fake.status, fake.headers = 302, {"location": f"http://{elsewhere.where}/"}
        token = tmp_path / "token"
        token.write_text("s3cret\n")
        await said(fake, token_file=token)
        token.write_text("renewed")
        await said(fake, token_file=token)
        await said(fake, user="me", password_file=token)
        given = [headers["authorization"] for _, headers, _ in fake.asked]
        assert given == ["Bearer s3cret", "Bearer renewed", "Basic bWU6cmVuZXdlZA=="]
        assert not elsewhere.asked
    finally:
        elsewhere.stop()


async def test_headers_of_ones_own_are_sent_with_every_question(fake: Strange) -> None:
    await said(fake, headers=(("X-Scope-OrgID", "casino"), ("Accept", "text/html")))
    assert fake.asked
    for _, headers, _ in fake.asked:
        assert headers["X-Scope-OrgID"] == "casino"
        assert headers["accept"] == "application/json"


@pytest.mark.parametrize(
    "content,why", [(None, "No such file"), (b"", "is empty"), (b"a\nb", "control"), (b"\xff", "")]
)
async def test_a_secret_that_cannot_be_read(fake: Strange, tmp_path: Path, content: bytes | None, why: str) -> None:
    token = tmp_path / "token"
    if content is not None:
        token.write_bytes(content)
    answer = await said(fake, token_file=token)
    assert isinstance(answer, Silence)
    assert answer.reason.startswith("the secret for Prometheus")
    assert why in answer.reason
    assert not fake.asked


async def test_certificates_that_cannot_be_read(fake: Strange, tmp_path: Path) -> None:
    answer = await said(fake, ca_file=tmp_path / "none.pem")
    assert isinstance(answer, Silence)
    assert answer.reason.startswith(
        f"CROUPIER_PROMETHEUS_CA_FILE cannot be read from {tmp_path}/none.pem: No such file"
    )
    (tmp_path / "empty.pem").touch()
    answer = await said(fake, ca_file=tmp_path / "empty.pem")
    assert isinstance(answer, Silence)
    assert answer.reason.startswith(f"CROUPIER_PROMETHEUS_CA_FILE cannot be read from {tmp_path}/empty.pem: ")


async def test_tls_where_there_is_none(fake: Strange) -> None:
    source = PrometheusMetrics(SystemClock(), PrometheusSettings(f"https://{fake.where}"))
    answer = await source.read(query())
    await source.stop()
    assert isinstance(answer, Silence)
    assert "it does not speak TLS there; is http:// meant in CROUPIER_PROMETHEUS_URL?" in answer.reason


async def test_a_name_that_does_not_exist() -> None:
    source = PrometheusMetrics(SystemClock(), PrometheusSettings("http://prometheus.invalid:9090", timeout_s=60))
    answer = await source.read(query())
    await source.stop()
    assert isinstance(answer, Silence)
    assert "cannot be reached: no address is known for that name (" in answer.reason


def series(name: str, version: str, instance: str, values: list[tuple[float, str]], **labels: str) -> dict[str, Any]:
    mine = {"__name__": name, "job": "j", "instance": instance, "service": "payments", "version": version, **labels}
    return {"metric": mine, "values": [[at, value] for at, value in values]}


@pytest.mark.parametrize(
    "value,why",
    [
        ("NaN", "is nan, which no counter can be"),
        ("-1", "is -1, which no counter can be"),
        ("+Inf", "is inf, which no counter can be"),
    ],
)
async def test_a_value_that_no_counter_has(fake: Strange, value: str, why: str) -> None:
    now = time.time()
    times = [now - 1 - 5 * n for n in range(20, -1, -1)]

    def answer(question: dict[str, str]) -> Any:
        if "up" in question["query"]:
            found = [series("up", version, version, [(at, "1") for at in times]) for version in ("1", "2")]
        else:
            found = [
                series("deposits_total", version, version, [(at, value if at == times[-2] else "3") for at in times])
                for version in ("1", "2")
            ]
        return {"status": "success", "data": {"resultType": "matrix", "result": found}}

    fake.body = answer
    spoken = await said(fake)
    assert isinstance(spoken, Silence)
    assert spoken.reason.endswith(why)
    assert spoken.reason.startswith("deposits_total{instance='2',job='j'")


async def test_without_up_the_samples_tell_when_it_was_scraped(fake: Strange) -> None:
    """As where a pipeline writes samples by itself. Who falls silent is missed.

    Until Prometheus itself would forget it.
    """
    now = time.time()
    times = [now - 1 - 5 * n for n in range(80, -1, -1)]
    shown = {"1": times, "2": times}

    def answer(question: dict[str, str]) -> Any:
        found = []
        if "up" not in question["query"]:
            found = [
                series("deposits_total", version, version, [(at, str(n)) for n, at in enumerate(when)], outcome="ok")
                for version, when in shown.items()
            ]
        return {"status": "success", "data": {"resultType": "matrix", "result": found}}

    fake.body = answer
    reading = await said(fake)
    assert isinstance(reading, Reading)
    assert reading.canary[()] == reading.baseline[()] == Counts(12, 12)  # type: ignore[index]
    assert (reading.instances, reading.parts) == ((Instance("j 2", Counts(12, 12)),), (Counts(12, 12),))
    shown["2"] = times[:-8]
    spoken = await said(fake)
    assert spoken == Silence("payments 2 has not been read for 41 s: 2: no sample of it comes")
    shown["2"] = times[:-70]
    assert await said(fake) == Silence("no instance of payments 2 is scraped by Prometheus any more")


async def test_label_values_are_words_and_nothing_more(fake: Strange) -> None:
    fake.body = answered()
    strange = 'x"} or vector(1) #\\\n'
    source = PrometheusMetrics(SystemClock(), PrometheusSettings(f"http://{fake.where}", service_label="app"))
    now = time.time()
    sli = LatencySli("http_seconds", 0.4, match=(("route", ("/a|b", strange)),))
    await source.read(Query(sli, (), strange, "2.0", "1.0", now - 10, now))
    asked = fake.asked[0][2]["query"]
    assert 'app="x\\"} or vector(1) #\\\\\\n"' in asked
    assert 'version=~"2\\\\.0|1\\\\.0"' in asked
    assert 'route=~"/a\\\\|b|x\\"\\\\}' in asked
    await source.stop()


async def test_many_questions_at_once(fake: Strange) -> None:
    fake.body = answered()
    source = PrometheusMetrics(SystemClock(), PrometheusSettings(f"http://{fake.where}"))
    answers = await asyncio.gather(*(source.read(query()) for _ in range(20)))
    assert {type(one) for one in answers} == {Silence}
    await source.stop()


async def test_certificates_of_ones_own(tmp_path: Path) -> None:
    """Over TLS, trusted by the file that is set and by nothing else."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "prom")])
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    authority, secret = tmp_path / "ca.pem", tmp_path / "key.pem"
    authority.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, *private))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority, secret)
    fake = Strange(context)
    fake.status = 503
    try:
        for ca_file, why in (
            (authority, "answers 503"),
            (None, "its certificate is not trusted (self-signed certificate)"),
        ):
            source = PrometheusMetrics(SystemClock(), PrometheusSettings(f"https://{fake.where}", ca_file=ca_file))
            spoken = await source.read(query())
            await source.stop()
            assert isinstance(spoken, Silence)
            assert why in spoken.reason
    finally:
        fake.stop()
