"""The weights of a canary in Flagger's arithmetic, and which of its three strategies it has. Called by ``canary``."""

from collections.abc import Mapping
from typing import Any, Final

from croupier.adapters.imports.made import Made, Path

AT: Final[Path] = ("spec", "analysis")
_WAYS: Final = ("iterations", "stepWeight", "stepWeights")


def check_weights(analysis: Mapping[str, Any], made: Made) -> None:
    """What Flagger refuses of the strategy, or never gets through with."""
    ways = [name for name in _WAYS if analysis.get(name) is not None]
    if len(ways) != 1:
        many = f"{' and '.join(ways)} stand together" if ways else "there is no strategy"
        made.wrong(AT, f"{many}; there is exactly one of {', '.join(_WAYS)}.", "Flagger refuses it, too.")
        return
    if not analysis[ways[0]]:
        made.wrong((*AT, ways[0]), "with nothing of it the canary never gets on.", "Write for example stepWeight: 5.")
    for name in ("stepWeight", "maxWeight"):
        if (weight := analysis.get(name)) is not None and weight > 100:
            made.wrong((*AT, name), f"a weight of {weight} is not possible.", "Write 1 to 100.")
    before = 0
    for position, weight in enumerate(analysis.get("stepWeights") or ()):
        if not before < weight <= 100:
            hint = f"Write more than {before}, and at most 100."
            made.wrong((*AT, "stepWeights", position), f"{weight} after {before} is not possible.", hint)
        before = max(before, weight)


def weights_of(analysis: Mapping[str, Any]) -> list[int]:
    """The canary's weights one after the other. A step may overshoot maxWeight; nothing goes beyond 100."""
    if analysis.get("stepWeights"):
        return list(analysis["stepWeights"])
    step, most = analysis.get("stepWeight") or 0, analysis.get("maxWeight") or 100
    weights: list[int] = []
    while step and (not weights or weights[-1] < most):
        weights.append(min((weights[-1] if weights else 0) + step, 100))
    return weights


def said_weights(analysis: Mapping[str, Any], weights: list[int], made: Made) -> None:
    """A line for each field that the weights come from."""
    shown = ", ".join(map(str, weights[:12])) + (", …" if len(weights) > 12 else "")
    for name in ("stepWeight", "stepWeights"):
        if analysis.get(name) is not None:
            made.changed((*AT, name), f"setWeight: {shown}, shares of players, who stay where they are")
    most = analysis.get("maxWeight")
    if most is not None and analysis.get("stepWeights"):
        made.kept((*AT, "maxWeight"), "of no effect beside stepWeights, there too")
    elif most is not None and weights and weights[-1] > most:
        made.changed((*AT, "maxWeight"), f"the last weight is {weights[-1]}, as there: a step goes beyond {most}")
    elif most is not None:
        made.kept((*AT, "maxWeight"), f"the last weight is {weights[-1]}" if weights else "of no effect, there too")
    if analysis.get("stepWeightPromotion") is not None:
        words = "the players of the canary stay where they are at the end: no second version takes them over"
        made.changed((*AT, "stepWeightPromotion"), words)
