"""What the record keeps of a group that was acted upon. Part of a rollout's state."""

from dataclasses import dataclass

from croupier.core.gates.sli import Group
from croupier.core.gates.wording import name
from croupier.core.segments import Segment


@dataclass(frozen=True, slots=True)
class Acted:
    """``gate`` blamed ``group`` (the labels that the actions name) for ``reason`` at ``at`` (epoch seconds), so the
    flags in ``kills`` are turned off and the players in ``held`` have the stable version.

    ``in_force_at`` is when all of that was seen to be so, ``watched_at`` when it had been watched for long enough and
    had helped.
    """

    gate: str
    group: Group
    kills: tuple[str, ...]
    held: Segment | None
    reason: str
    at: float
    in_force_at: float | None = None
    watched_at: float | None = None

    def watch_name(self, gate: str) -> str:
        """What this gate's watch of the group is called; no document can have such a name."""
        return f"{gate}/{name(self.group)}"

    def covers(self, group: Group) -> bool:
        """Whether this group of a gate is, or is part of, what was acted upon."""
        return covers(self.group, group)


def covers(scope: Group, group: Group) -> bool:
    """Whether the group has every label of the scope, with its value."""
    return set(scope) <= set(group)


def concerns(scope: Group, by: tuple[str, ...]) -> bool:
    """Whether a gate that splits the traffic so can tell the scope from the rest."""
    return {label for label, _ in scope} <= set(by)
