"""What an evaluation answers, and why. Made once per flag, variant and reason, and shared by all players who get it.

So the hot path allocates nothing: ``evaluate`` hands out these objects, the SDK counts on them. A flag keeps a handful
of them, so what nearly none needs is not theirs: see ``Failed``.
"""

import marshal
import sys
from enum import StrEnum
from typing import Any, Final

STRUCTURED: Final = (dict, list)
"""The types of values that a caller could change."""


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
    what the reason does not: a missing attribute, the reason of a kill.
    """

    __slots__ = ("count", "detail", "limit", "reason", "rule", "value", "variant", "version")

    error: str | None = None
    """OpenFeature's error code, of one that ``Failed``."""

    run: str | None = None
    """The run of an experiment that wants to hear of everybody who gets this, of one that is ``Measured``."""

    def __init__(
        self,
        value: Any,
        variant: str | None,
        reason: Reason,
        *,
        rule: str | None = None,
        version: int = 0,
        detail: str = "",
    ) -> None:
        self.value = value
        self.variant = variant
        self.reason = reason
        self.rule = rule
        self.version = version
        self.detail = detail
        self.count = 0
        """How often it was the answer, less what the decision log has accounted for."""
        self.limit = 1
        """Up to which count decisions are shown to the decision log; it sees the first one and says how it goes on."""
        self.fresh_value()  # one that is too deep to be copied is refused here, not where a flag is asked

    def fresh_value(self) -> Any:
        """The value, as the caller's own where it could be changed (objects, lists)."""
        if not isinstance(self.value, STRUCTURED):
            return self.value
        return marshal.loads(marshal.dumps(self.value))  # noqa: S302 -- the quickest copy of plain data; it never leaves

    def saying(self, detail: str) -> "Outcome":
        """Another one like this, with these words."""
        return Outcome(self.value, self.variant, self.reason, rule=self.rule, version=self.version, detail=detail)

    def __repr__(self) -> str:
        said = f", {self.detail}" if self.detail else ""
        return f"<{self.variant}={self.value!r} {self.reason}{said}, rule {self.rule}, v{self.version}>"


class Failed(Outcome):
    """There is no answer: the caller's default is."""

    __slots__ = ("error",)

    def __init__(self, error: str, detail: str) -> None:
        super().__init__(None, None, Reason.ERROR, detail=detail)
        self.error = error


class Measured(Outcome):
    """What the rule of a running experiment deals: the SDK is shown each of these, and reports each player once."""

    __slots__ = ("run",)

    def __init__(
        self,
        value: Any,
        variant: str | None,
        reason: Reason,
        *,
        rule: str | None = None,
        version: int = 0,
        detail: str = "",
        run: str = "",
    ) -> None:
        super().__init__(value, variant, reason, rule=rule, version=version, detail=detail)
        self.run = run
        self.limit = sys.maxsize

    def saying(self, detail: str) -> Outcome:
        """As above, of the same run."""
        return Measured(
            self.value,
            self.variant,
            self.reason,
            rule=self.rule,
            version=self.version,
            detail=detail,
            run=self.run or "",
        )
