"""A flag while an experiment measures it: which of its outcomes are exposures, and what else clients are to report.

Part of the flag's state, so that it reaches clients with the flag itself. Made by ``control.experiments``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NAME = "experiment"
"""Under which name a flag's line carries it."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """The run with this id (random; it salts the players' hashes) of ``experiment``, in one environment.

    What ``rule`` deals by chance are exposures; ``by`` is the attribute that players are known by (``""``:
    ``targetingKey``, else ``user``), ``events`` are what players may do that counts.
    """

    run: str
    experiment: str
    environment: str
    rule: str
    by: str = ""
    events: tuple[str, ...] = ()

    def line(self) -> dict[str, Any]:
        """As a flag's line carries it."""
        return {"run": self.run, "rule": self.rule, "by": self.by, "events": list(self.events)}


def measured(line: Mapping[str, Any]) -> tuple[str, str]:
    """The run and the rule of a flag's line; both empty where nothing is measured, or by a version later than ours."""
    found = line.get(NAME)
    if not isinstance(found, Mapping):
        return "", ""
    run, rule = found.get("run"), found.get("rule")
    return (run, rule) if isinstance(run, str) and isinstance(rule, str) else ("", "")
