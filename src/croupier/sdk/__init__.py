"""The SDK: feature flags answered in this process, by ``FlagClient``."""

from croupier.core.flags.outcome import Outcome, Reason
from croupier.errors import Rejected
from croupier.sdk.client import FlagClient
from croupier.sdk.decisions import DecisionLog, JsonLines, ToLogging, ToOpenTelemetry, ToStructlog
from croupier.sdk.details import Details
from croupier.sdk.held import Changed, Connected, Lost
from croupier.sdk.labels import flag_variant
from croupier.sdk.rounds import Rounds
from croupier.sdk.status import Status

__all__ = [
    "Changed",
    "Connected",
    "DecisionLog",
    "Details",
    "FlagClient",
    "JsonLines",
    "Lost",
    "Outcome",
    "Reason",
    "Rejected",
    "Rounds",
    "Status",
    "ToLogging",
    "ToOpenTelemetry",
    "ToStructlog",
    "flag_variant",
]
