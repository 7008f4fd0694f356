"""Unleash's features, as its clients get them or as it exports an environment, with its bucketing.

``userId`` is the targeting key here; other context fields keep their names. What is random in Unleash for players
without an id has no answer here, so such players are outside of the share; the report says so.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from croupier.adapters.imports.conditions import (
    both,
    compared,
    either,
    is_one_of,
    moment,
    negated,
    text_of,
    text_test,
)
from croupier.adapters.imports.report import Imported, Impossible, Report, list_of, object_of
from croupier.core.flags.cel.syntax import Node
from croupier.core.flags.model import OFF, ON, Bucketing, Flag, FlagType, Prerequisite, Rule, Share
from croupier.core.flags.read import read_flag
from croupier.core.segments import BUCKETS
from croupier.errors import Problem, Rejected

_KEPT: Final = "unleash.1 (murmur3), as before"
_TYPES: Final = {
    "experiment": FlagType.EXPERIMENT,
    "kill-switch": FlagType.OPS,
    "operational": FlagType.OPS,
    "permission": FlagType.PERMISSION,
}
_NUMBERS: Final = {"NUM_EQ": "==", "NUM_GT": ">", "NUM_GTE": ">=", "NUM_LT": "<", "NUM_LTE": "<="}
_VERSIONS: Final = {"SEMVER_EQ": "==", "SEMVER_GT": ">", "SEMVER_GTE": ">=", "SEMVER_LT": "<", "SEMVER_LTE": "<="}
_TEXTS: Final = {"STR_CONTAINS": "contains", "STR_STARTS_WITH": "startsWith", "STR_ENDS_WITH": "endsWith"}
_DATES: Final = {"DATE_AFTER": ">", "DATE_BEFORE": "<"}
_WITHOUT_ID: Final = "players without an id, who get it at random in Unleash, are outside of the share"


def import_unleash(data: Any) -> Imported:
    """Our flags for Unleash's features. Raises ``Rejected`` if the document has none."""
    if not isinstance(data, Mapping) or not isinstance(data.get("features"), list):
        problem = Problem("expected a list of features.", ("features",))
        raise Rejected("This is no Unleash document.", problems=(problem,))
    features = {str(each.get("name")): each for each in _joined(data) if isinstance(each, Mapping)}
    listed = data.get("segments")
    given = [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []
    segments = {each["id"]: each for each in given if isinstance(each.get("id"), int | str)}
    report = Report()
    for name in features:
        report.carry(name, _Conversion(name, features, segments).flag, _KEPT)
    return report.done()


def _joined(data: Mapping[str, Any]) -> list[Any]:
    """An export of an environment keeps strategies and switches apart from the features; clients get them together."""
    features: list[Any] = data["features"]
    if "featureStrategies" not in data and "featureEnvironments" not in data:
        return features
    switches = {each.get("featureName"): each for each in data.get("featureEnvironments") or []}
    joined = []
    for feature in features:
        name = feature.get("name")
        switch = switches.get(name, {})
        strategies = [each for each in data.get("featureStrategies") or [] if each.get("featureName") == name]
        strategies.sort(key=lambda each: each.get("sortOrder") or 0)
        dependencies = [each for each in data.get("dependencies") or [] if each.get("feature") == name]
        joined.append(
            {
                **feature,
                "enabled": switch.get("enabled", False),
                "strategies": [each for each in strategies if not each.get("disabled")],
                "variants": switch.get("variants") or feature.get("variants") or [],
                "dependencies": [inner for each in dependencies for inner in each.get("dependencies") or []],
            }
        )
    return joined


class _Conversion:
    """One feature while it is converted."""

    def __init__(self, name: str, features: Mapping[str, Any], segments: Mapping[Any, Any]) -> None:
        self._name, self._features, self._segments = name, features, segments
        self._changes: list[str] = []

    def flag(self, changes: list[str]) -> Flag:
        self._changes = changes
        data = self._features[self._name]
        strategies = [object_of(each, "a strategy") for each in list_of(data.get("strategies"), "strategies")]
        own = list_of(data.get("variants"), "variants")
        values = _values([*own, *(each for strategy in strategies for each in strategy.get("variants") or [])])
        if values and any(not (own or strategy.get("variants")) for strategy in strategies or [{}]):
            values[ON] = _like(values, ON)
        flag = read_flag(
            {
                "feature": self._name,
                "type": _TYPES.get(str(data.get("type")), FlagType.RELEASE),
                "description": str(data.get("description") or ""),
                "enabled": bool(data.get("enabled")),
                "on_expiry": "warn",
                "bucketing": {"algorithm": "unleash.1"},
                **({"variants": values, "safe": OFF} if values else {}),
            }
        )
        # Without any strategy a feature is on for everybody.
        rules = [rule for each in strategies or [{"name": "default"}] for rule in self._strategy(each, own)]
        needs = [self._prerequisite(object_of(each, "a dependency")) for each in data.get("dependencies") or []]
        return replace(flag, rules=tuple(rules), prerequisites=tuple(needs))

    def _prerequisite(self, data: Mapping[str, Any]) -> Prerequisite:
        parent = str(data.get("feature"))
        feature = self._features.get(parent)
        if feature is None:
            raise Impossible(f"it depends on {parent}, which is not in the document")
        if feature.get("dependencies"):
            raise Impossible(f"it depends on {parent}, which depends on others itself")
        if data.get("enabled") is False:
            return Prerequisite(parent, (OFF,))
        own = [str(each["name"]) for each in feature.get("variants") or []]
        for strategy in feature.get("strategies") or []:
            own += [str(each["name"]) for each in strategy.get("variants") or []]
        wanted = [str(name) for name in data.get("variants") or []]
        return Prerequisite(parent, tuple(wanted or [*dict.fromkeys(own), ON]))

    # --- strategies ---------------------------------------------------------------------------------------------------

    def _strategy(self, data: Mapping[str, Any], own: list[Any]) -> Iterable[Rule]:
        parameters = data.get("parameters") or {}
        condition = self._conditions(data)
        name, share, by, group = str(data.get("name")), BUCKETS, "", self._name
        match name:
            case "default":
                pass
            case "userWithId":
                ids = [each.strip() for each in str(parameters.get("userIds") or "").split(",")]
                condition = both(condition, is_one_of(("targetingKey",), [each for each in ids if each]))
            case "flexibleRollout":
                share = _percentage(parameters.get("rollout"))
                by = self._stickiness(parameters.get("stickiness"), share < BUCKETS)
                group = str(parameters.get("groupId", self._name))
            case "gradualRolloutUserId" | "gradualRolloutSessionId":
                share = _percentage(parameters.get("percentage"))
                by = "sessionId" if name == "gradualRolloutSessionId" else ""
                group = str(parameters.get("groupId") or "")
            case "remoteAddress":
                addresses = [each.strip() for each in str(parameters.get("IPs") or "").split(",") if each.strip()]
                if any("/" in each for each in addresses):
                    raise Impossible("it asks for ranges of addresses")
                condition = both(condition, is_one_of(("remoteAddress",), addresses))
            case _:
                raise Impossible(f"it uses the strategy {name}")
        variants = [*(data.get("variants") or [])]
        salt = group if variants else self._name
        yield from self._rules(condition, share, by, group, variants or own, salt)

    def _rules(
        self, condition: Node, share: int, by: str, group: str, variants: list[Any], salt: str
    ) -> Iterable[Rule]:
        """The rule of a strategy; before it, one for each variant that some players get by name."""
        if not variants:
            yield Rule(text_of(condition), share, bucketing=_bucketing(group, salt, by))
            return
        sticky = self._stickiness(variants[0].get("stickiness"), len(variants) > 1)
        if sticky != by and share < BUCKETS and len(variants) > 1:
            raise Impossible("its share goes by another attribute than its variants")
        for variant in variants:
            for override in variant.get("overrides") or []:
                values = [str(value) for value in override.get("values") or []]
                chosen = is_one_of(_path(override.get("contextName")), values)
                serve = (Share(str(variant["name"]), 1),)
                yield Rule(text_of(both(condition, chosen)), share, serve, bucketing=_bucketing(group, salt, by))
        shares = tuple(Share(str(each["name"]), int(each["weight"])) for each in variants)
        if not any(each.weight for each in shares):
            raise Impossible("its variants have no weight")
        parts = shares if len(shares) > 1 else (Share(shares[0].variant, 1),)
        by = sticky if len(shares) > 1 else by
        yield Rule(text_of(condition), share, parts, bucketing=_bucketing(group, salt, by))

    def _stickiness(self, stickiness: Any, matters: bool) -> str:
        if stickiness == "random" and matters:
            raise Impossible("it deals players at random, anew each time")
        if stickiness in (None, "", "default", "userId", "random"):
            if stickiness != "userId" and matters:
                self._changes.append(_WITHOUT_ID)
            return ""
        if "." in str(stickiness):
            raise Impossible(f"it deals players by '{stickiness}', whose name has a dot")
        return str(stickiness)

    # --- constraints --------------------------------------------------------------------------------------------------

    def _conditions(self, data: Mapping[str, Any]) -> Node:
        constraints = [*(data.get("constraints") or [])]
        for segment in data.get("segments") or []:
            if segment not in self._segments:
                raise Impossible(f"there is no segment {segment} in the document")
            constraints += self._segments[segment].get("constraints") or []
        return both(*(_constraint(object_of(each, "a constraint")) for each in constraints))


def _constraint(data: Mapping[str, Any]) -> Node:
    node = _operation(data)
    return negated(node) if data.get("inverted") else node


def _operation(data: Mapping[str, Any]) -> Node:
    operator, path = str(data.get("operator")), _path(data.get("contextName"))
    values = [str(value) for value in data.get("values") or []]
    value = str(data.get("value") if data.get("value") is not None else "")
    folded = bool(data.get("caseInsensitive"))
    if operator in {"IN", "NOT_IN"}:
        node = is_one_of(path, values)
        return negated(node) if operator == "NOT_IN" else node
    if operator in _TEXTS:
        return either(_text(path, operator, each, folded) for each in values)
    if operator in _NUMBERS:
        return compared(path, _NUMBERS[operator], float(value), "double")
    if operator in _VERSIONS:
        return compared(path, _VERSIONS[operator], value, "semver")
    if operator in _DATES:
        if path != ("currentTime",):
            raise Impossible(f"it compares the date {'.'.join(path)}")
        return moment(_DATES[operator], value)
    if operator == "REGEX":
        return text_test(path, "matches", f"(?i){value}" if folded else value)
    raise Impossible(f"it uses the operator {operator}")


def _text(path: tuple[str, ...], operator: str, value: str, folded: bool) -> Node:
    if not folded:
        return text_test(path, _TEXTS[operator], value)
    start, end = "^" if operator == "STR_STARTS_WITH" else "", "$" if operator == "STR_ENDS_WITH" else ""
    return text_test(path, "matches", f"(?i){start}{re.escape(value)}{end}")


def _path(name: Any) -> tuple[str, ...]:
    return ("targetingKey",) if name == "userId" else (str(name),)


def _bucketing(group: str, salt: str, by: str) -> Bucketing:
    return Bucketing("unleash.1", group, salt, by)


def _percentage(given: Any) -> int:
    """Whole per cent, written as text."""
    try:
        percentage = int(str(given))
    except ValueError:
        raise Impossible(f"its percentage is {given!r}") from None
    if not 0 <= percentage <= 100:
        raise Impossible(f"its percentage is {percentage}")
    return percentage * (BUCKETS // 100)


def _values(variants: list[Any]) -> dict[str, Any]:
    """What the variants stand for: their payloads, or their names; all as text where they differ in kind."""
    if not variants:
        return {}
    payloads = {str(each["name"]): each.get("payload") for each in variants}
    values = {name: name if payload is None else _value(payload) for name, payload in payloads.items()}
    if len({type(value) for value in values.values()}) > 1:
        values = {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}
    if OFF in values:
        raise Impossible(f"it has a variant named {OFF}")
    return {OFF: _like(values, ""), **values}


def _value(payload: Mapping[str, Any]) -> Any:
    text = str(payload.get("value"))
    try:
        match payload.get("type"):
            case "json":
                value = json.loads(text)
                return value if isinstance(value, dict | list) else text
            case "number":
                return float(text)
            case _:
                return text
    except ValueError:
        return text


def _like(values: Mapping[str, Any], text: str) -> Any:
    """A value for a variant that Unleash does not have, of the kind of the others."""
    some = next(iter(values.values()))
    return text if isinstance(some, str) else type(some)()
