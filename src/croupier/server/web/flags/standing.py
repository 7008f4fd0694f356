"""Where a flag stands in one environment, as one word. Pure; used by the list, the flag's page and the start page."""

from enum import StrEnum

from croupier.core.flags.model import Flag, Targeting
from croupier.core.flags.state import FlagState
from croupier.core.segments import BUCKETS


class Standing(StrEnum):
    """The word that is shown, the most telling first."""

    KILLED = "killed"
    REVERTED = "reverted"
    OFF = "off"
    PARTLY = "partly"
    ON = "on"


def standing(state: FlagState, environment: str) -> Standing:
    """Killed and reverted are so everywhere; the rest is as the environment has it. ``on``: nobody gets the off
    variant, ``off``: everybody does.
    """
    if state.killed is not None:
        return Standing.KILLED
    if state.reverted_at is not None:
        return Standing.REVERTED
    answers = _answers(state.flag, state.flag.in_environment(environment))
    if state.flag.off not in answers:
        return Standing.ON
    return Standing.PARTLY if len(answers) > 1 else Standing.OFF


def _answers(flag: Flag, there: Targeting) -> set[str]:
    """What the flag may answer. A condition is taken to be true for some and false for others."""
    if not there.enabled:
        return {flag.off}
    found = {flag.off} if flag.prerequisites else set()
    for rule in there.rules:
        if rule.rollout:
            found |= {share.variant for share in rule.serve if share.weight}
        if rule.rollout == BUCKETS and not rule.condition:
            return found
    return found | {there.default}
