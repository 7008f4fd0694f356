"""What is assumed of the traffic that a gate will see. Made by whoever asks for a forecast, from counts or by hand."""

from dataclasses import dataclass

from croupier.core.gates.sequential.dispersion import UNMEASURED


@dataclass(frozen=True, slots=True)
class Flow:
    """``per_s`` events a second of both versions together, and the shares of them that are bad (0 to 1). ``clumps``: so
    many failures come of one fault, where the gate measures that.
    """

    per_s: float
    baseline: float
    canary: float
    clumps: float = UNMEASURED


@dataclass(frozen=True, slots=True)
class Stretch:
    """``seconds`` during which the canary has the share ``weight`` (0 to 1). ``fresh``: the weight has just changed."""

    weight: float
    seconds: float
    fresh: bool = True
