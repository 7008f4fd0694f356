"""How often each token may push: a bucket that fills by itself. Called by the route."""

from dataclasses import dataclass, field
from typing import Final

from croupier.server.problems import TooManyRequests

_BURST_S: Final = 10.0
"""So many seconds' worth may come at once: processes that started together push together."""
_TOKENS: Final = 10_000


@dataclass(slots=True)
class Allowance:
    """``per_s`` pushes of each token."""

    per_s: float
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)

    def spend(self, token: str, now: float) -> None:
        """One push. Raises ``TooManyRequests``."""
        most = max(1.0, self.per_s * _BURST_S)
        left, at = self._left.pop(token, (most, now))
        left = min(most, left + max(0.0, now - at) * self.per_s)
        if len(self._left) >= _TOKENS:
            del self._left[next(iter(self._left))]
        self._left[token] = (max(left - 1.0, 0.0) if left >= 1.0 else left, now)
        if left < 1.0:
            raise TooManyRequests(
                f"More than {self.per_s:g} pushes a second came with this token.",
                retry_after_s=(1.0 - left) / self.per_s,
            )
