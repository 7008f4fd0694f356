"""One false-rollback budget for everything, new beginnings included.

Where a rollout may act on groups, each sequential gate keeps a reserve: for the whole, which begins anew after each
action, and for the watch of each group that was acted upon. A part is spent by tests of its own and by nothing else, so
the parts of all tests that can ever begin add up to the gate's budget, and the probability that any of them ever blames
a canary that is no worse is at most that (Bonferroni over e-processes; a test that begins at a stopping time, on later
samples alone, is an e-process like one that began at the start).
"""

from collections.abc import Iterable

from croupier.core.gates import Gate

OF_THE_WHOLE = 0.25
"""Of a gate's running budget, the part of the whole where there are groups (``sequential.trials``)."""


def actions(gates: Iterable[Gate]) -> int:
    """How many groups may be acted upon in a rollout with these gates."""
    return max((gate.on_group_fail.at_most for gate in gates if gate.on_group_fail is not None), default=0)


def running(gate: Gate, budget: float, restarts: int, *, holds: int = 0) -> float:
    """The part of the gate's ``budget`` that its tests hold at the start, where it may begin anew so many times: after
    ``restarts`` actions on groups, and after ``holds`` of segments, of which each may begin all of it anew.
    """
    # With groups, each action begins the whole anew and a watch; without, the whole is all there is.
    return budget / (1.0 + holds + restarts * (2.0 * OF_THE_WHOLE if gate.by else 1.0))


def of_one_watch(running_budget: float) -> float:
    """The part of one group's watch."""
    return OF_THE_WHOLE * running_budget
