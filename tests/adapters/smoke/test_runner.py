"""Scenarios and commands, run for real: against an HTTP server, and as processes."""

import asyncio
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.adapters.smoke import CheckRunner, SmokeSettings
from croupier.adapters.smoke.answers import read_json, write_json
from croupier.adapters.smoke.totp import totp
from croupier.control.ports import VersionKey
from croupier.core.smoke import (
    Account,
    CheckResult,
    Claim,
    Command,
    Extract,
    Op,
    Outcome,
    Request,
    SecretRef,
    SmokeCheck,
    SmokeStep,
    Where,
)
from croupier.errors import Transient

KEY = VersionKey("payments", "1.1.0")
TOKEN = "a.signed.token"


class Bank:
    """A service that answers what it is told; ``seen`` are the requests."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, dict[str, str], str]] = []
        self.answers: dict[str, Callable[[], tuple[int, dict[str, str], str]]] = {}
        self.held = threading.Event()
        bank = self

        class Handler(BaseHTTPRequestHandler):
            def _any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
                headers = {name.lower(): value for name, value in self.headers.items()}
                bank.seen.append((self.command, self.path, headers, body))
                status, more, text = bank.answers.get(self.path, lambda: (200, {}, "{}"))()
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_POST = do_DELETE = _any  # noqa: N815 - as the library calls them

            def log_message(self, *_: Any) -> None:
                pass

        class Listener(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                pass  # a check hangs up where an answer is too large, or comes too late

        self.server = Listener(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def say(self, path: str, status: int = 200, body: Any = None, **headers: str) -> None:
        text = body if isinstance(body, str) else json.dumps(body or {})
        self.answers[path] = lambda: (status, {name.replace("_", "-"): value for name, value in headers.items()}, text)

    def stop(self) -> None:
        self.held.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def paths(self) -> list[str]:
        return [path for _, path, _, _ in self.seen]


@pytest.fixture
def bank() -> Iterator[Bank]:
    found = Bank()
    yield found
    found.stop()


@pytest.fixture
def run(bank: Bank, tmp_path: Path) -> Callable[..., Any]:
    async def play(*steps: SmokeStep, **changes: Any) -> CheckResult:
        check = replace(SmokeCheck("money", steps, max_amount="500"), **changes)
        env = {"SMOKE_LOGIN": "ann-of-the-tests", "SMOKE_TOTP": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}
        runner = CheckRunner(SmokeSettings(bank.address, env, tmp_path), lambda *_: TOKEN)
        try:
            return await runner.run(check, KEY)
        finally:
            await runner.stop()

    return play


def step(path: str, method: str = "GET", name: str = "", **changes: Any) -> SmokeStep:
    asked = {key: changes.pop(key) for key in ("json", "form", "headers") if key in changes}
    return SmokeStep(name or path, Request(method, path, **asked), **changes)


async def test_parts_of_answers_lead_to_the_next_request(bank: Bank, run: Any, tmp_path: Path) -> None:
    (tmp_path / "player.password").write_text("secret-of-ann\n")
    player = Account("player", (("login", SecretRef("SMOKE_LOGIN")), ("password", SecretRef(None, "player.password"))))
    bank.answers["/login"] = lambda: (200, {"x-id": "no 42!"}, '{"token": "t-1", "balance": 10.50, "list": [{"a": 1}]}')
    result = await run(
        step(
            "/login",
            "POST",
            json='{"login": "${player.login}", "password": "${player.password}", "key": "${key}"}',
            extracts=(
                Extract("token", Where.JSON, "/token"),
                Extract("balance", Where.JSON, "/balance"),
                Extract("first", Where.JSON, "/list/0/a"),
                Extract("id", Where.HEADER, "X-Id", "[0-9]+"),
                Extract("word", Where.TEXT, "", '"(tok)en"'),
            ),
            claims=(
                Claim(Where.JSON, Op.EQUALS, "10.5", "/balance"),
                Claim(Where.JSON, Op.EQUALS, '"t-1"', "/token"),
                Claim(Where.JSON, Op.CONTAINS, '{"a": 1}', "/list"),
                Claim(Where.JSON, Op.EXISTS, "false", "/gone"),
                Claim(Where.JSON, Op.EXISTS, "true", "/list/0"),
                Claim(Where.HEADER, Op.MATCHES, '"no [0-9]+!"', "x-id"),
                Claim(Where.TEXT, Op.CONTAINS, '"t-1"'),
            ),
        ),
        step(
            "/pay/${first}/${id}",
            "POST",
            json='{"amount": "${balance}", "word": "${word}", "key": "${key}"}',
            headers=(("authorization", "Bearer ${token}"), ("x-version", "${service} ${version}")),
        ),
        step("/form", "POST", form=(("amount", "0.10"), ("run", "${run}"))),
        accounts=(player,),
        variables=(("key", "k-${uuid}"),),
    )
    assert (result.outcome, result.said) == (Outcome.PASSED, "3 steps")
    (_, _, headers, first), (_, path, paying, body), (_, _, _, form) = bank.seen
    assert json.loads(first)["password"] == "secret-of-ann"
    assert headers["croupier-version"] == TOKEN
    assert (path, paying["authorization"], paying["x-version"]) == ("/pay/1/42", "Bearer t-1", "payments 1.1.0")
    assert '"amount": 10.50' in body, "every digit is kept"
    assert json.loads(body)["key"] == json.loads(first)["key"], "a variable is the same all along"
    assert form.startswith("amount=0.10&run=")


async def test_keys_are_made_anew_in_every_run(bank: Bank, run: Any) -> None:
    for _ in range(2):
        await run(step("/a", "POST", headers=(("idempotency-key", "${key}"),)), variables=(("key", "${uuid}"),))
    one, two = (headers["idempotency-key"] for _, _, headers, _ in bank.seen)
    assert one != two


@pytest.mark.parametrize(
    "changes,answer,said",
    [
        ({}, (500, {}, '{"detail": "no ledger"}'), "the answer was 500, and should have been 200 to 299: no ledger"),
        ({"statuses": (201,)}, (200, {}, "[]"), "the answer was 200, and should have been 201"),
        ({"refused": True}, (200, {}, "{}"), "it was granted (200), and should have been refused"),
        ({"refused": True}, (502, {}, "{}"), "the answer was 502, and should have been 400 to 499"),
        ({"refused": True, "statuses": (401,)}, (403, {}, ""), "the answer was 403, and should have been 401"),
        ({"claims": (Claim(Where.JSON, Op.EQUALS, "5", "/a"),)}, (200, {}, '{"a": 6}'), "/a is 6, and should be 5"),
        (
            {"claims": (Claim(Where.JSON, Op.EQUALS, "true", "/a"),)},
            (200, {}, '{"a": 1}'),
            "/a is 1, and should be true",
        ),
        ({"claims": (Claim(Where.JSON, Op.EQUALS, "5", "/a"),)}, (200, {}, "no"), "the body is no JSON: no"),
        (
            {"claims": (Claim(Where.JSON, Op.EXISTS, "false", "/a"),)},
            (200, {}, '{"a": 1}'),
            "/a is 1, and should exist:",
        ),
        ({"claims": (Claim(Where.HEADER, Op.EQUALS, '"x"', "X-A"),)}, (200, {}, ""), "there is no header X-A"),
        (
            {"claims": (Claim(Where.TEXT, Op.MATCHES, '"o+k"'),)},
            (200, {}, "ok!"),
            "the body is ok!, and should match o+k",
        ),
        ({"extracts": (Extract("t", Where.JSON, "/t"),)}, (200, {}, "{}"), "t is not in the answer: there is no /t"),
        ({"extracts": (Extract("t", Where.TEXT, "", "z"),)}, (200, {}, "a"), "nothing in a is like z"),
        ({"timeout_s": 1.0}, None, "no answer within 1 s"),
    ],
)
async def test_what_fails_says_why_and_the_rest_is_not_tried(
    bank: Bank, run: Any, changes: Any, answer: Any, said: str
) -> None:
    bank.answers["/a"] = lambda: answer if answer is not None else (bank.held.wait(120), {}, "")
    result = await run(step("/a", name="try", **changes), step("/b"), cleanup=(step("/out"), step("/out2")))
    bank.held.set()
    assert result.outcome is Outcome.FAILED
    assert f"step 'try': {said}" in result.said or said in result.said
    assert [each.outcome for each in result.steps[:2]] == [Outcome.FAILED, Outcome.SKIPPED]
    assert bank.paths() == ["/a", "/out", "/out2"], "what must be cleaned up is"


@pytest.mark.parametrize(
    "asked",
    [
        {"json": '{"amount": 500.01}'},
        {"json": '{"in": [{"stake_minor": -501}]}'},
        {"form": (("amount", "9e9"),)},
        {"json": '{"amount": "${much}"}'},
        {"json": '{"amount": "${text}"}'},
    ],
)
async def test_no_amount_above_the_bound_leaves_here(bank: Bank, run: Any, asked: Any) -> None:
    result = await run(step("/pay", "POST", **asked), variables=(("much", "500.0001"), ("text", "lots")))
    assert (result.outcome, bank.seen) == (Outcome.FAILED, [])
    assert "not sent: " in result.said
    query = await run(step("/pay?amount=501"))
    assert (query.outcome, bank.seen) == (Outcome.FAILED, [])
    unbounded = await run(step("/pay", "POST", json='{"amount": 1}'), max_amount=None)
    assert "maxAmount is not given" in unbounded.said


async def test_only_reads_are_ever_sent_again(bank: Bank, run: Any) -> None:
    bank.answers["/a"] = lambda: (bank.held.wait(120), {}, "")
    result = await run(step("/a", retries=2, timeout_s=1.0))
    assert (result.outcome, len(bank.seen)) == (Outcome.FAILED, 3)
    bank.seen.clear()
    await run(step("/a", "POST", retries=2, timeout_s=1.0))
    assert len(bank.seen) == 1
    bank.held.set()


async def test_slow_is_told_and_fails_nothing(run: Any) -> None:
    result = await run(step("/a", usually_s=0.0))
    assert result.outcome is Outcome.PASSED
    assert result.steps[0].said.startswith("slow: ")


async def test_a_run_that_takes_too_long_fails_and_cleans_up(bank: Bank, run: Any) -> None:
    bank.answers["/a"] = lambda: (bank.held.wait(120), {}, "")
    result = await run(step("/a"), cleanup=(step("/out"),), timeout_s=1.0)
    bank.held.set()
    assert result.said == "not done within 1 s, after 0 of 1 steps"
    assert bank.paths() == ["/a", "/out"]


async def test_an_abort_does_not_wait_and_it_is_cleaned_up_all_the_same(bank: Bank) -> None:
    bank.answers["/a"] = lambda: (bank.held.wait(120), {}, "")
    runner = CheckRunner(SmokeSettings(bank.address), lambda *_: None)
    task = asyncio.ensure_future(runner.run(SmokeCheck("c", (step("/a"),), (step("/out"),)), KEY))
    async with asyncio.timeout(120):
        while not bank.seen:
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await runner.stop()
    bank.held.set()
    assert bank.paths() == ["/a", "/out"]


@pytest.mark.parametrize(
    "account,why",
    [
        (SecretRef("SMOKE_NOBODY"), "the variable SMOKE_NOBODY is not set"),
        (SecretRef(None, "gone"), "the secret gone cannot be read: No such file or directory"),
        (SecretRef(None, "empty"), "the secret empty is empty or too long"),
        (SecretRef(None, "link"), "the secret link leads out of CROUPIER_SECRETS_DIR"),
    ],
)
async def test_without_its_secrets_it_says_nothing_about_the_version(
    run: Any, bank: Bank, tmp_path: Path, account: SecretRef, why: str
) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "link").symlink_to("/etc/hostname")
    with pytest.raises(Transient, match=why):
        await run(step("/a"), accounts=(Account("p", (("x", account),)),))
    assert not bank.seen


@pytest.mark.parametrize(
    "status,said,why", [(503, "not-running", "does not run"), (403, "refused", "not accept our token")]
)
async def test_where_the_edge_does_not_lead_there_nothing_was_tried(
    bank: Bank, run: Any, status: int, said: str, why: str
) -> None:
    bank.say("/a", status, croupier_version=said)
    with pytest.raises(Transient, match=why):
        await run(step("/a"))


async def test_an_edge_that_is_not_there_is_no_word_about_the_version() -> None:
    runner = CheckRunner(SmokeSettings("http://127.0.0.1:1"), lambda *_: None)
    with pytest.raises(Transient, match="cannot be reached"):
        await runner.run(SmokeCheck("c", (step("/a"),), (step("/out"),)), KEY)


async def test_no_secret_is_told(bank: Bank, run: Any) -> None:
    player = Account("player", (("login", SecretRef("SMOKE_LOGIN")),))
    bank.say("/a", 400, {"detail": f"no ann-of-the-tests here with {TOKEN}"})
    result = await run(step("/a", name="as ${player.login}"), accounts=(player,))
    assert "no ***** here with *****" in result.said
    assert "ann-of-the-tests" not in repr(result)
    assert TOKEN not in repr(result)


def test_one_time_codes_are_those_of_the_standard() -> None:
    """RFC 6238, appendix B, the last six digits."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert [totp(secret, at) for at in (59, 1111111109, 1234567890)] == ["287082", "081804", "005924"]
    with pytest.raises(Transient, match="not base32"):
        totp("1", 0.0)


