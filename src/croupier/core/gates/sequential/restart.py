"""Evidence after a group was set aside: what was held against it must not be held against the others.

Called by ``core.rollout.groups``. The whole begins anew, since it had counted the group; so do the tests of the groups
that were set aside, which hear nothing any more and keep their part, so that nobody gets it a second time. All other
groups go on where they were. ``core.rollout.groups.budget`` reserves what the new beginnings may cost.
"""

from collections.abc import Callable
from dataclasses import replace

from croupier.core.gates.sequential.capital import Capital, stake
from croupier.core.gates.sequential.counterpart import UNHEARD
from croupier.core.gates.sequential.evidence import Evidence, Trial
from croupier.core.gates.sequential.samples import NONE
from croupier.core.gates.sli import Group


def restarted(evidence: Evidence, aside: Callable[[Group], bool]) -> Evidence:
    """The evidence without what was gathered on the whole and on the groups that are ``aside``."""
    whole, *others = evidence.trials
    trials = (_afresh(whole), *(_afresh(trial) if aside(trial.group) else trial for trial in others))
    fresh = replace(evidence, trials=trials, incident=_stake(evidence.incident), suspects=())
    return replace(fresh, seconds=0.0, samples=0, quiet=0, missed=0.0)


def _afresh(trial: Trial) -> Trial:
    relative = stake(len(trial.relative.bets))
    return replace(
        trial,
        relative=relative,
        absolute=_stake(trial.absolute),
        canary=NONE,
        baseline=NONE,
        counterpart=UNHEARD,
        waiting=None,
    )


def _stake(capital: Capital | None) -> Capital | None:
    return stake(len(capital.bets)) if capital is not None else None
