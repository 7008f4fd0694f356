"""LaunchDarkly's flags, as its SDKs get them (``{"flags": {…}, "segments": {…}}``), with its bucketing.

A context is one player: its key is the targeting key here. Flags for other kinds of contexts are left out.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from croupier.adapters.imports.conditions import (
    FALSE,
    TRUE,
    both,
    bounded,
    compared,
    either,
    is_one_of,
    negated,
    present,
    text_of,
    text_test,
)
from croupier.adapters.imports.report import Imported, Impossible, Report, list_of, object_of
from croupier.core.flags.cel.syntax import Node
from croupier.core.flags.model import Bucketing, Flag, Prerequisite, Rule, Share
from croupier.core.flags.read import read_flag
from croupier.errors import Problem, Rejected

_KEPT: Final = "launchdarkly.1 (SHA-1), as before"
_NUMBERS: Final = {"lessThan": "<", "lessThanOrEqual": "<=", "greaterThan": ">", "greaterThanOrEqual": ">="}
_VERSIONS: Final = {"semVerEqual": "==", "semVerLessThan": "<", "semVerGreaterThan": ">"}
_TEXTS: Final = {"startsWith": "startsWith", "endsWith": "endsWith", "contains": "contains", "matches": "matches"}
_PLAYER: Final = ("targetingKey",)
_DEEPEST: Final = 20


def import_launchdarkly(data: Any) -> Imported:
    """Our flags for a LaunchDarkly document. Raises ``Rejected`` if it is none."""
    if not isinstance(data, Mapping) or not isinstance(data.get("flags"), Mapping):
        raise Rejected("This is no LaunchDarkly document.", problems=(Problem("expected flags by key.", ("flags",)),))
    segments = data.get("segments") or {}
    report = Report()
    for key in data["flags"]:
        report.carry(str(key), _Conversion(str(key), data["flags"], segments).flag, _KEPT)
    return report.done()


class _Conversion:
    """One flag while it is converted."""

    def __init__(self, key: str, flags: Mapping[str, Any], segments: Any) -> None:
        self._key, self._flags, self._segments = key, flags, segments
        self._known: dict[str, Node] = {}
        self._data = flags[key]

    def flag(self, changes: list[str]) -> Flag:
        data = object_of(self._data, "the flag")
        if data.get("deleted"):
            raise Impossible("it is deleted")
        variations = list_of(data.get("variations"), "variations")
        self._names = _names(variations)
        if data.get("offVariation") is None:
            raise Impossible("it has no off variation: the code's default answers while it is off")
        rules = self._targets(data)
        for each in list_of(data.get("rules"), "rules"):
            rules += self._rule(each)
        rules += self._served(object_of(data.get("fallthrough"), "fallthrough"), TRUE, "fallthrough")
        off = self._name(data["offVariation"])
        source = {
            "feature": self._key,
            "description": str(data.get("description") or ""),
            "tags": [str(tag) for tag in list_of(data.get("tags"), "tags") if tag],
            "variants": dict(zip(self._names, variations, strict=True)),
            "off": off,
            "enabled": bool(data.get("on")),
            "bucketing": {"algorithm": "launchdarkly.1", "salt": f"{self._key}.{data.get('salt', '')}"},
        }
        flag = read_flag(source)
        needs = tuple(self._prerequisite(each, changes) for each in list_of(data.get("prerequisites"), "prerequisites"))
        return replace(flag, rules=tuple(rules), prerequisites=needs)

    def _name(self, index: Any) -> str:
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(self._names):
            raise Impossible(f"there is no variation {index}")
        return self._names[index]

    def _prerequisite(self, data: Any, changes: list[str]) -> Prerequisite:
        key = str(object_of(data, "a prerequisite").get("key"))
        other = object_of(self._flags.get(key), "the flag that it requires")
        names, index = _names(list_of(other.get("variations"), "variations")), data.get("variation")
        if not isinstance(index, int) or not 0 <= index < len(names):
            raise Impossible(f"it requires variation {index} of {key}, which there is not")
        if other.get("offVariation") == index:
            changes.append(f"it requires the off variation of {key}, which now also counts while that is off")
        return Prerequisite(key, (names[index],))

    def _targets(self, data: Mapping[str, Any]) -> list[Rule]:
        """Single players first. Among targets by kind, an empty one stands for the old target of its variation."""
        old = list_of(data.get("targets"), "targets")
        found = []
        by_kind = list_of(data.get("contextTargets"), "contextTargets")
        for target in by_kind or old:
            if target.get("contextKind", "user") != "user":
                raise Impossible(f"it targets contexts of the kind {target['contextKind']}")
            values = target.get("values") or []
            if by_kind and not values:
                values = [v for each in old if each["variation"] == target["variation"] for v in each["values"]]
            if values:
                condition = text_of(is_one_of(_PLAYER, [str(value) for value in values]))
                found.append(Rule(condition, serve=(Share(self._name(target["variation"]), 1),)))
        return found

    def _rule(self, data: Any) -> list[Rule]:
        rule = object_of(data, "a rule")
        condition = both(*(self._clause(each, 0) for each in list_of(rule.get("clauses"), "clauses")))
        return self._served(rule, condition, str(rule.get("description") or ""))

    def _served(self, data: Mapping[str, Any], condition: Node, name: str) -> list[Rule]:
        """The rule for a variation or a rollout; and one for players who lack what the rollout goes by, whom
        LaunchDarkly puts into the first bucket.
        """
        text = text_of(condition)
        if data.get("variation") is not None:
            return [Rule(text, serve=(Share(self._name(data["variation"]), 1),), name=name)]
        rollout = object_of(data.get("rollout"), "a rule without a variation")
        if rollout.get("contextKind", "user") != "user":
            raise Impossible(f"a rollout goes by contexts of the kind {rollout['contextKind']}")
        parts = [object_of(each, "a variation") for each in list_of(rollout.get("variations"), "variations")]
        weights = [each.get("weight") for each in parts]
        if not weights or not all(type(weight) is int and weight >= 0 for weight in weights):
            raise Impossible("a rollout has no whole weights")
        shares = [Share(self._name(each.get("variation")), each["weight"]) for each in parts]
        experiment = rollout.get("kind") == "experiment"
        path = _PLAYER if experiment else _path(rollout.get("bucketBy") or "key", rollout)
        if any("." in name for name in path):
            raise Impossible(f"a rollout goes by the attribute '{path[0]}', whose name has a dot")
        by = "" if path == _PLAYER else ".".join(path)
        salt = f"{self._key}.{self._data.get('salt', '')}" if rollout.get("seed") is None else str(rollout["seed"])
        serve = (Share(shares[0].variant, 1),) if len(shares) == 1 else tuple(shares)
        if not any(share.weight for share in shares):
            serve = (Share(shares[-1].variant, 1),)
        rules = [Rule(text, serve=serve, name=name, bucketing=Bucketing("launchdarkly.1", salt, salt, by))]
        if by and len(serve) > 1:
            first = next(share.variant for share in shares if share.weight)
            rules.append(Rule(text, serve=(Share(first, 1),), name=f"{name or 'rollout'} without {by}"))
        return rules

    def _clause(self, data: Any, depth: int) -> Node:
        clause = object_of(data, "a clause")
        operator, values = clause.get("op"), list_of(clause.get("values"), "values")
        if operator == "segmentMatch":
            node = either(self._segment(str(name), depth + 1) for name in values)
            return negated(node) if clause.get("negate") else node
        if clause.get("contextKind", "user") not in {"user", ""}:
            raise Impossible(f"a rule asks for contexts of the kind {clause['contextKind']}")
        path = _path(str(clause.get("attribute")), clause)
        node = _operation(str(operator), path, values)
        # A player without the attribute matches neither the clause nor its opposite.
        return both(present(path), negated(node)) if clause.get("negate") else node

    def _segment(self, name: str, depth: int) -> Node:
        if name not in self._known:
            self._known[name] = bounded(self._segment_anew(name, depth))
        return self._known[name]

    def _segment_anew(self, name: str, depth: int) -> Node:
        if depth > _DEEPEST:
            raise Impossible("segments contain one another")
        segment = object_of(self._segments.get(name), f"segment {name}")
        if segment.get("unbounded"):
            raise Impossible(f"segment {name} is a big one, whose players are kept elsewhere")
        if segment.get("includedContexts") or segment.get("excludedContexts"):
            raise Impossible(f"segment {name} lists contexts of other kinds")
        included = is_one_of(_PLAYER, [str(key) for key in segment.get("included") or []])
        excluded = is_one_of(_PLAYER, [str(key) for key in segment.get("excluded") or []])
        rules = []
        for rule in list_of(segment.get("rules"), "rules"):
            if rule.get("weight") is not None:
                raise Impossible(f"segment {name} takes a share of its players")
            rules.append(both(*(self._clause(each, depth) for each in list_of(rule.get("clauses"), "clauses"))))
        return either([included, both(negated(excluded), either(rules))])


def _operation(operator: str, path: tuple[str, ...], values: list[Any]) -> Node:
    def each(test: Callable[[Any], Node]) -> Node:
        return either(test(value) for value in values)

    if operator == "in":
        if not all(isinstance(value, bool | int | float | str) for value in values):
            raise Impossible("a rule compares with lists or objects")
        return is_one_of(path, values)
    if operator in _TEXTS:
        return each(lambda value: text_test(path, _TEXTS[operator], str(value)))
    if operator in _NUMBERS:
        numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
        return either(compared(path, _NUMBERS[operator], value) for value in numbers) if numbers else FALSE
    if operator in _VERSIONS:
        return each(lambda value: compared(path, _VERSIONS[operator], _whole(str(value)), "semver"))
    raise Impossible(f"a rule uses the operator {operator}")


def _whole(version: str) -> str:
    if not re.match(r"\d+\.\d+\.\d+", version):
        raise Impossible(f"a rule compares with the version {version}, which is not whole")
    return version


def _path(attribute: str, where: Mapping[str, Any]) -> tuple[str, ...]:
    """``key`` is the player. ``/address/city`` is a path where a kind of context is named, else a name with slashes."""
    if attribute == "key":
        return _PLAYER
    if not (where.get("contextKind") and attribute.startswith("/")):
        return (attribute,)
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in attribute[1:].split("/"))


def _names(variations: list[Any]) -> list[str]:
    """``on`` and ``off`` for true and false, else by position."""
    if len(variations) == 2 and {type(value) for value in variations} == {bool} and variations[0] != variations[1]:
        return ["on" if value else "off" for value in variations]
    return [f"variation-{index}" for index in range(len(variations))]
