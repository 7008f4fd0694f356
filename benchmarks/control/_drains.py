"""When the control plane asked a version's processes to end, from its own log: what was closed then was meant to be."""

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.control._oracle import Course

GOING_AWAY: Final = 1001
"""The code with which the casino closes a stay when it was asked to end."""
NOTICED_S: Final = 0.2
"""A drain is told before the process is asked, but by a clock that is read in another process."""
LASTS_S: Final = 15.0
"""A process has 10 s to drain; who sat there may hear of it late."""


class Closed(NamedTuple):
    """A stay was ended with a word."""

    at: float
    version: str
    code: int | None


class Drain(NamedTuple):
    """A process was asked to end (epoch seconds)."""

    service: str
    version: str
    began: float

    def ends(self, closed: Closed) -> bool:
        """Whether this is why the stay was over."""
        return (
            closed.code == GOING_AWAY
            and closed.version == self.version
            and -NOTICED_S <= closed.at - self.began <= LASTS_S
        )


def drains(log: Path, service: str) -> list[Drain]:
    """What was drained of a service, as the control planes wrote it, also those that were killed."""
    found = []
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        if '"instance_draining"' in line:
            said = json.loads(line)
            began = datetime.fromisoformat(said["timestamp"]).timestamp()
            found.append(Drain(said["service"], said["version"], began))
    return [each for each in found if each.service == service]


def sorted_out(
    closed: Iterable[Closed], found: list[Drain], course: Course
) -> tuple[dict[Drain, int], list[tuple[Closed, str]]]:
    """How many stays ended in which drain; and those that ended in none, or in one that the record did not allow, with
    what is wrong about them.
    """
    within: dict[Drain, int] = {}
    outside = []
    for each in closed:
        why = next((drain for drain in found if drain.ends(each)), None)
        if why is None:
            outside.append((each, "no drain of it is told"))
        elif not course.may_end(each.version, why.began):
            outside.append((each, "the record still wanted it when it was drained"))
        else:
            within[why] = within.get(why, 0) + 1
    return within, outside
