"""Do the bounds of ``auto``, and of waiting for gates that cannot decide, make sense? Called by ``check``.

Bounds of single numbers are those of the files; here is what does not go together.
"""

import math
from collections.abc import Iterator
from itertools import pairwise

from croupier.core.rollout.spec import Auto, Resort, Undecided
from croupier.core.segments import BUCKETS
from croupier.errors import Problem


def wrong_auto(auto: Auto, reached_bp: int, at: tuple[str | int, ...]) -> Iterator[Problem]:
    """What is wrong with ``auto``, which begins at the weight ``reached_bp``."""
    if not auto.weights_bp:
        yield Problem("there is no weight to choose from.", (*at, "weights"), "Write for example [1, 5, 10, 25, 50].")
    for position, (below, weight) in enumerate(pairwise((0, *auto.weights_bp))):
        if not below < weight < BUCKETS:
            yield Problem(
                f"{percentage(weight)} is not above {percentage(below)} and below 100.",
                (*at, "weights", position),
                "Write rising percentages, for example [1, 5, 10, 25, 50].",
            )
    for field, chosen in (("first", auto.first_bp), ("last", auto.last_bp)):
        if chosen is not None and not 0 < chosen < BUCKETS:
            yield Problem(
                f"a weight of {percentage(chosen)} leaves one version without players, and nothing to compare.",
                (*at, field),
                "Write a percentage above 0 and below 100; everybody follows after the watch.",
            )
    if auto.first_bp is not None and auto.last_bp is not None and auto.first_bp > auto.last_bp:
        yield Problem(
            f"the first weight {percentage(auto.first_bp)} is above the last, {percentage(auto.last_bp)}.",
            (*at, "first"),
            "Write a smaller one.",
        )
    if reached_bp == BUCKETS:
        yield Problem("everybody has the canary before 'auto' begins.", at, "Put it before setWeight: 100.")
    if not (math.isfinite(auto.watch_s) and auto.watch_s >= 0):
        yield Problem(f"a watch of {auto.watch_s:g} seconds is not possible.", (*at, "watch"), "Write for example 20m.")


def wrong_wait(wait: Undecided | None, at: tuple[str | int, ...]) -> Iterator[Problem]:
    """What is wrong with waiting so long for a gate."""
    if wait is not None and not (math.isfinite(wait.after_s) and wait.after_s >= 0):
        yield Problem(f"{wait.after_s:g} seconds are not possible.", (*at, "after"), "Write for example 30m.")
    elif wait is not None and wait.then is Resort.ABORT and wait.after_s == 0:
        yield Problem(
            "every release would go back at the first look: no gate can decide that soon.",
            (*at, "after"),
            "Write for example 30m.",
        )


def percentage(weight_bp: int) -> str:
    """A weight as it is written in the files: 25 -> ``0.25``, 500 -> ``5``."""
    return f"{weight_bp / 100:g}"
