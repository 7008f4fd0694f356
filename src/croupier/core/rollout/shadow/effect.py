"""What the steps of a plan copy: a pure function of the steps and of where the rollout is, so nothing has to be kept.

``setMirrorRoute`` holds until a later step of that name; ``shadow`` only while it lasts, and comes first then.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from croupier.core.rollout.shadow.mirror import Mirror

if TYPE_CHECKING:  # it holds the types of this folder
    from croupier.core.rollout.spec import Step

OWN: Final = "shadow"
"""The name of what a ``shadow`` step copies."""


def mirrors(steps: "Sequence[Step]", step: int) -> tuple[Mirror, ...]:
    """What is copied in the step at that index; nothing before the first and after the last."""
    if not 0 <= step < len(steps):
        return ()
    held: dict[str, Mirror] = {}
    for each in steps[: step + 1]:
        if each.kind == "setMirrorRoute":
            held.pop(each.name, None)
            if each.share_bp:
                held[each.name] = Mirror(each.name, each.share_bp, each.allowed)
    now = steps[step]
    if now.kind != "shadow":
        return tuple(held.values())
    sample = now.compare.sample_bp if now.compare else 0
    return (Mirror(OWN, now.share_bp, now.allowed, now.withheld, sample), *held.values())
