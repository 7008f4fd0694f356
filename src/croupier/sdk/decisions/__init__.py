"""The decision log: which player was given what, by which rule of which version, in which trace.

Telemetry, not record: it is rate limited per flag, and says exactly how much it left out.
"""

from croupier.sdk.decisions.decision import Decision, Entry, LeftOut, Tracked, Writer
from croupier.sdk.decisions.json_lines import JsonLines
from croupier.sdk.decisions.log import DecisionLog
from croupier.sdk.decisions.loggers import ToLogging, ToStructlog
from croupier.sdk.decisions.trace import ToOpenTelemetry

__all__ = [
    "Decision",
    "DecisionLog",
    "Entry",
    "JsonLines",
    "LeftOut",
    "ToLogging",
    "ToOpenTelemetry",
    "ToStructlog",
    "Tracked",
    "Writer",
]
