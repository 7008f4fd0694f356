"""What a gate does about a failing group instead of giving up the whole release: ``onGroupFail``.

Frozen into the plan with its gate. ``core.rollout.groups`` decides when it is done; the control loop does it.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from croupier.core.gates.sli import Group

_PLACE: Final = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class KillFlag:
    """Turn the flag of this name off for everybody; ``{label}`` in it stands for the group's value of the label."""

    flag: str
    kind: Literal["kill"] = "kill"

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that the name is made of."""
        return tuple(dict.fromkeys(_PLACE.findall(self.flag)))

    def named(self, group: Group) -> str:
        """The flag of this group. Raises ``KeyError`` for a label that it lacks."""
        values = dict(group)
        return _PLACE.sub(lambda place: values[place[1]], self.flag)

    def matches(self, flag: str) -> bool:
        """Whether some group's flag may have this name."""
        between = [re.escape(part) for part in re.split(r"\{[^{}]*\}", self.flag)]
        return re.fullmatch("(.+)".join(between), flag) is not None


@dataclass(frozen=True, slots=True)
class HoldPlayers:
    """Give the players with the group's values of these labels the stable version again, and leave them there."""

    labels: tuple[str, ...]
    kind: Literal["hold"] = "hold"


GroupAction: TypeAlias = KillFlag | HoldPlayers


@dataclass(frozen=True, slots=True)
class OnGroupFail:
    """All of ``actions`` are taken for a group that fails, for at most ``at_most`` groups of a rollout. What they do
    not end within ``watch_s`` seconds, or what fails again later, takes the whole release back.
    """

    actions: tuple[GroupAction, ...]
    at_most: int = 2
    watch_s: float = 120.0

    @property
    def labels(self) -> frozenset[str]:
        """The labels that the actions tell groups apart by."""
        return frozenset(label for action in self.actions for label in action.labels)

    @property
    def kills(self) -> tuple[KillFlag, ...]:
        return tuple(action for action in self.actions if isinstance(action, KillFlag))

    @property
    def holds(self) -> tuple[HoldPlayers, ...]:
        return tuple(action for action in self.actions if isinstance(action, HoldPlayers))

    def scope(self, group: Group) -> Group:
        """What the actions reach of a failing group: its labels that they name, or all of it where they name none."""
        named = tuple((label, value) for label, value in group if label in self.labels)
        return named or group
