"""The SDK: feature flags answered in this process, by ``FlagClient``."""

from croupier.core.flags.outcome import Outcome, Reason
from croupier.sdk.client import FlagClient
from croupier.sdk.decisions import DecisionLog, JsonLines, ToLogging, ToStructlog
from croupier.sdk.details import Details
from croupier.sdk.held import Changed, Connected, Lost
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
    "Status",
    "ToLogging",
    "ToStructlog",
]
