"""A result in sentences: for the terminal, the API and the page. Decisions are read here, so nothing is left out."""

import math

from croupier.core.experiments.model import DAY_S, Plan
from croupier.core.experiments.result import Compared, Result, Verdict


def headline(plan: Plan, result: Result) -> str:
    """The whole answer in one sentence."""
    if result.withheld:
        return f"No result: {result.withheld}"
    if not result.players:
        return f"Nobody was counted yet. {plan.experiment.flag} has to be asked by an application with a player id."
    decided = [item for item in result.compared if item.verdict is not Verdict.OPEN]
    if not decided:
        left = min((item.left_s for item in result.compared if item.left_s is not None), default=None)
        return f"Not yet: nothing is certain so far. {_left(plan, left)}"
    text = " ".join(sentence(plan, item) for item in decided)
    rest = [item.treatment for item in result.compared if item.verdict is Verdict.OPEN]
    return f"{text} Open: {', '.join(rest)}." if rest else text


def sentence(plan: Plan, item: Compared) -> str:
    """What is known of one treatment by one event."""
    control, bounds = plan.experiment.control, _between(item)
    match item.verdict:
        case Verdict.BETTER | Verdict.WORSE:
            small = _small(plan, item)
            return f"{item.treatment} is {item.verdict.value} than {control}: {item.event} by {bounds}{small}."
        case Verdict.SAME:
            minimum = percent(plan.experiment.minimum_effect)
            return f"{item.treatment} and {control} differ by less than {minimum}: {item.event} by {bounds}."
        case Verdict.OPEN:
            return f"{item.treatment} against {control} is open: {item.event} by {bounds}."
        case _:
            return f"{item.treatment} against {control}: withheld."


def odds(log_e: float) -> str:
    """An e-value for people: ``2,400 to 1``; what is beyond a million says no more than a million does."""
    if log_e >= math.log(1e6):
        return "over 1,000,000 to 1"
    return f"{math.exp(max(log_e, 0.0)):,.0f} to 1"


def percent(value: float, *, signed: bool = False) -> str:
    """A share as a percentage of three digits."""
    return f"{100 * value:{'+' if signed else ''}.3g} %"


def duration(seconds: float) -> str:
    """Roughly how long, for people."""
    for unit, size in (("day", DAY_S), ("hour", 3600.0), ("minute", 60.0)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.0f} {unit}s"
    return "a minute"


def _between(item: Compared) -> str:
    if item.high is None:
        return "any amount"
    return f"{percent(item.low, signed=True)} to {percent(item.high, signed=True)}"


def _small(plan: Plan, item: Compared) -> str:
    """A certain difference may still be too small to matter."""
    minimum = plan.experiment.minimum_effect
    if item.high is not None and item.high < minimum and item.low > 1.0 / (1.0 + minimum) - 1.0:
        return f", which is less than the {percent(minimum)} that matter"
    return ""


def _left(plan: Plan, left_s: float | None) -> str:
    minimum = percent(plan.experiment.minimum_effect)
    if left_s is None:
        return f"Nobody did {plan.experiment.goal} yet, so nothing tells how long it takes."
    if left_s <= 0:
        return f"A difference of {minimum} would have been found: if there is one, it is smaller."
    return f"At this traffic a difference of {minimum} is found in about {duration(left_s)}."
