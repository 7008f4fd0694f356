"""How long to wait before dialling again: longer each time, and anywhere up to that, so that clients spread out.

Called by the subscription.
"""

import random
from typing import Final

LONGEST_S: Final = 60.0
"""No client waits longer than this for a server that is away."""
_PATIENCE: Final = 10.0
"""So many first waits at most: a few clients ask again soon, since they cost nothing."""


class Backoff:
    """Exponential with full jitter: the wait is drawn evenly from 0 to ``base_s`` x 2^failures, 60 s at most.

    Once the server has said how many clients there are (see ``spread``), ``base_s`` grows with them, and it is 10 x
    ``base_s`` at most: after a failure ten clients are back within ten seconds, ten thousand within a minute.
    """

    def __init__(self, base_s: float = 1.0) -> None:
        self._base_s = base_s
        self._longest_s = LONGEST_S
        self._failures = 0

    def spread(self, over_s: float) -> None:
        """Draw the first wait from this long, so that all clients of one server do not come back in one moment."""
        self._base_s = min(max(1.0, over_s), LONGEST_S)
        self._longest_s = min(_PATIENCE * self._base_s, LONGEST_S)

    def succeeded(self) -> None:
        """The connection held: start small again."""
        self._failures = 0

    def next_s(self) -> float:
        """The next wait, in seconds."""
        ceiling = min(self._longest_s, self._base_s * 2 ** min(self._failures, 10))
        self._failures += 1
        return random.uniform(0.0, ceiling)  # noqa: S311 -- spreads load, keeps no secret
