"""Does a control plane that comes back hold out when every application does too, all at the same moment?

A real control plane on SQLite is killed (``kill -9``) with so many applications listening; these dial again without
patience until they are let in, each resuming at the version that it has. Meanwhile health is asked all the time, and a
flag is killed as soon as the API answers. Run it by ``python -m benchmarks.flags.herd``; it ends with 1 when somebody
was not served, or the control plane was not responsive.
"""

import argparse
import json
import sys
import threading
import time
from typing import Any

import httpx
from benchmarks.flags._stage import House, listening, open_house

from croupier.cli.demo.stage import ControlPlane
from croupier.errors import CroupierError
from croupier.server.api.formats import epoch

RESPONSIVE_S = 2.0
"""Health must be answered so soon, whatever else goes on."""


class Pulse:
    """Asks for health again and again, on a connection of its own each time, and notes how long that took."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._over = threading.Event()
        self.took_s: list[float] = []
        self.first_at = 0.0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.is_set():
            began = time.time()
            try:
                httpx.get(f"{self._url.rstrip('/')}/healthz", trust_env=False, timeout=30).raise_for_status()
            except httpx.HTTPError:
                time.sleep(0.05)
                continue
            self.first_at = self.first_at or time.time()
            self.took_s.append(time.time() - began)
            time.sleep(0.05)

    def end(self) -> list[float]:
        """Stop; how long each answer took."""
        self._over.set()
        self._thread.join()
        return sorted(self.took_s)


def run(count: int, flags: int) -> dict[str, Any]:
    """One restart; what was seen."""
    with open_house(flags) as house, listening(house, count) as (crowd, gathered):
        before = house.memory_mib
        crowd.tell("herd", house.position(), 120, "payments_v2")
        crowd.hear()
        house.plane.kill()
        died_at = time.time()
        house.plane = ControlPlane(house.place)
        pulse = Pulse(house.place.page)
        killed, tries = _kill(house)
        seen = crowd.hear()
        took_s = pulse.end()
        greeted, answered = seen["greeted_at"], seen["answered_at"]
        back_at, committed = pulse.first_at, epoch(killed["killed"]["at"])
        return {
            "listeners": count,
            "gathered_s": gathered["took_s"],
            "away_s": round(back_at - died_at, 2),
            "back": {
                "greeted": len(greeted),
                "half_after_s": round(greeted[len(greeted) // 2] - back_at, 2),
                "all_after_s": round(greeted[-1] - back_at, 2),
                "refused": seen["refused"],
            },
            "kill_in_the_herd": {
                "asked_times": tries,
                "committed_after_s": round(committed - back_at, 2),
                "heard_by": len(answered),
                "all_heard_s_after_commit": round(answered[-1] - committed, 2),
            },
            "health_s": {
                "asked": len(took_s),
                "p99": round(took_s[int(len(took_s) * 0.99)], 3),
                "max": round(took_s[-1], 3),
            },
            "memory_mib": {"before": before, "after": house.memory_mib},
        }


def _kill(house: House) -> tuple[dict[str, Any], int]:
    """Kill a flag as soon as that is possible."""
    tries = 0
    while True:
        tries += 1
        try:
            return house.client.post("flags/payments_v2/kill", {"reason": "in the herd"}), tries
        except CroupierError:
            time.sleep(0.05)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listeners", type=int, default=10_000)
    parser.add_argument("--flags", type=int, default=1_000)
    asked = parser.parse_args()
    seen = run(asked.listeners, asked.flags)
    print(json.dumps(seen, indent=2))
    served = seen["back"]["greeted"] == seen["kill_in_the_herd"]["heard_by"] == asked.listeners
    return int(not served or seen["health_s"]["max"] > RESPONSIVE_S)


if __name__ == "__main__":
    sys.exit(main())
