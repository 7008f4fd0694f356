"""Forks: who is told before and after one, and where the interpreter does not tell, in uWSGI.

Whatever goes on in the background registers in ``everyone``. Called by the interpreter around ``os.fork``, and by uWSGI
in each of its workers.
"""

import logging
import os
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, Protocol
from weakref import WeakSet

_log = logging.getLogger(__name__)


class Forked(Protocol):
    """Something that has threads, which a child does not inherit."""

    def before_fork(self) -> None:
        """Let nobody change anything until one of the two others is called."""
        ...

    def after_fork_in_parent(self) -> None:
        """Go on."""
        ...

    def after_fork_in_child(self) -> None:
        """Begin anew; called once in each child, also where ``before_fork`` was not."""
        ...


class _Everyone:
    """Weakly, in the order in which they came."""

    def __init__(self) -> None:
        self._all: WeakSet[Any] = WeakSet()

    def add(self, one: Forked) -> None:
        self._all.add(one)
        _listen_to_uwsgi()

    def now(self) -> list[Forked]:
        return sorted(self._all, key=id)


everyone: Final = _Everyone()
_forking: list[Forked] = []
_turn = threading.Lock()
"""Threads of a process fork one after the other."""


def _before() -> None:
    _turn.acquire()
    _forking[:] = everyone.now()
    for one in _forking:
        one.before_fork()


def _after_in_parent() -> None:
    for one in _forking:
        one.after_fork_in_parent()
    _forking.clear()
    _turn.release()


def _after_in_child() -> None:
    global _turn  # noqa: PLW0603 -- the child's own, whoever held the parent's
    _turn = threading.Lock()
    _forking.clear()
    for one in everyone.now():
        try:
            one.after_fork_in_child()
        except Exception:  # noqa: BLE001 -- a fork must succeed, whatever becomes of us
            _log.exception("the flag client could not start again after a fork: its flags stay as they are")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)

_uwsgi_told: list[Callable[..., Any]] = []


def _listen_to_uwsgi() -> None:
    """uWSGI forks by itself and calls none of the interpreter's hooks, but one of its own."""
    uwsgi = sys.modules.get("uwsgi")
    if _uwsgi_told or not hasattr(uwsgi, "opt"):
        return
    _uwsgi_told.append(_after_in_child)
    try:
        postfork = import_module("uwsgidecorators").postfork
    except Exception:  # noqa: BLE001 -- not there, or it refuses, as it does without a master
        before = getattr(uwsgi, "post_fork_hook", None)

        def hook() -> None:
            if before is not None:
                before()
            _after_in_child()

        uwsgi.post_fork_hook = hook  # type: ignore[union-attr]
    else:
        postfork(_after_in_child)
