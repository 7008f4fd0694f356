"""Plenty was counted and nothing of it is good: the one case in which a value that never came is a mistake. Pure.

Asked by the sources that keep counts themselves, each in its own words.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from croupier.adapters.metrics.embedded.tally import matches
from croupier.core.gates import RatioSli

PLENTY: Final = 100
"""So many events without a good one are no chance. Few enough to be there soon, more than a start or a test makes."""


def never_good(
    sli: RatioSli,
    who: str,
    counted: Sequence[tuple[Mapping[str, str], float]],
    other: Callable[[str, Sequence[str], set[str]], str],
) -> str | None:
    """Why the gate would call nothing good of what ``who`` counted; ``None`` when it would, or there is too little to
    say. ``other`` words a label that has none of the accepted values, with those that it has.
    """
    of_total = [(labels, value) for labels, value in counted if matches(labels, sli.total)]
    events = sum(value for _, value in of_total)
    if events < PLENTY or any(matches(labels, sli.good) for labels, _ in of_total):
        return None
    none = f"none of the {events:.0f} events that {who} counted is good"
    for name, accepted in sli.good:
        there = {labels.get(name, "") for labels, _ in of_total}
        if not there.intersection(accepted):
            return f"{none}: {other(name, accepted, there)}"
    names = ", ".join(sorted(name for name, _ in sli.good))
    return f"{none}: nothing has all of {names} as the gate wants them"
