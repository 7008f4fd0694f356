"""The provider: OpenFeature's questions, answered by a ``FlagClient``; the client's events, told as OpenFeature's."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from openfeature.evaluation_context import EvaluationContext
from openfeature.event import ProviderEventDetails
from openfeature.exception import ErrorCode, ProviderNotReadyError
from openfeature.flag_evaluation import FlagMetadata, FlagResolutionDetails, FlagValueType
from openfeature.flag_evaluation import Reason as OpenFeatureReason
from openfeature.provider import AbstractProvider, Metadata
from openfeature.track import TrackingEventDetails

from croupier.core.flags.outcome import STRUCTURED, Outcome, Reason
from croupier.sdk.client import FlagClient
from croupier.sdk.held import Changed, Connected, Event, Lost

Attributes: TypeAlias = Mapping[str, Any]
Structure: TypeAlias = Sequence[FlagValueType] | Mapping[str, FlagValueType]

_METADATA: Final = Metadata("croupier")
REASONS: Final = {reason: OpenFeatureReason(reason.value) for reason in Reason}
ERRORS: Final = {code.value: code for code in ErrorCode}
_EMPTY: Final[Attributes] = {}


class CroupierProvider(AbstractProvider):
    """Answers from ``flags``, and closes it when OpenFeature shuts the provider down.

    With flags from a cache or a bootstrap file it is ready at once, else as soon as the server's are here, for which
    ``initialize`` waits ``wait_s`` at most. ``metadata`` adds the flag's ``version``, the ``rule`` and the ``detail``
    to each answer's flag metadata.
    """

    def __init__(self, flags: FlagClient, *, wait_s: float = 5.0, metadata: bool = True) -> None:
        super().__init__()
        self.flags = flags
        self.with_metadata = metadata
        self._wait_s = wait_s
        self._initialized = False
        self._away = False
        self._unlisten: Callable[[], None] | None = None

    def get_metadata(self) -> Metadata:
        return _METADATA

    def initialize(self, evaluation_context: EvaluationContext) -> None:  # noqa: ARG002 -- OpenFeature's signature
        """Raises ``ProviderNotReadyError`` if nothing is known of any flag; it is ready once the server was heard."""
        if self._unlisten is None:
            self._unlisten = self.flags.listen(self._tell)
        if self.flags.source == "nothing" and not self.flags.wait_ready(self._wait_s):
            self._away = True
            troubles = "; ".join(self.flags.status().troubles)
            raise ProviderNotReadyError(f"No flags are known yet: {troubles}")
        self._initialized = True

    def shutdown(self) -> None:
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None
        self.flags.close()

    def _tell(self, event: Event) -> None:
        match event:
            case Changed(flags=changed):
                if self._away and self.flags.source == "server":
                    self._away = False
                    self.emit_provider_ready(ProviderEventDetails())
                self.emit_provider_configuration_changed(ProviderEventDetails(flags_changed=sorted(changed)))
            case Connected():
                if self._away and self.flags.source != "nothing":
                    self._away = False
                    self.emit_provider_ready(ProviderEventDetails())
            case Lost(trouble=trouble):
                if not (self._initialized or self._away):
                    return  # ``initialize`` still waits, and will say how it ended
                self._away = True
                if self.flags.source == "nothing":
                    self.emit_provider_error(ProviderEventDetails(message=trouble, error_code=ErrorCode.GENERAL))
                else:
                    self.emit_provider_stale(ProviderEventDetails(message=trouble))

    def resolve_boolean_details(
        self, flag_key: str, default_value: bool, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[bool]:
        return self._resolve(flag_key, default_value, evaluation_context, (bool,))

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        return self._resolve(flag_key, default_value, evaluation_context, (str,))

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        return self._resolve(flag_key, default_value, evaluation_context, (int,))

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[float]:
        return self._resolve(flag_key, default_value, evaluation_context, (float, int))

    def resolve_object_details(
        self, flag_key: str, default_value: Structure, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[Structure]:
        return self._resolve(flag_key, default_value, evaluation_context, (dict, list))

    def _resolve(
        self, flag_key: str, default: Any, context: EvaluationContext | None, kinds: tuple[type, ...]
    ) -> FlagResolutionDetails[Any]:
        outcome = self.flags.outcome(flag_key, attributes_of(context))
        value, error, message = answer(self.flags, outcome, default, kinds)
        return FlagResolutionDetails(
            value=value,
            error_code=error,
            error_message=message,
            reason=OpenFeatureReason.ERROR if error else REASONS[outcome.reason],
            variant=None if error else outcome.variant,
            flag_metadata=self.metadata_of(outcome),
        )

    def metadata_of(self, outcome: Outcome) -> FlagMetadata:
        """What OpenFeature has no field for. ``version`` is what its conventions for telemetry look for."""
        if not self.with_metadata or not outcome.version:
            return {}
        given = {"version": str(outcome.version), "rule": outcome.rule, "detail": outcome.detail}
        return {name: value for name, value in given.items() if value}

    def track(
        self,
        tracking_event_name: str,
        evaluation_context: EvaluationContext | None = None,
        tracking_event_details: TrackingEventDetails | None = None,
    ) -> None:
        """Say what a player did, as ``FlagClient.track``."""
        value = None if tracking_event_details is None else tracking_event_details.value
        more = {} if tracking_event_details is None else tracking_event_details.attributes
        self.flags.track(tracking_event_name, attributes_of(evaluation_context), value=value, attributes=more)


def attributes_of(context: EvaluationContext | None) -> Attributes:
    """OpenFeature's context as ours: the targeting key is one of the attributes."""
    if context is None:
        return _EMPTY
    if context.targeting_key is None:
        return context.attributes
    return {**context.attributes, "targetingKey": context.targeting_key}


def answer(
    flags: FlagClient, outcome: Outcome, default: Any, kinds: tuple[type, ...]
) -> tuple[Any, ErrorCode | None, str | None]:
    """The value as one of ``kinds`` (the first one, if it is a number), or the default, the error's code and words."""
    if outcome.error is not None:
        if flags.source == "nothing":
            return default, ErrorCode.PROVIDER_NOT_READY, "no flags are known yet"
        return default, ERRORS.get(outcome.error, ErrorCode.GENERAL), outcome.detail
    value = outcome.value
    kind = type(value)
    if kind is kinds[0] or kind in kinds:
        if kind is int and kinds[0] is float:
            return float(value), None, None
        return outcome.fresh_value() if kind in STRUCTURED else value, None, None
    wanted = " or ".join(kind.__name__ for kind in kinds)
    return default, ErrorCode.TYPE_MISMATCH, f"the flag's value is a {kind.__name__}, not {wanted}"
