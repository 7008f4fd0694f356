"""Whether an experiment and its flag fit each other: told where either is declared, refused at the start.

``misnamed`` and ``undealt`` look at a declared experiment; ``disturbed`` looks at a flag that is changed while it is
measured, which is allowed: a safer split must always be possible.
"""

from collections.abc import Iterator
from difflib import get_close_matches

from croupier.core.experiments.arms import Dealt, dealt
from croupier.core.experiments.model import Experiment, Plan, check_plan
from croupier.core.flags.model import Flag
from croupier.core.flags.state import FlagState
from croupier.errors import Problem, Rejected


def misnamed(experiment: Experiment, flag: Flag) -> tuple[Problem, ...]:
    """Control and treatments that are no variants of the flag; the paths are those of the experiment's file."""
    named: list[tuple[str, tuple[str | int, ...]]] = [(experiment.control, ("spec", "control"))]
    named += [(name, ("spec", "treatments", index)) for index, name in enumerate(experiment.treatments)]
    hint = f"Its variants are {', '.join(flag.variants)}."
    return tuple(
        Problem(f"flag '{flag.key}' has no variant '{name}'{_meant(name, flag)}", path, hint)
        for name, path in named
        if name not in flag.variants
    )


def undealt(experiment: Experiment, flag: Flag) -> tuple[Problem, ...]:
    """Why the experiment could not start on the flag as it is; the paths are those of the experiment's file."""
    try:
        plan = Plan(experiment, dealt(flag, experiment.environment, experiment.rule))
    except Rejected as refused:
        return (Problem(refused.message, ("spec", "rule" if experiment.rule else "flag"), refused.hint),)
    return check_plan(plan)


def disturbed(before: FlagState, after: Flag) -> Iterator[Problem]:
    """What changing the flag does to the experiments that run on it; the paths are those of the flag's declaration.

    A change of whom the rule asks for is none: players are dealt in the same shares.
    """
    for run in before.measured:
        override = after.environments.get(run.environment)
        where = ("rules",) if override is None or override.rules is None else ("environments", run.environment, "rules")
        named = f"experiment '{run.experiment}' measures '{run.rule}' in {run.environment}"
        kept = f"Keep variants, weights and rollout of '{run.rule}' as then"
        hint = f"{kept}, or stop it: croupier experiment stop {run.experiment}"
        now = _deals(after, run.environment, run.rule)
        if now == _deals(before.flag, run.environment, run.rule):
            continue
        if now is None:
            yield Problem(f"{named}, which deals nobody there any more: nobody new is counted.", where, hint)
        else:
            text = f"{named}, which deals otherwise by this: while that is not as at the experiment's start,"
            yield Problem(f"{text} its result is withheld and nobody new is counted.", where, hint)


def _deals(flag: Flag, environment: str, rule: str) -> Dealt | None:
    try:
        return dealt(flag, environment, rule)
    except Rejected:
        return None


def _meant(name: str, flag: Flag) -> str:
    near = get_close_matches(name, flag.variants, 1)
    return f"; did you mean '{near[0]}'?" if near else "."
