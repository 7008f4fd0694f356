"""What ``croupier rollout plan`` says of a plan's profile, whose approval it needs, and how fast it may move players.

Part of ``plan_shown``.
"""

from collections.abc import Iterator
from typing import Any

from croupier.cli.output import plain
from croupier.core.rollout.consent import in_words
from croupier.core.rollout.explain import duration
from croupier.core.rollout.exposure import percent
from croupier.core.rollout.spec import Plan


def bounds(plan: Plan) -> Iterator[str]:
    """A line for each, with markup; none for a plan without any."""
    if plan.hotfix:
        yield "[yellow]Hotfix:[/] the lane for hotfixes instead of its steps, through the same guards."
    if plan.profile is not None:
        yield f"[dim]Profile {plain(plan.profile.name)} ({plain(plan.profile.digest[:19])}…).[/]"
    if plan.disruption is not None:
        budget = plan.disruption
        yield (
            f"[dim]Players are moved at most every {duration(budget.between_s)}, at most {percent(budget.jump_bp)} of "
            "them at once; going back is never slowed down.[/]"
        )
    for each in plan.loosened:
        yield f"[yellow]![/] Less careful than its profile: {plain(each)}."
    if plan.consent is not None:
        yield f"[yellow]![/] It waits for an approval by {in_words(plan.consent)} other than who starts it."


def bounds_object(plan: Plan) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "hotfix": plan.hotfix,
        "profile": plan.profile and {"name": plan.profile.name, "digest": plan.profile.digest},
        "disruption": plan.disruption
        and {"betweenS": plan.disruption.between_s, "jump": plan.disruption.jump_bp / 100},
        "loosened": list(plan.loosened),
        "approval": plan.consent and {"people": plan.consent.people, "of": list(plan.consent.of)},
    }
