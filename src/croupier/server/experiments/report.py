"""What a client reports of running experiments, read strictly: ten thousand say it, and none of them is trusted."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from croupier.core.experiments import Report
from croupier.errors import Problem, Rejected
from croupier.server.flags.acknowledge import CLIENT
from croupier.server.problems import Malformed

LARGEST: Final = 256 * 1024
"""Bytes of a report; the SDK's batches have a third of it."""
_MOST_RUNS: Final = 100
_MOST_LOST: Final = 2**40
_OLDEST_S: Final = 7 * 86_400.0
_RUN: Final = re.compile(r"[0-9a-f]{32}")
_PLAYER: Final = re.compile(r"[0-9a-f]{16}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, slots=True)
class Reported:
    """What ``client`` says: by run, and how many reports it left out since it started."""

    client: str
    runs: Mapping[str, Sequence[Report]]
    lost: int


def read_report(body: bytes, now: float) -> Reported:
    """What the body says; ages become times. Raises ``Malformed`` for what is no JSON object, ``Rejected`` else."""
    try:
        data: Any = json.loads(body)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise Malformed("The body is no JSON object.")
    client, lost, runs = data.get("client"), data.get("lost", 0), data.get("runs")
    if not (isinstance(client, str) and CLIENT.fullmatch(client)):
        raise _wrong("expected a client's name.", "client")
    if isinstance(lost, bool) or not isinstance(lost, int) or not 0 <= lost <= _MOST_LOST:
        raise _wrong("expected how many reports were left out.", "lost")
    if not isinstance(runs, dict) or len(runs) > _MOST_RUNS:
        raise _wrong(f"expected reports by run, of {_MOST_RUNS} runs at most.", "runs")
    read: dict[str, list[Report]] = {}
    for run, lines in runs.items():
        if not (_RUN.fullmatch(run) and isinstance(lines, list)):
            raise _wrong("expected a list of reports under the run's id.", "runs", run[:40])
        read[run] = [_report(line, now, (run, index)) for index, line in enumerate(lines)]
    return Reported(client, read, lost)


def _report(line: Any, now: float, place: tuple[str | int, ...]) -> Report:
    """``[player, variant, event, seconds ago]``; one of variant and event is empty."""
    if isinstance(line, list) and len(line) == 4:
        player, variant, event, age = line
        texts = isinstance(player, str) and isinstance(variant, str) and isinstance(event, str)
        # Compared, not ``isfinite``: that raises for a whole number of a thousand digits.
        timed = isinstance(age, int | float) and not isinstance(age, bool) and 0 <= age < math.inf
        named = texts and bool(variant) != bool(event) and _NAME.fullmatch(variant or event)
        if named and timed and _PLAYER.fullmatch(player):
            return Report(player, now - min(age, _OLDEST_S), variant, event)
    raise _wrong("expected [player's hash, variant, event, seconds ago].", "runs", *place)


def _wrong(message: str, *path: str | int) -> Rejected:
    problem = Problem(message, path)
    return Rejected(f"The report is wrong: {problem}", problems=(problem,))
