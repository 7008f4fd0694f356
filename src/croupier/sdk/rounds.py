"""Rounds that end where they began: names that say by themselves where that is, and reports of what is open.

The edge leads a request whose id names a version to that version, whatever the weights say meanwhile; no database is
asked. That a version that was left runs on for as long as it has open rounds is what the reports are for. Nothing in
here blocks, and nothing raises but a mistake in the arguments of ``Rounds``.
"""

import logging
import os
import re
import socket
import threading
import time
import uuid
from collections import deque
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import httpx

from croupier.core.segments.named import named
from croupier.errors import Rejected
from croupier.sdk.backoff import Backoff
from croupier.sdk.chores import Chores
from croupier.sdk.connection import direct, sdk
from croupier.sdk.forks import everyone
from croupier.sdk.threads import threads_run

EVERY_S: Final = 0.1
"""What was opened waits so long for others to go along."""
ALIVE_S: Final = 1.0
"""Who opens nothing says so this often: then a version that was left need not wait for it."""
MOST_WAITING: Final = 100_000
"""Rounds that wait to be reported; beyond, new ones are left out, and counted."""
_FORMAT: Final = 1
"""The edition of the reports; a control plane reads those of older editions."""
_MOST_SENT: Final = 1_000
_SAYABLE: Final = re.compile(r"[!-~]{1,200}")
"""Ids as a header can carry them. Any other one would be refused with all that is reported beside it."""
_LONGEST_PLAYER: Final = 200
CLOSING_S: Final = 3.0
"""As long as a control plane takes to come back."""
_TIMEOUT_S: Final = 5.0
_LONGEST_S: Final = 5.0
"""After an outage reports are back within this time."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Change:
    kind: str
    id: str
    player: str
    opens: bool
    at: float


class Rounds:
    """The rounds of one process of ``service``, of this ``version``. ``url`` is the control plane's, ``token`` one of
    the role reporter. Without a ``url`` ids are named and nothing is reported. ``kind`` is the affinity's.

    ``lost`` counts rounds that were left out: they did not fit into memory, or no header can carry their id. Raises
    ``Rejected`` for a URL that is no address.
    """

    def __init__(self, url: str, token: str, service: str, version: str, *, kind: str = "round") -> None:
        self.service = service
        self.version = version
        self.kind = kind
        self.lost = 0
        self._url, self._token = url, token
        self._waiting: deque[_Change] = deque()
        self._seen = 0.0
        self._stopped = False
        self._backoff = Backoff(EVERY_S)
        self._sending = threading.Lock()
        self._http, self._chores, self._name = self._begin()
        everyone.add(self)

    def named(self, id_: str) -> str:
        """The id that says where the round is: give it to whoever will come back for it."""
        return named(id_, self.version)

    def opened(self, id_: str, player: str = "", *, kind: str = "") -> None:
        """A round was begun here; ``id_`` as it will come in the affinity's header."""
        named = player.replace("\0", "").encode("utf-8", "replace").decode()[:_LONGEST_PLAYER]
        self._put(_Change(kind or self.kind, id_, named, opens=True, at=time.monotonic()))

    def closed(self, id_: str, *, kind: str = "") -> None:
        """It is over, wherever it was begun."""
        self._put(_Change(kind or self.kind, id_, "", opens=False, at=time.monotonic()))

    @property
    def waiting(self) -> int:
        """How many changes are not reported yet."""
        return len(self._waiting)

    def close(self, within: float = CLOSING_S) -> None:
        """Report the rest and end. A control plane that does not answer is asked again for ``within`` seconds: rounds
        that it is not told of are led elsewhere, and are in no list.
        """
        if self._stopped:
            return
        self._stopped = True
        if self._chores is not None:
            self._chores.stop()
        deadline = time.monotonic() + within
        while self._http is not None and self._waiting:
            try:
                self._send()
            except Exception as trouble:  # noqa: BLE001 -- the end must come
                if time.monotonic() >= deadline:
                    _log.warning("%d reports of rounds are lost at the end: %s", len(self._waiting), trouble)
                    break
                time.sleep(EVERY_S)  # nobody tells a process that ends when the control plane is back
        if self._http is not None:
            self._http.close()

    # --- forks -------------------------------------------------------------------------------------------------------

    def before_fork(self) -> None:
        """The child has a queue, a lock and a connection of its own: nothing has to be waited for."""

    def after_fork_in_parent(self) -> None:
        """Nothing changed here."""

    def after_fork_in_child(self) -> None:
        """A process of its own: what waits is the parent's to report."""
        self._sending = threading.Lock()
        self._waiting, self._seen, self.lost = deque(), 0.0, 0
        if not self._stopped:
            self._http, self._chores, self._name = self._begin()

    # --- sending -----------------------------------------------------------------------------------------------------

    def _begin(self) -> tuple[httpx.Client | None, Chores | None, str]:
        name = f"{socket.gethostname()[:60]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        if not self._url:
            return None, None, name
        base = _base(self._url, self.service)
        headers = {"user-agent": sdk(), "authorization": f"Bearer {self._token.strip()}"}
        client = httpx.Client(
            base_url=base, headers=headers, timeout=_TIMEOUT_S, mounts=direct(base), follow_redirects=False
        )
        chores = None
        if threads_run():
            chores = Chores()
            chores.start()
            chores.after(0.0, "report", self._work)
        return client, chores, name

    def _put(self, change: _Change) -> None:
        if self._http is None or self._stopped:
            return
        if len(self._waiting) >= MOST_WAITING or not _SAYABLE.fullmatch(change.id):
            self.lost += 1
            return
        self._waiting.append(change)
        if self._chores is not None and len(self._waiting) == 1:
            self._chores.after(EVERY_S, "report", self._work)

    def _work(self) -> None:
        delay_s = ALIVE_S
        try:
            whole = self._send()
            self._backoff.succeeded()
            delay_s = ALIVE_S if whole else 0.0
        except Exception as trouble:  # noqa: BLE001 -- whatever it is, it is said again
            delay_s = min(_LONGEST_S, EVERY_S + self._backoff.next_s())
            _log.info("reports of rounds wait (%d of them): %s", len(self._waiting), trouble)
        if self._chores is not None and not self._stopped:
            self._chores.after(delay_s, "report", self._work)
            if self._waiting and delay_s == ALIVE_S:
                self._chores.after(EVERY_S, "report", self._work)

    def _send(self) -> bool:
        """Report what waits, up to a batch; whether that was all. What is not taken stays first in the queue."""
        if self._http is None:
            return True
        with self._sending:
            batch = [self._waiting[index] for index in range(min(_MOST_SENT, len(self._waiting)))]
            whole = len(batch) == len(self._waiting)
            answer = self._http.post("pins", json=self._body(batch, whole=whole))
            if answer.is_client_error and answer.status_code not in (408, 429):
                # Said again it would be refused again, and keep out what comes later.
                _log.warning("the control plane refused %d reports of rounds: %s", len(batch), answer.text[:300])
                self.lost += len(batch)
            else:
                answer.raise_for_status()
                self._seen = float(answer.json()["now"])
            for _ in batch:
                self._waiting.popleft()
            return whole

    def _body(self, batch: list[_Change], *, whole: bool) -> dict[str, Any]:
        now = time.monotonic()
        # With everything that waits in it, and none ever left out, all that was opened before 'seen' has been said.
        complete = whole and not self.lost
        return {
            "format": _FORMAT,
            "client": self._name,
            "version": self.version,
            "seen": self._seen if complete else 0.0,
            "opened": [
                {"kind": each.kind, "id": each.id, "player": each.player, "age": round(max(0.0, now - each.at), 3)}
                for each in batch
                if each.opens
            ],
            "closed": [{"kind": each.kind, "id": each.id} for each in batch if not each.opens],
        }


def _base(url: str, service: str) -> httpx.URL:
    try:
        base = httpx.URL(f"{url.rstrip('/')}/api/v1/services/{quote(service, safe='')}/")
    except httpx.InvalidURL as wrong:
        raise Rejected(f"{url[:200]!r} is no address of a control plane ({wrong}).") from None
    if base.scheme not in ("http", "https") or not base.host:
        raise Rejected(f"{url[:200]!r} is no address of a control plane.", hint="Write it like http://127.0.0.1:8700.")
    return base
