"""Flag steps that make no sense: who would get the flag without the code that it turns on. Called by ``check``."""

import math
from collections.abc import Iterator

from croupier.core.rollout.check_pace import percentage
from croupier.core.rollout.spec import SetFlag
from croupier.core.segments import BUCKETS
from croupier.errors import Problem


def wrong_flag(step: SetFlag, weight_bp: int, at: tuple[str | int, ...]) -> Iterator[Problem]:
    """What is wrong with a step that comes while everybody has ``weight_bp`` of the release."""
    if not 0 <= step.share_bp <= BUCKETS:
        yield Problem(
            f"a share of {percentage(step.share_bp)} is not possible.",
            (*at, "to", "percent"),
            "Write a percentage from 0 to 100.",
        )
    elif step.share_bp > weight_bp:
        yield Problem(
            f"the flag would reach {percentage(step.share_bp)} % of the players here, and {percentage(weight_bp)} % "
            "have the release that it is for.",
            (*at, "to"),
            f"Write to: {{percent: {percentage(weight_bp)}}}, or put the step after setWeight: 100."
            if weight_bp
            else "Put it after a setWeight.",
        )
    if not (math.isfinite(step.wait_s) and 0 <= step.wait_s <= 3_600):
        yield Problem(
            f"waiting {step.wait_s:g} seconds for clients is not possible.",
            (*at, "wait"),
            "Write 0s to 1h.",
        )
