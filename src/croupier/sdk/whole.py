"""Fetches all flags at once where the stream does not do: at first, after a gap, where what is held is in doubt.

Nothing waits for it: it is a chore, and is tried again until it succeeds. Called by the subscription.
"""

import logging
import random
import time
from collections.abc import Callable
from typing import Final

from croupier.core.flags.snapshot import Snapshot
from croupier.sdk.backoff import Backoff
from croupier.sdk.chores import Chores
from croupier.sdk.connection import Connection, Now
from croupier.sdk.held import Held

_log = logging.getLogger(__name__)

_LAG_S: Final = 5.0
"""A server whose record is older than what is held for longer than this has had an older one restored. For shorter, it
may be one of several that has not read the newest yet.
"""


class Whole:
    """``arrived`` is called when what is held is the server's. ``trouble`` is why it could not be fetched."""

    def __init__(self, connection: Connection, held: Held, chores: Chores, arrived: Callable[[], None]) -> None:
        self.trouble = ""
        self._connection = connection
        self._held = held
        self._chores = chores
        self._arrived = arrived
        self._backoff = Backoff()
        self._due = False
        self._in_doubt = False
        self._doubted: Now | None = None
        self._older_since: float | None = None
        self._newest = 0
        """What is looked for while the server's record is older than what is held."""

    def fetch_within(self, within_s: float, *, in_doubt: bool = False) -> None:
        """Fetch at a random moment within this time. What is ``in_doubt`` is fetched even if the server is at the same
        position, and no sooner than what failed just now is tried again.
        """
        self._in_doubt = self._in_doubt or in_doubt
        if in_doubt and self.trouble:
            return
        self._backoff.succeeded()
        self._fetch_in(random.uniform(0.0, within_s))  # noqa: S311 -- spreads load, keeps no secret

    def compare(self, now: Now) -> None:
        """A heartbeat says where the server is. What it said before has arrived, so who is behind, or holds something
        else, missed it. Fetched once for each such word: of two servers one may not know yet what the other told.
        """
        here = self._held.snapshot
        behind = now.lineage != here.lineage or now.version > here.version
        differs = now.position == here.position and now.digest not in (None, here.digest)
        if self._due or now == self._doubted or not (behind or differs):
            return
        self._doubted = now
        _log.warning("flags are fetched anew: they are not those that the control plane has at %s", now.position)
        self.fetch_within(0.0, in_doubt=True)

    def _fetch_in(self, delay_s: float) -> None:
        self._due = True
        self._chores.after(delay_s, "fetch", self._fetch)

    def _fetch(self) -> None:
        here = self._held.snapshot
        in_doubt, self._in_doubt = self._in_doubt, False
        try:
            fetched = self._connection.fetch("" if in_doubt or not here.lineage else here.position)
        except Exception as error:  # noqa: BLE001 -- whatever it is, flags go on as they are and it is tried again
            self.trouble = f"the flags could not be fetched, which is tried again: {error}"
            _log.warning("%s", self.trouble)
            self._in_doubt = self._in_doubt or in_doubt
            self._fetch_in(self._backoff.next_s())
            return
        self._backoff.succeeded()
        self._due, self.trouble = False, ""
        if fetched is not None:
            self._take(fetched, here)
        self._arrived()

    def _take(self, fetched: Snapshot, asked: Snapshot) -> None:
        """Take the whole. One that is older than what is held is looked at again, and believed in the end: else a kill
        would count as old news, in a record that was restored.
        """
        newest = max(asked.version, self._newest)
        if fetched.lineage != asked.lineage or fetched.version >= newest:
            self._older_since, self._newest = None, 0
            self._held.replace(fetched)
            return
        now = time.monotonic()
        self._older_since = now if self._older_since is None else self._older_since
        remaining_s = self._older_since + _LAG_S - now
        if remaining_s > 0:
            self._newest = newest
            self._held.replace(fetched)
            self._in_doubt = True
            self._fetch_in(remaining_s)
        else:
            _log.warning("the control plane's record went back from version %d to %d", newest, fetched.version)
            self._older_since, self._newest = None, 0
            self._held.replace(fetched, asked)
