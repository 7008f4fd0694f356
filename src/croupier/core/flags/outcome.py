"""What an evaluation answers, and why. Made once per flag, variant and reason, and shared by all players who get it.

So the hot path allocates nothing: ``evaluate`` hands out these objects, the SDK counts on them.
"""

import json
from enum import StrEnum
from typing import Any


class Reason(StrEnum):
    """Why; the words of OpenFeature."""

    STATIC = "STATIC"
    """The flag has no rules: everybody gets this."""
    TARGETING_MATCH = "TARGETING_MATCH"
    """A rule took the player."""
    SPLIT = "SPLIT"
    """A rule's share decided, either way: the player's bucket is inside or outside of it."""
    DEFAULT = "DEFAULT"
    """No rule took the player."""
    DISABLED = "DISABLED"
    """Off, killed, expired, or a prerequisite is not met; ``detail`` says which."""
    ERROR = "ERROR"
    """There is no such flag, or it cannot be used here: the caller's default is the answer."""


class Outcome:
    """One possible answer of a flag. Read-only but for the counters, which belong to the SDK.

    ``rule`` is the deciding rule's name (``rule 1`` for one without), ``version`` the flag's, ``detail`` says in words
    what the reason does not: a missing attribute, the reason of a kill. ``error`` is OpenFeature's error code.
    """

    __slots__ = ("count", "detail", "error", "limit", "reason", "rule", "text", "told", "value", "variant", "version")

    def __init__(
        self,
        value: Any,
        variant: str | None,
        reason: Reason,
        *,
        rule: str | None = None,
        version: int = 0,
        detail: str = "",
        error: str | None = None,
    ) -> None:
        self.value = value
        self.variant = variant
        self.reason = reason
        self.rule = rule
        self.version = version
        self.detail = detail
        self.error = error
        self.count = 0
        """How often it was the answer."""
        self.told = 0
        """How many of these the decision log has accounted for."""
        self.limit = 1
        """Up to which count decisions are shown to the decision log; it sees the first one and says how it goes on."""
        self.text = json.dumps(value) if isinstance(value, dict | list) else None

    def fresh_value(self) -> Any:
        """The value, as the caller's own where it could be changed (objects, lists)."""
        return self.value if self.text is None else json.loads(self.text)

    def __repr__(self) -> str:
        said = f", {self.detail}" if self.detail else ""
        return f"<{self.variant}={self.value!r} {self.reason}{said}, rule {self.rule}, v{self.version}>"
