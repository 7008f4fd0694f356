"""Eight days of two instances' counters, written into a real Prometheus's storage, and what was counted when.

The hours that tests ask for have a sample a minute, the days between one every ten minutes.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

DAY_S = 86_400
HOUR_S = 3_600
STEP_S = 60


@dataclass
class Instance:
    """One process after the other at one place. ``resets`` are times at which another one began there."""

    name: str
    version: str
    ok: int
    failed: int
    resets: tuple[float, ...] = ()
    away: tuple[tuple[float, float], ...] = ()
    born: float = 0.0
    samples: list[tuple[float, int, int, float]] = field(default_factory=list)

    def live(self, times: list[float]) -> None:
        """Count so much in each minute, and be scraped at these times."""
        began, good, bad, before = times[0] - DAY_S, 0, 0, times[0]
        for at in times:
            reset = next((one for one in self.resets if before < one <= at), None)
            if reset is not None:
                began, good, bad, before = reset, 0, 0, reset
            minutes = int((at - before) // STEP_S)
            good, bad, before = good + self.ok * minutes, bad + self.failed * minutes, at
            if at >= self.born and not any(since < at <= until for since, until in self.away):
                self.samples.append((at, good, bad, began))

    def counted(self, since: float, until: float) -> tuple[int, int]:
        """Good and all events of the samples in (since, until], as Prometheus can know them."""
        good = total = 0
        for (_, good_before, bad_before, began), (at, good_now, bad_now, anew) in pairwise(self.samples):
            if since < at <= until:
                base = (good_before, bad_before) if anew == began else (0, 0)
                good, total = good + good_now - base[0], total + good_now + bad_now - sum(base)
        return good, total


def moments(now: float) -> list[float]:
    """When everybody was scraped."""
    found: set[float] = set()
    for ago in (7 * DAY_S, DAY_S, 0):
        found |= {now - ago + step * STEP_S for step in range(-120, 61 if ago else 1)}
    sparse = {now - 8 * DAY_S + step * 600 for step in range(8 * 144)}
    busy = [(now - ago - 2 * HOUR_S, now - ago + HOUR_S) for ago in (7 * DAY_S, DAY_S, 0)]
    return sorted(found | {at for at in sparse if not any(since <= at <= until for since, until in busy)})


def write(folder: Path, instances: list[Instance]) -> Path:
    """The storage of a Prometheus that scraped them."""
    text = folder / "history.txt"
    with text.open("w") as file:
        for line in _lines(instances):
            file.write(f"{line}\n")
    data = folder / "data"
    command = [str(shutil.which("promtool")), "tsdb", "create-blocks-from", "--max-block-duration=24h", "openmetrics"]
    subprocess.run(
        [*command, str(text), str(data)], check=True, capture_output=True, env={**os.environ, "GOMAXPROCS": "2"}
    )
    return data


def _lines(instances: list[Instance]) -> Iterator[str]:
    for name, kind in (
        ("up", "gauge"),
        ("process_start_time_seconds", "gauge"),
        ("scrape_duration_seconds", "gauge"),
        ("deposits", "counter"),
    ):
        yield f"# TYPE {name} {kind}"
        for one in instances:
            labels = f'service="pay",version="{one.version}",job="casino",instance="{one.name}"'
            for at, good, _, began in one.samples:
                match name:
                    case "up":
                        yield f"up{{{labels}}} 1 {at:.3f}"
                    case "process_start_time_seconds":
                        yield f"{name}{{{labels}}} {began} {at:.3f}"
                    case "scrape_duration_seconds":
                        yield f"{name}{{{labels}}} 0.01 {at:.3f}"
                    case _:
                        yield f'deposits_total{{{labels},outcome="ok"}} {good} {at:.3f}'
            if name == "deposits":
                yield from (
                    f'deposits_total{{{labels},outcome="failed"}} {bad} {at:.3f}' for at, _, bad, _ in one.samples
                )
    yield "# EOF"
