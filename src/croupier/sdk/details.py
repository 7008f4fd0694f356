"""What an evaluation tells the caller who wants to know more than the value. Made by ``FlagClient.details``."""

from typing import Any, Generic, TypeVar

from croupier.core.flags.evaluate import Context
from croupier.core.flags.outcome import Outcome, Reason
from croupier.core.flags.ruleset import Ruleset

T_co = TypeVar("T_co", covariant=True)


class Details(Generic[T_co]):
    """One answer and why. ``value`` is the caller's default where ``error`` is set."""

    __slots__ = ("_context", "_error", "_outcome", "_ruleset", "key", "value")

    def __init__(
        self, key: str, value: T_co, outcome: Outcome, context: Context, ruleset: Ruleset, error: str | None
    ) -> None:
        self.key = key
        self.value = value
        self._outcome = outcome
        self._context = context
        self._ruleset = ruleset
        self._error = error

    @property
    def variant(self) -> str | None:
        """The variant's name; ``None`` where the caller's default is the answer."""
        return None if self._error else self._outcome.variant

    @property
    def reason(self) -> Reason:
        return Reason.ERROR if self._error else self._outcome.reason

    @property
    def rule(self) -> str | None:
        """The deciding rule's name (``rule 1`` for the first one, if it has none)."""
        return self._outcome.rule

    @property
    def version(self) -> int:
        """The version of the flag that answered: of the ruleset at which it last changed; 0 for an unknown flag."""
        return self._outcome.version

    @property
    def detail(self) -> str:
        """In words what the reason leaves open: the attribute that is missing, the reason of a kill."""
        if self._error == "TYPE_MISMATCH":
            return f"the flag's value is of another type than the default: {type(self._outcome.value).__name__}"
        return self._outcome.detail

    @property
    def error(self) -> str | None:
        """OpenFeature's error code, ``None`` for an answer of the flag's own."""
        return self._error

    @property
    def bucket(self) -> int | None:
        """The player's bucket for this flag, 0 to 9 999; computed when asked. ``None`` where nothing is bucketed."""
        try:
            return self._ruleset.compiled(self.key).bucket_of(self._context)
        except Exception:  # noqa: BLE001 -- the key may be anything
            return None

    def as_dict(self) -> dict[str, Any]:
        """Everything, as plain data."""
        names = ("key", "value", "variant", "reason", "rule", "version", "bucket", "detail", "error")
        return {name: getattr(self, name) for name in names}

    def __repr__(self) -> str:
        return f"Details({', '.join(f'{name}={value!r}' for name, value in self.as_dict().items())})"
