"""The steps of a Rollout as they are made one after the other, so that Croupier takes them. Called by every tool.

Croupier refuses steps that do nothing (a weight that is there already, a second wait for a person) and an analysis of a
canary without players. What decided there and cannot decide here becomes ``pause: {}``: a person decides, and nothing
goes on unseen.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from croupier.adapters.imports.made import Path

PERSON: Final = "in its place stands pause: {}, so that a person decides (croupier rollout promote)"

LONGEST_S: Final = 366 * 86_400
"""The longest duration that Croupier takes."""
OUR_DURATION: Final = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|us|µs|ns|h|m|s))+", re.ASCII)
"""What Go reads and Croupier reads, too."""


def seconds_text(seconds: float) -> str:
    """So many seconds as Croupier reads them, as many as it takes at the most."""
    return f"{min(abs(seconds), LONGEST_S):.9f}".rstrip("0").rstrip(".") + "s"


_WAIT: Final[dict[str, Any]] = {"pause": {}}


@dataclass(slots=True)
class Steps:
    """What was made so far. ``weight`` is the canary's at this point, in percent."""

    made: list[dict[str, Any]] = field(default_factory=list)
    origins: list[Path] = field(default_factory=list)
    weight: float = 0

    def weigh(self, weight: float, at: Path) -> bool:
        """Whether the weight changed anything."""
        if self.made and "setWeight" in self.made[-1] and self.weight == weight:
            return False
        self.weight = weight
        self._add({"setWeight": weight}, at)
        return True

    def wait(self, duration: str, at: Path) -> None:
        self._add({"pause": {"duration": duration}}, at)

    def ask(self, gates: Sequence[str], at: Path) -> bool:
        """Whether the gates can be asked here; otherwise a person is."""
        if not gates or not self.weight:
            self.person(at)
            return False
        templates = [{"templateName": name} for name in dict.fromkeys(gates)]
        self._add({"analysis": {"templates": templates}}, at)
        return True

    def copy(self, mirror: dict[str, Any], at: Path) -> None:
        self._add({"setMirrorRoute": mirror}, at)

    def person(self, at: Path) -> bool:
        """Wait for a person, unless the step before does."""
        if self.made and self.made[-1] == _WAIT:
            return False
        self._add({"pause": {}}, at)
        return True

    def _add(self, step: dict[str, Any], at: Path) -> None:
        self.made.append(step)
        self.origins.append(at)
