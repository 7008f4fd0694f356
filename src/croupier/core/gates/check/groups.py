"""Can what is asked about failing groups be done? Called by ``check_gate``."""

import math
from collections.abc import Iterator

from croupier.core.gates import ClassicRule, Gate, SequentialRule
from croupier.core.gates.group_actions import KillFlag, OnGroupFail
from croupier.errors import Problem


def wrong_groups(gate: Gate) -> Iterator[Problem]:
    on_fail = gate.on_group_fail
    if on_fail is None:
        return
    at = ("spec", "onGroupFail")
    if not gate.by:
        yield Problem("the gate has no groups that could fail alone.", at, "Write for example by: [psp].")
    if gate.advisory:
        yield Problem("an advisory gate stops nothing, so it acts on nothing either.", at, "Remove one of the two.")
    if not isinstance(gate.rule, ClassicRule | SequentialRule):
        yield Problem("only a rule and sequential decide by group.", at, "Write sequential: {} instead.")
    if gate.objective is None and gate.comparison is None:
        yield Problem(
            "nobody could tell whether an action helped: a hard stop asks nothing of a group that was acted upon.",
            at,
            "Add an objective or a comparison.",
        )
    if not on_fail.actions:
        yield Problem("there is no action.", (*at, "actions"), "Write for example: [{kill: psp_{psp}}].")
    yield from _wrong_labels(gate, on_fail)
    if on_fail.at_most < 1:
        yield Problem(f"{on_fail.at_most} groups are none.", (*at, "atMost"), "Write 1 or more.")
    if not (math.isfinite(on_fail.watch_s) and on_fail.watch_s > 0):
        yield Problem(f"{on_fail.watch_s:g} seconds is not possible.", (*at, "watch"), "Write for example 2m.")


def _wrong_labels(gate: Gate, on_fail: OnGroupFail) -> Iterator[Problem]:
    for index, action in enumerate(on_fail.actions):
        at = ("spec", "onGroupFail", "actions", index, action.kind)
        for label in action.labels:
            if label not in gate.by:
                known = ", ".join(gate.by) or "none"
                problem = f"the gate does not split by '{label}' (by: {known}), so a group has no such value."
                yield Problem(problem, at, f"Add it to 'by', or name another label: {known}.")
        if isinstance(action, KillFlag) and len(action.labels) * 2 != action.flag.count("{") + action.flag.count("}"):
            repeated = "Write each label once, in braces: psp_{psp}."
            yield Problem(f"'{action.flag}' is no name of a flag with labels in it.", at, repeated)
