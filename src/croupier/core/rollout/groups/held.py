"""The players whom a rollout keeps on the stable version, and what that means for its end.

A held market is a segment before the canary's own share, so routers need to know nothing of actions.
"""

from collections.abc import Iterable

from croupier.core.rollout.groups.acted import Acted
from croupier.core.segments import Segment


def held(acted: Iterable[Acted]) -> tuple[Segment, ...]:
    """The held segments, each once, in the order in which they were held."""
    return tuple(dict.fromkeys(each.held for each in acted if each.held is not None))
