"""The log: structlog for everything, the standard library's loggers included. Set up once, by ``app.serve``.

JSON lines unless a person watches. Each line of a request carries its id and who asked. Whatever looks like one of our
tokens is masked, should one ever get into a message.
"""

import logging
import re
import sys
from typing import Any, Final, TextIO

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.types import EventDict, Processor, WrappedLogger

from croupier.server.settings import LogFormat

_TOKEN: Final = re.compile(r"crp_([0-9a-f]{4,})_[A-Za-z0-9_-]+")
_PASSWORD: Final = re.compile(r"(\w+://[^:/@\s]+:)[^@\s]+@")


def configure(log_format: LogFormat, level: str, stream: TextIO | None = None) -> None:
    """Send every log line to ``stream`` (standard error) in the given format."""
    out = stream or sys.stderr
    console = log_format is LogFormat.CONSOLE or (log_format is LogFormat.AUTO and out.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    last: list[Processor] = (
        # Tracebacks without local variables: those may hold anything, tokens too.
        [
            structlog.processors.format_exc_info,
            mask,
            structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback),
        ]
        if console
        else [
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            mask,
            structlog.processors.JSONRenderer(default=str),
        ]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    for name, least in _CHATTY.items():
        logging.getLogger(name).setLevel(max(least, root.level))


_CHATTY: Final = {
    "alembic": logging.WARNING,
    "asyncio": logging.WARNING,
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "sse_starlette": logging.INFO,
    "aiosqlite": logging.WARNING,
    "uvicorn.error": logging.WARNING,
}
"""Libraries that tell more than anybody wants to know."""


def _is_news(record: logging.LogRecord) -> bool:
    """uvicorn tells of a failed start with a traceback; ``serve`` raises the same as an instruction."""
    return not record.getMessage().startswith(("Traceback", "Application startup failed"))


def mask(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """Take secrets out of every text of the line."""
    return {key: _masked(value) for key, value in line.items()}


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return _PASSWORD.sub(r"\1…@", _TOKEN.sub(r"crp_\1_…", value))
    if isinstance(value, dict):
        return {key: _masked(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(item) for item in value]
    return value
