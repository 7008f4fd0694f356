"""Threads of the client: may there be any, and how to start one where a fork has just happened."""

import _thread
import logging
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

_log = logging.getLogger(__name__)
_YES: Final = (True, 1, "1", "true", b"1", b"true")


def start(work: Callable[[], None], name: str) -> None:
    """Run ``work`` in a daemon thread. Never waits for the thread to begin, since this is also called while a process
    is being forked, when under gevent nothing may switch.
    """

    def named() -> None:
        threading.current_thread().name = name
        work()

    try:
        _thread.start_new_thread(named, ())
    except RuntimeError as error:  # no more threads, or the interpreter is ending
        _log.warning("the flag client could not start a thread (%s): its flags stay as they are", error)


def before_uwsgi_forks() -> bool:
    """Whether this is uWSGI's master, and a worker is yet to come: threads of a master that forks in its own way, past
    the interpreter, may hold what no worker would ever get back. uWSGI says when a worker begins, see ``forks``.
    """
    worker_id = getattr(sys.modules.get("uwsgi"), "worker_id", None)
    return worker_id is not None and "master" in _uwsgi_options() and worker_id() == 0


def threads_run() -> bool:
    """Whether threads make progress in this process; says so once where uWSGI stops them."""
    options = _uwsgi_options()
    if not options or options.get("enable-threads") in _YES or "threads" in options:
        return True
    _log.warning(
        "uWSGI runs without threads, so flags stay as they were at the start of this process: "
        "no kill switch reaches it. Add `enable-threads = true` to uWSGI's configuration."
    )
    return False


def _uwsgi_options() -> dict[str, Any]:
    """How uWSGI was started; nothing where it was not."""
    options = getattr(sys.modules.get("uwsgi"), "opt", None)
    if not isinstance(options, dict):
        return {}
    return {name if isinstance(name, str) else name.decode(): value for name, value in options.items()}
