"""What a real receiver gets, and what is made of whatever it answers."""

import base64
import logging
import threading
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path

import pytest
from tests.adapters.certificates import Authority
from tests.adapters.notify.receiver import Receiver, verify

from croupier.adapters.clock import SystemClock
from croupier.adapters.notify import Declared, Webhook
from croupier.adapters.notify.declared import Format
from croupier.adapters.notify.messages import as_chat, as_json, signed
from croupier.adapters.notify.secret import Secret
from croupier.adapters.outgoing import Allowed
from croupier.control.ports import Trouble
from croupier.core.rollout.notices import Kind, Notice

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOTICE = Notice(
    "msg_p5jXN8AQM9LWM0D4loKWxJek",
    Kind.ABORTING,
    1_614_265_330.0,
    "payments-7 (payments 1.1.0): given up: gate deposits: <!channel> 3 % & more",
    service="payments",
    rollout="payments-7",
    version="1.1.0",
    stable="1.0.0",
    gate="deposits",
    actor="anna <b>",
    reason="gate deposits: bad",
)
HERE = Allowed.read(["127.0.0.1"])


@pytest.fixture
def key(tmp_path: Path) -> Path:
    file = tmp_path / "key"
    file.write_text(SECRET)
    return file


async def send(declared: Declared, allowed: Allowed = HERE) -> Trouble | None:
    webhook = Webhook(declared, allowed, SystemClock())
    try:
        return await webhook.send(NOTICE)
    finally:
        await webhook.close()


def test_it_signs_as_the_standard_does() -> None:
    """The vector of standard-webhooks.com's own libraries."""
    found = signed(NOTICE.id, 1_614_265_330, b'{"test": 2432232314}', [base64.b64decode(SECRET.removeprefix("whsec_"))])
    assert found == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


async def test_a_webhook_says_what_happened_and_can_be_verified(receiver: Receiver, key: Path) -> None:
    assert await send(Declared("on-call", receiver.url, secret=Secret(key))) is None
    (got,) = receiver.got
    assert verify(SECRET, got)
    assert not verify(SECRET, replace(got, body=got.body + b" "))
    assert not verify(SECRET, replace(got, headers={**got.headers, "webhook-timestamp": "1"}))
    assert got.headers["webhook-id"] == got.said["data"]["id"] == NOTICE.id
    assert got.headers["content-type"] == "application/json"
    assert got.said["type"] == "rollout.aborting"
    assert got.said["timestamp"] == "2021-02-25T15:02:10.000Z"
    assert got.said["data"]["gate"] == "deposits"
    assert got.said["data"]["stable"] == "1.0.0"


async def test_keys_are_exchanged_without_a_gap(receiver: Receiver, key: Path) -> None:
    """While both are in the file, receivers with either can verify; the file is read for every notice."""
    webhook = Webhook(Declared("on-call", receiver.url, secret=Secret(key)), HERE, SystemClock())
    new = "whsec_" + base64.b64encode(b"n" * 32).decode()
    for content in (SECRET, f"{new}\n{SECRET}\n", new):
        key.write_text(content)  # noqa: ASYNC240 - a small file of the test's
        assert await webhook.send(NOTICE) is None
    key.unlink()  # noqa: ASYNC240 - as above
    trouble = await webhook.send(NOTICE)
    await webhook.close()
    assert trouble is not None
    assert "cannot be read" in trouble.why
    assert [verify(SECRET, got) for got in receiver.got] == [True, True, False]
    assert [verify(new, got) for got in receiver.got] == [False, True, True]


async def test_a_chat_gets_a_line_that_pings_nobody(receiver: Receiver) -> None:
    assert await send(Declared("chat", receiver.url, Format.SLACK)) is None
    (got,) = receiver.got
    assert set(got.said) == {"text"}
    assert "&lt;!channel&gt; 3 % &amp; more" in got.said["text"]
    assert got.said["text"].endswith("(by anna &lt;b&gt;)")
    assert "webhook-signature" not in got.headers


def test_no_sentence_is_endless() -> None:
    long = replace(NOTICE, summary="x" * 100_000, reason="y" * 100_000, actor="croupier")
    assert len(as_json(long)) < 6_000
    assert len(as_chat(long)) < 3_000
    assert all(as_chat(replace(NOTICE, kind=kind)) for kind in Kind)


