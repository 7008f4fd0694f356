"""What ``flag set`` makes of a declaration. Pure: from the declaration and the wishes to the new declaration.

Only what an option names is changed; the rest of the declaration stays as it is, byte for byte.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from croupier.errors import Rejected


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the options say; ``None`` is "as it is". ``rollout`` is a fraction. ``fields`` are written as they are."""

    enabled: bool | None = None
    default: str | None = None
    rollout: float | None = None
    condition: str | None = None
    rule: str | None = None
    variant: str | None = None
    remove_rule: str | None = None
    environment: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)


def edited(declaration: Mapping[str, Any], wishes: Wishes) -> dict[str, Any]:
    """The declaration with the wishes. Raises ``Rejected`` where it is not clear which rule is meant."""
    data = {**declaration, **wishes.fields}
    if wishes.environment is None:
        return _targeted(data, data, wishes)
    environments = dict(data.get("environments", {}))
    there = environments.get(wishes.environment, {})
    environments[wishes.environment] = _targeted(there, {"rules": data.get("rules", []), **there}, wishes)
    return {**data, "environments": environments}


def _targeted(own: Mapping[str, Any], effective: Mapping[str, Any], wishes: Wishes) -> dict[str, Any]:
    """``own`` with what the wishes say about it; ``effective`` are the rules that are in force there now."""
    data = dict(own)
    if wishes.enabled is not None:
        data["enabled"] = wishes.enabled
    if wishes.default is not None:
        data["default"] = wishes.default
    rules = [dict(rule) for rule in effective.get("rules", [])]
    if wishes.remove_rule is not None:
        del rules[_position(rules, wishes.remove_rule)]
        data["rules"] = rules
    if (wishes.rollout, wishes.condition, wishes.rule, wishes.variant) != (None, None, None, None):
        data["rules"] = _ruled(rules, wishes)
    return data


def _ruled(rules: list[dict[str, Any]], wishes: Wishes) -> list[dict[str, Any]]:
    """The rules with the one changed that is meant, or a new one at the end."""
    position = _meant(rules, wishes)
    if position is None:
        new: dict[str, Any] = {"name": wishes.rule} if wishes.rule else {}
        rules.append(new | ({"if": wishes.condition} if wishes.condition else {}))
        position = len(rules) - 1
    rule = rules[position]
    if wishes.condition is not None and wishes.rule is not None:
        rule["if"] = wishes.condition
    if wishes.rollout is not None:
        rule["rollout"] = wishes.rollout
    if wishes.variant is not None:
        rule.pop("variants", None)
        rule["variant"] = wishes.variant
    return rules


def _meant(rules: list[dict[str, Any]], wishes: Wishes) -> int | None:
    """Which rule is meant: the named or numbered one, the one with the condition, or the only one."""
    if wishes.rule is not None:
        if wishes.rule.isdecimal() or any(rule.get("name") == wishes.rule for rule in rules):
            return _position(rules, wishes.rule)
        return None
    if wishes.condition is not None:
        same = [n for n, rule in enumerate(rules) if rule.get("if", "").strip() == wishes.condition.strip()]
        return same[0] if same else None
    if len(rules) > 1:
        raise Rejected(f"The flag has {len(rules)} rules: which one?", hint=f"Add --rule: {_listed(rules)}.")
    return 0 if rules else None


def _position(rules: list[dict[str, Any]], name: str) -> int:
    for index, rule in enumerate(rules):
        if name in (rule.get("name"), str(index + 1)):
            return index
    raise Rejected(f"There is no rule '{name}'.", hint=f"Rules: {_listed(rules)}." if rules else "It has no rules.")


def _listed(rules: list[dict[str, Any]]) -> str:
    return ", ".join(str(rule.get("name") or index) for index, rule in enumerate(rules, 1))


def read_share(text: str) -> float:
    """``25%`` or ``0.25`` as a fraction. Raises ``Rejected``."""
    number, percent = (text.removesuffix("%").strip(), True) if text.endswith("%") else (text, False)
    try:
        share = float(number)
    except ValueError:
        raise Rejected(f"'{text}' is no share.", hint="Write 25% or 0.25.") from None
    share = round(share / 100, 10) if percent else share
    if not 0 <= share <= 1:
        hint = f"{text} of what? Write {text}% for percent." if not percent else "It is from 0% to 100%."
        raise Rejected(f"'{text}' is no share of the players.", hint=hint)
    return share
