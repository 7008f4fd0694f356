"""Single segments as people say them. The API carries these sentences; nobody decides by them."""

from collections.abc import Iterable

from croupier.core.rollout import events as e
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.segments.kept import Kept
from croupier.core.rollout.spec import SegmentFail, SetSegment
from croupier.core.rollout.state import RolloutState


def guarded_by(step: SetSegment) -> str:
    """What follows the share of a step that names gates: ``, watched by deposits@se: who fails is held alone``."""
    if not step.guards:
        return ""
    then = ", which hold it alone if they fail" if len(step.guards) > 1 else ", which holds it alone if it fails"
    return f", watched by {' and '.join(step.guards)}{then if step.on_fail is SegmentFail.HOLD else ''}"


def held_or_released(event: e.SegmentHeld | e.SegmentReleased, stable: str | None) -> str:
    """``se held on 1.0.0 alone by gate deposits@se: 12 of 40 bad``."""
    name = event.segment.name
    if isinstance(event, e.SegmentReleased):
        return f"{name} released: its players go with the others again"
    on = stable or "the stable version"
    if event.gate is None:
        return f"{name} held on {on} alone by a person: {event.reason}"
    return f"{name} held on {on} alone, since it fails alone; gate {event.gate}: {event.reason}"


def now_held(state: RolloutState) -> Iterable[tuple[Kept, str]]:
    """The segments that are held alone now, with a sentence about each. Once everybody moves nobody is."""
    apart = state.phase in (Phase.PENDING, Phase.PROGRESSING, Phase.PAUSED)
    for kept in state.kept if apart else ():
        if kept.released_at is None:
            who = f"by gate {kept.gate}" if kept.gate is not None else "by a person"
            yield kept, f"{kept.segment.name} held on {state.stable} {who}: {kept.reason}"