@pytest.mark.parametrize(
    "status, headers, trouble",
    [
        (200, {}, None),
        (202, {}, None),
        (500, {}, Trouble("it answers 500: no thanks")),
        (503, {"retry-after": "30"}, Trouble("it answers 503: no thanks", retry_after_s=30.0)),
        (429, {"retry-after": "7"}, Trouble("it answers 429: no thanks", retry_after_s=7.0)),
        (429, {"retry-after": "soon"}, Trouble("it answers 429: no thanks")),
        (408, {}, Trouble("it answers 408: no thanks")),
        (400, {}, Trouble("it answers 400: no thanks", refused=True)),
        (404, {}, Trouble("it answers 404: no thanks", refused=True)),
        (410, {}, Trouble("it answers 410: no thanks", refused=True)),
    ],
)
async def test_what_is_made_of_answers(
    receiver: Receiver, status: int, headers: dict[str, str], trouble: Trouble | None
) -> None:
    receiver.status, receiver.headers, receiver.body = status, headers, b"no\n thanks\x1b[2J"[:10]
    assert await send(Declared("chat", receiver.url, Format.SLACK)) == trouble


async def test_later_may_be_a_date(receiver: Receiver) -> None:
    receiver.status, receiver.headers = 503, {"retry-after": formatdate(SystemClock().now() + 100, usegmt=True)}
    trouble = await send(Declared("chat", receiver.url, Format.SLACK))
    assert trouble is not None
    assert 90 < (trouble.retry_after_s or 0) <= 100


async def test_redirects_are_not_followed(receiver: Receiver) -> None:
    receiver.status, receiver.headers = 302, {"location": "http://169.254.169.254/"}
    trouble = await send(Declared("chat", receiver.url, Format.SLACK))
    assert trouble is not None
    assert trouble.refused
    assert "redirects are not followed" in trouble.why
    assert len(receiver.got) == 1


async def test_a_slow_receiver_is_left_alone(receiver: Receiver) -> None:
    receiver.hang = threading.Event()
    trouble = await send(Declared("chat", receiver.url, Format.SLACK, timeout_s=0.2))
    assert trouble == Trouble("no answer within 0.2 s")


async def test_an_endless_answer_is_read_no_further(receiver: Receiver) -> None:
    receiver.status, receiver.body = 500, b"x" * 5_000_000
    trouble = await send(Declared("chat", receiver.url, Format.SLACK))
    assert trouble is not None
    assert len(trouble.why) < 300


async def test_nobody_there(free_port: int) -> None:
    trouble = await send(Declared("chat", f"http://127.0.0.1:{free_port}/", Format.SLACK))
    assert trouble is not None
    assert not trouble.refused
    assert "cannot be reached" in trouble.why


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.1"])
async def test_nothing_is_sent_inside_unless_it_was_allowed(receiver: Receiver, host: str) -> None:
    url = f"https://{host}:{receiver.port}/"
    trouble = await send(Declared("chat", url, Format.SLACK, timeout_s=60.0), Allowed())
    assert trouble is not None
    assert "CROUPIER_OUTGOING_HOSTS" in trouble.why
    assert receiver.got == []


async def test_no_secret_is_ever_shown(
    receiver: Receiver, key: Path, free_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "croupier")
    receiver.status = 500
    told: list[str] = []
    for url in (receiver.url, f"http://127.0.0.1:{free_port}/hooks/s3cret-path", "https://10.0.0.1/hooks/s3cret-path"):
        webhook = Webhook(Declared("on-call", url, secret=Secret(key)), HERE, SystemClock())
        trouble = await webhook.send(NOTICE)
        assert trouble is not None
        told += [trouble.why, webhook.where]
        await webhook.close()
    text = "\n".join([*told, caplog.text])
    assert "s3cret" not in text
    assert SECRET.removeprefix("whsec_") not in text


async def test_over_tls_with_an_authority_of_ones_own(
    authority: Authority, tls_receiver: Receiver, tmp_path: Path
) -> None:
    trusting = Declared("chat", tls_receiver.url, Format.SLACK, ca_file=authority.file)
    assert await send(trusting) is None
    trouble = await send(replace(trusting, ca_file=None))
    assert trouble is not None
    assert "certificate verify failed" in trouble.why
    trouble = await send(replace(trusting, ca_file=tmp_path / "none"))
    assert trouble is not None
    assert len(tls_receiver.got) == 1
