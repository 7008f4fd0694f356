"""How a flag deals players to variants, in one environment: by which rule, in which shares. Called at the start of an
experiment, which freezes the answer, and by every look, which compares.

Only what one rule deals by chance is compared: whom different rules take are different players, whatever they do.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from croupier.core.flags.model import Flag, Rule
from croupier.core.segments import BUCKETS
from croupier.errors import Rejected


@dataclass(frozen=True, slots=True)
class Arm:
    """A variant and the share (0 to 1) of the rule's players that it gets."""

    variant: str
    share: float


@dataclass(frozen=True, slots=True)
class Dealt:
    """``rule`` is the rule's name as outcomes carry it, ``by`` the attribute that players are known by (``""``:
    ``targetingKey``, else ``user``). The shares add up to 1.
    """

    rule: str
    by: str
    arms: tuple[Arm, ...]


def dealt(flag: Flag, environment: str, rule: str = "") -> Dealt:
    """What the rule of that name deals; without one, the only rule that deals by chance. Raises ``Rejected`` where
    nothing is dealt, or more than one rule does and none is named.
    """
    there = flag.in_environment(environment)
    dealing = {_name(item, number): number for number, item in enumerate(there.rules, 1) if _deals(item)}
    where = f"{flag.key} in {environment}"
    if not there.enabled:
        raise Rejected(f"{where} is not enabled, so everybody gets the same.", hint="Enable it first.")
    if not dealing:
        raise Rejected(
            f"{where} deals nothing by chance: no rule has several variants or a rollout.",
            hint="Give a rule `variants:` with weights, or a `rollout:`.",
        )
    if rule and rule not in dealing:
        raise Rejected(f"{where} has no rule '{rule}' that deals by chance.", hint=f"It has {_listed(dealing)}.")
    if not rule and len(dealing) > 1:
        raise Rejected(
            f"{where} deals by {len(dealing)} rules: {_listed(dealing)}. Their players cannot be put together.",
            hint="Name the one to be measured: rule.",
        )
    chosen = rule or next(iter(dealing))
    number = dealing[chosen]
    arms = _arms(there.rules[number - 1], there.default, last=number == len(there.rules))
    if len(arms) < 2:
        raise Rejected(f"{chosen} of {where} gives everybody '{arms[0].variant}'.", hint="Give it two variants.")
    bucketing = there.rules[number - 1].bucketing or flag.bucketing
    return Dealt(chosen, bucketing.by, arms)


def _deals(rule: Rule) -> bool:
    return rule.rollout < BUCKETS or len(rule.serve) > 1


def _name(rule: Rule, number: int) -> str:
    return rule.name or f"rule {number}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _arms(rule: Rule, default: str, *, last: bool) -> tuple[Arm, ...]:
    """Whom the share leaves out gets the default; where rules follow, one of them may take such a player, who then is
    not this rule's.
    """
    inside = rule.rollout / BUCKETS
    whole = sum(share.weight for share in rule.serve)
    shares = {share.variant: 0.0 for share in rule.serve}
    for share in rule.serve:
        shares[share.variant] += inside * share.weight / whole
    if last and rule.rollout < BUCKETS:
        shares[default] = shares.get(default, 0.0) + 1.0 - inside
    total = sum(shares.values())
    return tuple(Arm(variant, part / total) for variant, part in shares.items() if part > 0.0)
