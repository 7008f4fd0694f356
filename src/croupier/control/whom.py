"""Which players somebody means who wants one segment held or released: by name, or by what their requests carry.

Called by ``rollouts``, and where the store is out of reach with what was last known of the service.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from croupier.core.releases import Service
from croupier.core.rollout.segments.commands import known
from croupier.core.rollout.state import RolloutState
from croupier.core.segments import AttributeMatch, Segment
from croupier.errors import Rejected

_CARRIED: Final = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,200}")
"""What routers can match as the whole value of a header."""


@dataclass(frozen=True, slots=True)
class Whom:
    """The name of a segment, or else the values that its players have (attribute -> accepted values)."""

    segment: str | None = None
    match: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def __post_init__(self) -> None:
        if (self.segment is None) == (not self.match):
            raise Rejected(
                "Say whom: exactly one of segment and match.", hint="For example --segment se, or --match market=SE."
            )


def meant(whom: Whom, state: RolloutState, declared: Iterable[Segment]) -> Segment:
    """The segment. One that the rollout names, or holds, by other means is the same one. Raises ``Rejected`` for a name
    that nobody knows.
    """
    ours = known(state)
    if whom.segment is not None:
        found = ours.get(whom.segment) or next((each for each in declared if each.name == whom.segment), None)
        if found is None:
            names = ", ".join(sorted({*ours, *(each.name for each in declared)})) or "none"
            raise Rejected(
                f"There is no segment '{whom.segment}'. There are: {names}.",
                hint="One that is not declared is named by its values: --match market=SE.",
            )
        return found
    matches = tuple(AttributeMatch(name, values) for name, values in sorted(whom.match))
    same = next((each for each in ours.values() if _same(each.matches, matches)), None)
    return same or Segment(" ".join(f"{each.attribute}={','.join(each.values)}" for each in matches), matches)


def check_carried(segment: Segment, service: Service) -> None:
    """Raises ``Rejected`` where no request of the service carries what tells the segment's players from others, or
    none can carry such a value.
    """
    carried = dict(service.attribute_headers)
    for match in segment.matches:
        for value in match.values:
            if not _CARRIED.fullmatch(value) or value != value.strip():
                raise Rejected(
                    f"{match.attribute}={value!a} can be in no request.", hint="Write it as the header carries it."
                )
        if match.attribute not in carried:
            raise Rejected(
                f"Segment {segment.name} asks for '{match.attribute}', which no header of {service.name} carries.",
                hint=f"It tells players apart by: {', '.join(sorted(carried)) or 'nothing'}. Add it to the service: "
                f"attributes: {{{match.attribute}: x-{match.attribute}}}.",
            )


def reasoned(reason: str) -> str:
    """The reason for holding a segment; raises ``Rejected`` where there is none."""
    if not reason:
        raise Rejected("Holding a segment needs a reason.", hint="Add --reason TEXT: whoever releases it reads it.")
    return reason


def _same(one: tuple[AttributeMatch, ...], other: tuple[AttributeMatch, ...]) -> bool:
    return {(each.attribute, frozenset(each.values)) for each in one} == {
        (each.attribute, frozenset(each.values)) for each in other
    }
