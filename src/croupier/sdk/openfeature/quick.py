"""An OpenFeature client that does only what is needed: without hooks nothing is prepared for hooks.

The official client merges four contexts and builds what hooks would want at every call. This one is the same client
(a subclass), and takes the shorter way where nobody could see a difference: our own provider, and no hook anywhere.
"""

from collections.abc import Mapping
from typing import Any, Final

from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext, get_evaluation_context
from openfeature.flag_evaluation import FlagEvaluationDetails, FlagEvaluationOptions, FlagType
from openfeature.flag_evaluation import Reason as OpenFeatureReason
from openfeature.hook import get_hooks
from openfeature.provider import ProviderStatus
from openfeature.provider._registry import provider_registry
from openfeature.transaction_context import get_transaction_context

from croupier.sdk.openfeature.provider import REASONS, CroupierProvider, answer, attributes_of

_KINDS: Final[Mapping[FlagType, tuple[type, ...]]] = {
    FlagType.BOOLEAN: (bool,),
    FlagType.STRING: (str,),
    FlagType.INTEGER: (int,),
    FlagType.FLOAT: (float, int),
    FlagType.OBJECT: (dict, list),
}
_ANSWERING: Final = (ProviderStatus.READY, ProviderStatus.STALE, ProviderStatus.ERROR)


def get_client(domain: str | None = None, version: str | None = None) -> "QuickClient":
    """As ``openfeature.api.get_client``."""
    return QuickClient(domain=domain, version=version)


class QuickClient(OpenFeatureClient):
    """OpenFeature's client with a shorter way to a ``CroupierProvider``."""

    def get_boolean_value(
        self,
        flag_key: str,
        default_value: bool,
        evaluation_context: EvaluationContext | None = None,
        flag_evaluation_options: FlagEvaluationOptions | None = None,
    ) -> bool:
        provider = self._short(flag_evaluation_options)
        if provider is None:
            return super().get_boolean_value(flag_key, default_value, evaluation_context, flag_evaluation_options)
        value = provider.flags.outcome(flag_key, self._attributes(evaluation_context)).value
        return value if type(value) is bool else default_value

    async def get_boolean_value_async(
        self,
        flag_key: str,
        default_value: bool,
        evaluation_context: EvaluationContext | None = None,
        flag_evaluation_options: FlagEvaluationOptions | None = None,
    ) -> bool:
        if self._short(flag_evaluation_options) is None:
            return await super().get_boolean_value_async(
                flag_key, default_value, evaluation_context, flag_evaluation_options
            )
        return self.get_boolean_value(flag_key, default_value, evaluation_context)

    # The official signatures are overloads for each type of value, which all come down to these.

    def evaluate_flag_details(
        self,
        flag_type: FlagType,
        flag_key: str,
        default_value: Any,
        evaluation_context: EvaluationContext | None = None,
        flag_evaluation_options: FlagEvaluationOptions | None = None,
    ) -> FlagEvaluationDetails[Any]:
        provider = self._short(flag_evaluation_options)
        if provider is None:
            details: FlagEvaluationDetails[Any] = super().evaluate_flag_details(
                flag_type, flag_key, default_value, evaluation_context, flag_evaluation_options
            )
            return details
        outcome = provider.flags.outcome(flag_key, self._attributes(evaluation_context))
        value, error, message = answer(provider.flags, outcome, default_value, _KINDS[flag_type])
        return FlagEvaluationDetails(
            flag_key,
            value,
            None if error else outcome.variant,
            provider.metadata_of(outcome),
            OpenFeatureReason.ERROR if error else REASONS[outcome.reason],
            error,
            message,
        )

    async def evaluate_flag_details_async(
        self,
        flag_type: FlagType,
        flag_key: str,
        default_value: Any,
        evaluation_context: EvaluationContext | None = None,
        flag_evaluation_options: FlagEvaluationOptions | None = None,
    ) -> FlagEvaluationDetails[Any]:
        if self._short(flag_evaluation_options) is None:
            details: FlagEvaluationDetails[Any] = await super().evaluate_flag_details_async(
                flag_type, flag_key, default_value, evaluation_context, flag_evaluation_options
            )
            return details
        return self.evaluate_flag_details(flag_type, flag_key, default_value, evaluation_context)

    def _short(self, options: FlagEvaluationOptions | None) -> CroupierProvider | None:
        """Our provider, if it may be asked directly."""
        if self.hooks or get_hooks() or (options is not None and options.hooks):
            return None
        provider = provider_registry.get_provider(self.domain)
        if type(provider) is not CroupierProvider:  # one that overrides something is asked as OpenFeature does
            return None
        return provider if provider_registry.get_provider_status(provider) in _ANSWERING else None

    def _attributes(self, given: EvaluationContext | None) -> Mapping[str, Any]:
        """What OpenFeature's four contexts come to."""
        whole, mine = get_evaluation_context(), self.context
        transaction = get_transaction_context()
        for context in (whole, transaction, mine):
            if context.attributes or context.targeting_key is not None:
                merged = whole.merge(transaction).merge(mine)
                return attributes_of(merged if given is None else merged.merge(given))
        return attributes_of(given)
