"""What gates say: names of groups and counts as people read them. Called by the rules."""

from croupier.core.gates.model import Gate
from croupier.core.gates.sli import Counts, EventsSli, Group, LatencySli


def name(group: Group) -> str:
    """``psp=kestrel market=DE``."""
    return " ".join(f"{label}={value}" for label, value in group)


def describe(gate: Gate, group: Group, canary: Counts, baseline: Counts | None) -> str:
    """One group's counts next to what is asked of them."""
    where = f"{name(group)}: " if group else ""
    if isinstance(gate.sli, EventsSli):
        return f"{where}{canary.total} event{'' if canary.total == 1 else 's'} that must not happen"
    own = gate.canary_sli
    if own != gate.sli and isinstance(own, LatencySli) and isinstance(gate.sli, LatencySli):
        text = f"{where}{_share(canary)} within {own.threshold_s:g} s"
        if baseline is not None and baseline.total:
            text += f", baseline {_share(baseline)} within {gate.sli.threshold_s:g} s"
        return text
    text = f"{where}{_share(canary)} good"
    if gate.objective is not None:
        text += f" (objective {100 * gate.objective.at_least:.4g} %)"
    if baseline is not None and baseline.total:
        text += f", {_whose(gate)} {_share(baseline)}"
    return text


def _whose(gate: Gate) -> str:
    """The counts that the canary's are compared with, with a warning where they are of another day."""
    against = gate.comparison.against if gate.comparison is not None else "baseline"
    if against == "baseline":
        return against
    return f"{against.replace('-', ' ')} at this hour (weaker evidence: another day, other players)"


def times(speed: float) -> str:
    """``12 times as fast as it may``."""
    return f"{speed:.3g} times as fast as it may"


def _share(counts: Counts) -> str:
    return f"{100 * (1 - counts.bad_share):.2f} % of {counts.total}"
