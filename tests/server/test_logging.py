"""The log: one format for all loggers, and no secrets in it."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from croupier.server.logging import configure
from croupier.server.settings import LogFormat

TOKEN = "crp_0123456789ab_" + "x" * 43


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    logging.getLogger("uvicorn.error").filters.clear()
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_both_kinds_of_loggers_become_json() -> None:
    out = io.StringIO()
    configure(LogFormat.AUTO, "info", out)
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        logging.getLogger("croupier.x").warning("count %d", 3, extra={"actor": "ann"})
        structlog.get_logger("croupier.y").info("event", number=1)
    logging.getLogger("croupier.x").debug("too quiet")
    first, second = lines(out)
    assert (first["event"], first["actor"], first["request_id"], first["level"]) == ("count 3", "ann", "r1", "warning")
    assert (second["event"], second["number"], second["request_id"]) == ("event", 1, "r1")
    assert str(first["timestamp"]).endswith("Z")


@pytest.mark.parametrize("log_format", [LogFormat.JSON, LogFormat.CONSOLE])
def test_secrets_are_masked_wherever_they_are(log_format: LogFormat) -> None:
    out = io.StringIO()
    configure(log_format, "info", out)
    url = "postgresql://ann:pa55word@db/croupier"
    log = structlog.get_logger("croupier.x")
    log.info("token %s", TOKEN, header={"authorization": f"Bearer {TOKEN}"}, several=[TOKEN], url=url)
    try:
        int(f"bad {TOKEN} at {url}")
    except ValueError:
        log.exception("failed")
    text = out.getvalue()
    assert "x" * 43 not in text
    assert "pa55word" not in text
    assert "crp_0123456789ab_" in text


def test_people_get_text() -> None:
    out = io.StringIO()
    configure(LogFormat.CONSOLE, "info", out)
    logging.getLogger("croupier.x").info("hello", extra={"actor": "ann"})
    assert "hello" in out.getvalue()
    assert "actor" in out.getvalue()


def test_a_failed_start_is_not_told_twice() -> None:
    out = io.StringIO()
    configure(LogFormat.JSON, "info", out)
    log = logging.getLogger("uvicorn.error")
    log.error("Traceback (most recent call last):\n  ...")
    log.error("Application startup failed. Exiting.")
    log.error("something else")
    assert [line["event"] for line in lines(out)] == ["something else"]
