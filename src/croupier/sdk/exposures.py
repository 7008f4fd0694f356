"""What running experiments want to hear of: who was given what, and who did what. Collected here, sent by a chore.

Costs an evaluation nothing where no experiment runs; where one does, a look into a dictionary, and a hash for each
player's first time. Never waits: what there is no room for is left out and counted. Counts are exact whatever threads
do, as in the decision log: each is changed in a single statement without a call. Fed by ``FlagClient``.
"""

import json
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

from croupier.core.flags.evaluate import Context
from croupier.core.flags.measurement import NAME
from croupier.core.flags.targeting_key import KeyOf, key_of

MOST_WAITING: Final = 50_000
"""Reports that wait to be sent; beyond, new ones are left out and counted."""
MOST_SEEN: Final = 100_000
"""Players of a run of whom this process remembers that they were reported. Whom it forgets it reports again, which
changes nothing."""
_HINT: Final = f'"{NAME}"'
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Waiting:
    """One report: of ``run``, the player's hash, a variant or an event, and when (monotonic seconds)."""

    run: str
    player: str
    variant: str
    event: str
    at: float


@dataclass(slots=True)
class _Run:
    """A running experiment. ``seen`` are the players reported lately and their variants, ``earlier`` those before."""

    id: str
    flag: str
    key: KeyOf
    events: frozenset[str]
    salt: bytes
    seen: dict[str, str] = field(default_factory=dict)
    earlier: dict[str, str] = field(default_factory=dict)
    done: dict[tuple[str, str], None] = field(default_factory=dict)

    def hashed(self, key: str) -> str:
        """The player as the control plane gets to know them: other runs have other hashes."""
        return blake2b(key.encode(errors="replace"), key=self.salt, digest_size=8).hexdigest()


class Exposures:
    """``begin`` is called whenever there is something to be sent; whoever sends sets it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.begin: Callable[[], None] = _nobody
        self._clock = clock
        self._runs: dict[str, _Run] = {}
        self._waiting: deque[Waiting] = deque()
        self.lost = 0
        """Reports left out so far: there was no room, or the control plane would not have them."""

    @property
    def running(self) -> bool:
        """Whether any experiment runs."""
        return bool(self._runs)

    @property
    def waiting(self) -> int:
        """How many reports are not sent yet."""
        return len(self._waiting)

    def exposed(self, run_id: str, variant: str | None, context: Context) -> None:
        """The player was given the variant, by chance. Raises ``NoKey`` where the context has none."""
        run = self._runs.get(run_id)
        if run is None or variant is None:
            return
        key = run.key(context)
        if run.seen.get(key) == variant or run.earlier.get(key) == variant:
            return
        if self._put(Waiting(run_id, run.hashed(key), variant, "", self._clock())):
            if len(run.seen) >= MOST_SEEN // 2:
                run.earlier, run.seen = run.seen, {}
            run.seen[key] = variant

    def tracked(self, event: str, context: Context) -> None:
        """The player did it. Reported to every run that counts it; at most once where the exposure was seen here."""
        for run in tuple(self._runs.values()):
            if event not in run.events:
                continue
            try:
                key = run.key(context)
            except LookupError:  # this flag knows its players by another attribute
                continue
            if (key, event) in run.done:
                continue
            if self._put(Waiting(run.id, run.hashed(key), "", event, self._clock())) and (
                key in run.seen or key in run.earlier
            ):
                if len(run.done) >= MOST_SEEN:
                    run.done = {}
                run.done[key, event] = None

    def follow(self, lines: Mapping[str, str], changed: Iterable[str]) -> None:
        """Take what the flags ``changed`` say of experiments; none named: all of ``lines``."""
        keys = tuple(changed)
        if not keys:
            measured = {key for key, rest in lines.items() if _HINT in rest}
            keys = (*measured, *{run.flag for run in self._runs.values()} - measured)
        runs = dict(self._runs)
        for key in keys:
            found = _run_of(key, lines.get(key, ""))
            for run in [run for run in runs.values() if run.flag == key and (found is None or run.id != found.id)]:
                del runs[run.id]
            if found is not None and found.id not in runs:
                runs[found.id] = found
        self._runs = runs

    def take(self, most: int) -> Sequence[Waiting]:
        """The oldest reports, which the caller sends or puts back."""
        taken: list[Waiting] = []
        with suppress(IndexError):  # none is left, whoever took it
            while len(taken) < most:
                taken.append(self._waiting.popleft())
        return taken

    def put_back(self, reports: Sequence[Waiting]) -> None:
        """They could not be sent, and come first the next time."""
        self._waiting.extendleft(reversed(reports))

    def forked(self) -> None:
        """In the child: what waits is the parent's to report."""
        self._waiting = deque()
        self.lost = 0
        self.begin = _nobody

    def _put(self, report: Waiting) -> bool:
        if len(self._waiting) >= MOST_WAITING:
            self.lost += 1
            return False
        self._waiting.append(report)
        self.begin()
        return True


def _nobody() -> None:
    """Nobody sends."""


def body_of(client: str, reports: Iterable[Waiting], lost: int, now: float) -> dict[str, Any]:
    """What is sent: by run, ``[player, variant, event, seconds ago]``. Clocks of hosts differ, ages do not."""
    runs: dict[str, list[list[Any]]] = {}
    for item in reports:
        line = [item.player, item.variant, item.event, round(max(now - item.at, 0.0), 3)]
        runs.setdefault(item.run, []).append(line)
    return {"client": client, "lost": lost, "runs": runs}


def _run_of(flag: str, rest: str) -> _Run | None:
    """What the flag's line says of an experiment; ``None`` where it says nothing that can be used."""
    if _HINT not in rest:
        return None
    try:
        line = json.loads(rest.partition("\t")[2])
        if NAME not in line:  # a variant or a value of that name
            return None
        said = line[NAME]
        run, by, events = str(said["run"]), str(said["by"]), frozenset(map(str, said["events"]))
        return _Run(run, flag, key_of(by), events, run.encode()[:64])
    except (ValueError, KeyError, TypeError) as error:
        _log.warning("the experiment on %s is not reported: its line cannot be read (%s)", flag, type(error).__name__)
        return None