@given(st.recursive(st.none() | st.booleans() | st.text() | st.decimals(allow_nan=False, allow_infinity=False)
                    | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))  # fmt: skip
def test_json_is_written_as_it_was_read(value: Any) -> None:
    def exact(item: Any) -> Any:
        return Decimal(item) if isinstance(item, int) and not isinstance(item, bool) else item

    assert _each(read_json(write_json(value)), exact) == _each(value, exact)


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, list):
        return [_each(item, change) for item in value]
    return {key: _each(item, change) for key, item in value.items()} if isinstance(value, dict) else change(value)


# --- commands ---------------------------------------------------------------------------------------------------------


def python(code: str, **changes: Any) -> dict[str, Any]:
    return {"command": Command((sys.executable, "-c", code), **changes)}


async def test_a_command_sees_the_version_and_little_else(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROUPIER_TOKEN", "of-the-control-plane")
    code = (
        "import os; e = os.environ; assert 'CROUPIER_TOKEN' not in e; assert os.getcwd() == e['CROUPIER_SMOKE_DIR'];"
        "print(e['CROUPIER_SMOKE_SERVICE'], e['CROUPIER_SMOKE_VERSION'], e['CROUPIER_SMOKE_TOKEN'], e['A'], e['KEY']);"
        "print(e['CROUPIER_SMOKE_VERSIONS'])"
    )
    result = await run(**python(code, env=(("A", "1"),), secrets=(("KEY", SecretRef("SMOKE_LOGIN")),)))
    assert (result.outcome, result.said) == (Outcome.PASSED, "exit code 0")
    assert result.tail == "payments 1.1.0 ***** 1 *****\npayments=1.1.0\n"


async def test_a_check_of_several_services_has_one_token_for_them(bank: Bank) -> None:
    signed: list[tuple[VersionKey, ...]] = []

    def sign(versions: Sequence[VersionKey], _: float) -> str:
        signed.append(tuple(versions))
        return TOKEN

    runner = CheckRunner(SmokeSettings(bank.address), sign)
    wallet, code = VersionKey("wallet", "2.0.0"), "import os; print(os.environ['CROUPIER_SMOKE_VERSIONS'])"
    told = await runner.run(SmokeCheck("c", command=Command((sys.executable, "-c", code))), KEY, (wallet,))
    assert told.tail == "payments=1.1.0 wallet=2.0.0\n"
    played = await runner.run(SmokeCheck("s", steps=(step("/ok"), step("/${service}"))), KEY, (wallet,))
    assert played.passed
    assert [path for _, path, _, _ in bank.seen] == ["/ok", "/payments"]
    assert signed == [(KEY, wallet)] * 2


@pytest.mark.parametrize(
    "code,said",
    [("raise SystemExit(3)", "exit code 3"), ("import os; os.kill(os.getpid(), 15)", "ended by signal 15")],
)
async def test_a_command_that_fails(run: Any, code: str, said: str) -> None:
    result = await run(**python(code))
    assert (result.outcome, result.said) == (Outcome.FAILED, said)


REPORT = (
    "<testsuites><testsuite><testcase classname='money' name='pays' time='0.5'/>"
    "<testcase name='refuses' time='x'><failure message='it paid'>trace</failure></testcase>"
    "<testcase name='later'><skipped/></testcase>"
    "<testcase name='limits'><error>it hung\n  at line 7</error></testcase></testsuite></testsuites>"
)


async def test_its_report_tells_its_tests(run: Any) -> None:
    code = f"import sys; open(sys.argv[1], 'w').write({REPORT!r})"
    command = Command((sys.executable, "-c", code, "{dir}/r.xml"), "r.xml")
    result = await run(command=command)
    assert (result.outcome, result.said) == (Outcome.FAILED, "refuses: it paid (and 1 more)"), "not its exit code"
    assert [(each.name, each.outcome, each.said, each.seconds) for each in result.steps] == [
        ("money.pays", Outcome.PASSED, "", 0.5),
        ("refuses", Outcome.FAILED, "it paid", 0.0),
        ("later", Outcome.SKIPPED, "", 0.0),
        ("limits", Outcome.FAILED, "it hung", 0.0),
    ]


BOMB = (
    '<!DOCTYPE a [<!ENTITY b0 "lol">'
    + "".join(f'<!ENTITY b{n} "{f"&b{n - 1};" * 10}">' for n in range(1, 10))
    + "]><a><testcase name='&b9;'/></a>"
)
"""Three gigabytes, once it is unfolded."""


@pytest.mark.parametrize(
    "text,why",
    [
        (None, "r.xml cannot be read: No such file"),
        ("<a>", "r.xml is no JUnit report"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "no document type"),
        (BOMB, "no document type"),
    ],
)
async def test_a_report_that_cannot_be_read_is_no_pass(run: Any, text: str | None, why: str) -> None:
    code = f"open('r.xml', 'w').write({text!r})" if text else ""
    result = await run(command=Command((sys.executable, "-c", code), "r.xml"))
    assert result.outcome is Outcome.FAILED
    assert why in result.said


async def test_too_late_is_no_result_and_all_of_it_ends(run: Any, tmp_path: Path) -> None:
    code = (
        "import signal, subprocess, sys;"
        "child = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()']);"
        f"open({str(tmp_path / 'child')!r}, 'w').write(str(child.pid)); signal.pause()"
    )
    with pytest.raises(Transient, match="had no result within 2 s"):
        await run(timeout_s=2.0, **python(code))
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 120
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_a_command_that_is_not_there(run: Any) -> None:
    with pytest.raises(Transient, match="/no/such/program cannot be started: No such file or directory"):
        await run(command=Command(("/no/such/program",)))
