"""What an experiment asks, as people declare it, and what of that is frozen when it starts.

Declared as ``Experiment`` documents. Nothing that a result depends on may be chosen after players were seen: so a run
carries its own ``Plan``, and a changed declaration counts from the next start on.
"""

from dataclasses import dataclass, field
from typing import Final

from croupier.core.experiments.arms import Arm, Dealt
from croupier.core.experiments.tally import Tally
from croupier.errors import Problem

DAY_S: Final = 86_400.0
LONGEST_S: Final = 90 * DAY_S
"""No experiment takes players in for longer."""
MOST_EVENTS: Final = 20


@dataclass(frozen=True, slots=True)
class Guard:
    """An event that must not get worse: by default there must not be more of it. Told, never a verdict of its own."""

    event: str
    fewer_is_worse: bool = False


@dataclass(frozen=True, slots=True)
class Experiment:
    """Does another variant of ``flag`` make more players do ``goal`` than ``control`` does?

    ``treatments`` are compared with ``control``; none named means all others of the flag's rule. ``rule`` names the
    rule that deals, where the flag has several. ``within_s`` is how long after the exposure an event still counts
    (``None``: to the end). A relative difference up to ``minimum_effect`` (0.1 is 10 %) does not matter to anybody.
    ``error`` is the probability of ever naming a difference that there is not. ``lasts_s`` ends the taking in of
    players.
    """

    name: str
    flag: str
    control: str
    goal: str
    treatments: tuple[str, ...] = ()
    environment: str = "production"
    rule: str = ""
    within_s: float | None = None
    fewer_is_better: bool = False
    guards: tuple[Guard, ...] = ()
    minimum_effect: float = 0.10
    error: float = 0.05
    lasts_s: float = 28 * DAY_S
    owner: str = ""
    description: str = ""

    @property
    def events(self) -> tuple[str, ...]:
        """What the application is to report: the goal first."""
        return (self.goal, *(guard.event for guard in self.guards))


@dataclass(frozen=True, slots=True)
class Plan:
    """An experiment as it runs: what was declared, with the shares by which the flag's rule dealt at the start."""

    experiment: Experiment
    dealt: Dealt

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Control first, then the treatments, with their shares of the players of these arms; they add up to 1."""
        asked = self.experiment.treatments
        control = self.experiment.control
        others = [arm for arm in self.dealt.arms if arm.variant != control and (not asked or arm.variant in asked)]
        found = [*(arm for arm in self.dealt.arms if arm.variant == control), *others]
        whole = sum(arm.share for arm in found)
        return tuple(Arm(arm.variant, arm.share / whole) for arm in found)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of an experiment: from its start to its stop (epoch seconds), and what was counted. ``id`` is random and
    salts the players' hashes, so that nobody can be followed from one run into another. ``withheld`` is why there was
    no answer when it stopped, which later looks cannot see any more.
    """

    id: str
    plan: Plan
    started_at: float
    started_by: str
    tally: Tally = field(default_factory=Tally)
    stopped_at: float | None = None
    stopped_by: str = ""
    withheld: str = ""

    @property
    def ends_at(self) -> float:
        """From then on nobody new is taken in."""
        return self.started_at + self.plan.experiment.lasts_s


def check(experiment: Experiment) -> tuple[Problem, ...]:
    """What is wrong with the declaration by itself; the paths are those of its file."""
    found: list[Problem] = []
    if experiment.control in experiment.treatments:
        place = ("spec", "treatments", experiment.treatments.index(experiment.control))
        found.append(Problem(f"'{experiment.control}' is the control.", place, "Name the others only."))
    for index, name in enumerate(experiment.treatments):
        if name in experiment.treatments[:index]:
            found.append(Problem(f"'{name}' is named twice.", ("spec", "treatments", index), "Remove one."))
    for index, event in enumerate(experiment.events[1:]):
        if event in experiment.events[: index + 1]:
            found.append(Problem(f"'{event}' is named already.", ("spec", "guards", index), "Remove one."))
    if len(experiment.events) > MOST_EVENTS:
        found.append(Problem(f"at most {MOST_EVENTS - 1} guards are watched.", ("spec", "guards"), "Keep the worst."))
    if not 0.0 < experiment.lasts_s <= LONGEST_S:
        days = LONGEST_S / DAY_S
        found.append(Problem(f"it lasts up to {days:g} days, and not 0.", ("spec", "lasts"), "Write for example 28d."))
    if experiment.within_s is not None and not 0.0 < experiment.within_s <= LONGEST_S:
        found.append(Problem("nothing happens within that time.", ("spec", "within"), "Write for example 7d."))
    if not 0.005 <= experiment.minimum_effect <= 10.0:
        text = "a smallest effect is between 0.5 % and 1000 % of what the control does."
        found.append(Problem(text, ("spec", "minimumEffect"), "Write for example 10%."))
    if not 1e-6 <= experiment.error <= 0.5:
        found.append(Problem("no error level is that.", ("spec", "error"), "Write for example 5%."))
    return tuple(found)


def check_plan(plan: Plan) -> tuple[Problem, ...]:
    """What is wrong with the declaration together with its flag; the paths are those of its file."""
    asked, there = plan.experiment, [arm.variant for arm in plan.dealt.arms]
    hint = f"'{plan.dealt.rule}' of {asked.flag} deals {', '.join(there)}."
    found: list[Problem] = []
    if asked.control not in there:
        found.append(Problem(f"nobody gets the control '{asked.control}'.", ("spec", "control"), hint))
    for index, name in enumerate(asked.treatments):
        if name not in there:
            found.append(Problem(f"nobody gets '{name}'.", ("spec", "treatments", index), hint))
    return tuple(found)
