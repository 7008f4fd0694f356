"""GrowthBook's features, as its SDKs get them (``{"features": {…}, "savedGroups": {…}}``), with its bucketing.

A rule there puts each player at one of 1,000 or 10,000 places and says what each place gets; a place that gets nothing
goes on to the rules below. Here a share is always the first places, so where a place that goes on lies before one that
does not, the rules below are written into the rule.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from croupier.adapters.imports.conditions import FALSE, TRUE, both, negated, present, text_of
from croupier.adapters.imports.mongo import Conditions
from croupier.adapters.imports.places import (
    PLACES,
    Dealing,
    filled,
    key_of,
    number_of,
    parts_of,
    range_of,
    share_of,
    version_of,
    weighted,
)
from croupier.adapters.imports.report import Imported, Impossible, Report, list_of, object_of
from croupier.core.flags import cel
from croupier.core.flags.cel.syntax import Node
from croupier.core.flags.model import OFF, ON, Flag, Prerequisite, Rule, Share
from croupier.core.flags.read import KEY, read_flag
from croupier.errors import Problem, Rejected

_KEPT: Final = "growthbook.1 or growthbook.2 (FNV-1a), as before"
_GATED: Final = "where what it requires is not met, the code's default answered, and now '{}' is answered"
_STICKY: Final = "buckets that GrowthBook stored for players are not carried over; the hash decides"


def import_growthbook(data: Any) -> Imported:
    """Our flags for GrowthBook's features. Raises ``Rejected`` if the document has none that can be read."""
    if isinstance(data, Mapping) and data.get("encryptedFeatures"):
        hint = "Export them in plain: an SDK connection without encryption."
        raise Rejected("These features are encrypted.", hint=hint)
    if not isinstance(data, Mapping) or not isinstance(data.get("features"), Mapping):
        problem = Problem("expected features by key.", ("features",))
        raise Rejected("This is no GrowthBook document.", problems=(problem,))
    groups = data.get("savedGroups")
    report = Report()
    for key in data["features"]:
        conversion = _Conversion(str(key), data["features"], groups if isinstance(groups, Mapping) else {})
        report.carry(str(key), conversion.flag, _KEPT)
    return report.done()


@dataclass(frozen=True, slots=True)
class _Read:
    """One rule of GrowthBook's. ``first`` says which places count at all (a namespace), ``then`` what they get."""

    when: Node
    first: Dealing | None
    then: Dealing | str


class _Conversion:
    """One feature while it is converted."""

    def __init__(self, key: str, features: Mapping[str, Any], groups: Mapping[str, Any]) -> None:
        self._key, self._features, self._groups = key, features, groups

    def flag(self, changes: list[str]) -> Flag:
        self._changes = changes
        self._conditions = Conditions(self._groups, changes.append)
        data = object_of(self._features[self._key], "the feature")
        self._variants = _Variants(data)
        rules = [object_of(each, "a rule") for each in list_of(data.get("rules"), "rules")]
        needs, rules = self._gates(rules)
        read = [found for each in rules for found in self._rule(each)]
        written = [rule for at, each in enumerate(read) for rule in self._written(each, read[at + 1 :])]
        flag = read_flag(
            {
                "feature": self._key,
                "description": str(data.get("description") or ""),
                "variants": self._variants.values,
                "off": self._variants.off,
                "default": self._variants.default,
                "bucketing": {"algorithm": "growthbook.2"},
            }
        )
        return replace(flag, rules=tuple(written), prerequisites=needs)

    # --- prerequisites ------------------------------------------------------------------------------------------------

    def _gates(self, rules: list[Mapping[str, Any]]) -> tuple[tuple[Prerequisite, ...], list[Mapping[str, Any]]]:
        """What must be met by all, which stands at the first rules that say so; and the rules without it."""
        needs: list[Prerequisite] = []
        left: list[Mapping[str, Any]] = []
        for rule in rules:
            parents = [object_of(each, "a prerequisite") for each in list_of(rule.get("parentConditions"), "parents")]
            if any(not parent.get("gate") for parent in parents) or (parents and left):
                raise Impossible("one of its rules, not all, requires another feature")
            needs += map(self._prerequisite, parents)
            if rule.get("force") is not None or rule.get("variations") is not None:
                left.append(rule)
            elif "contextualVariations" in rule:
                raise Impossible("a rule is a contextual bandit")
        if needs:
            self._changes.append(_GATED.format(self._variants.off))
        return tuple(needs), left

    def _prerequisite(self, data: Mapping[str, Any]) -> Prerequisite:
        key = str(data.get("id"))
        feature = object_of(self._features.get(key), f"{key}, which it requires,")
        other = _Variants(feature)
        holds = cel.compile_condition(self._conditions.of(data.get("condition") or {}), now=lambda: 0.0)
        wanted = tuple(name for name, value in other.values.items() if holds({"value": value}))
        if not wanted:
            raise Impossible(f"it requires what {key} never answers")
        if other.off in wanted and any("parentConditions" in rule for rule in feature.get("rules") or []):
            raise Impossible(f"it requires what {key} now also answers where its own requirements are not met")
        return Prerequisite(key, wanted)

    # --- reading ------------------------------------------------------------------------------------------------------

    def _rule(self, data: Mapping[str, Any]) -> Iterator[_Read]:
        when = self._conditions.of(data.get("condition") or {})
        if data.get("force") is not None:
            yield from self._forced(data, when, self._filter(data))
        elif len(list_of(data.get("variations"), "variations")) > 1:
            yield self._experiment(data, when)

    def _forced(self, data: Mapping[str, Any], when: Node, first: Dealing | None) -> Iterator[_Read]:
        variant = self._variants.name(data["force"])
        span, coverage = data.get("range"), data.get("coverage")
        if span is None and coverage is None:
            yield _Read(when, first, variant)
            return
        version = version_of(data.get("hashVersion") or 1)
        ranges = [(0.0, number_of(coverage)) if span is None else range_of(span)]
        parts = parts_of(version, ranges, [variant])
        by = key_of(data.get("hashAttribute"))
        then = Dealing(version, str(data.get("seed") or self._key), by, parts)
        yield _Read(when, first, then)
        if data.get("fallbackAttribute") and not data.get("disableStickyBucketing"):
            other = replace(then, by=key_of(data["fallbackAttribute"]))
            yield _Read(both(when, negated(present(then.path))), first, other)

    def _experiment(self, data: Mapping[str, Any], when: Node) -> _Read:
        variations, meta = data["variations"], list_of(data.get("meta"), "meta")
        names: list[str | None] = [self._variants.name(each) for each in variations]
        for at, about in enumerate(meta[: len(names)]):
            if object_of(about, "meta").get("passthrough"):
                names[at] = None
        if data.get("fallbackAttribute") or data.get("minBucketVersion"):
            self._changes.append(_STICKY)
        version = version_of(data.get("hashVersion") or 1)
        ranges = [range_of(each) for each in list_of(data.get("ranges"), "ranges")]
        if not ranges:
            coverage = 1.0 if data.get("coverage") is None else number_of(data["coverage"])
            ranges = weighted(len(names), coverage, data.get("weights"))
        seed, by = str(data.get("seed") or data.get("key") or self._key), key_of(data.get("hashAttribute"))
        then = Dealing(version, seed, by, parts_of(version, ranges, names))
        first = self._filter(data)
        if first is None and data.get("namespace"):
            name, start, end = list_of(data["namespace"], "a namespace")
            first = Dealing(1, f"__{name}", by, parts_of(1, [(number_of(start), number_of(end))], [ON]))
        return _Read(when, first, then)

    def _filter(self, data: Mapping[str, Any]) -> Dealing | None:
        filters = [object_of(each, "a filter") for each in list_of(data.get("filters"), "filters")]
        if len(filters) > 1:
            raise Impossible("a rule is in several namespaces")
        for given in filters:
            version = version_of(given.get("hashVersion", 2))
            ranges = [range_of(each) for each in list_of(given.get("ranges"), "ranges")]
            parts = parts_of(version, ranges, [ON] * len(ranges))
            return Dealing(version, str(given.get("seed", "")), key_of(given.get("attribute")), parts)
        return None

    # --- writing ------------------------------------------------------------------------------------------------------

    def _written(self, rule: _Read, below: Sequence[_Read]) -> Iterator[Rule]:
        if rule.when == FALSE:
            return
        first, then = rule.first, rule.then
        if first is not None and isinstance(then, str):
            parts = tuple((then if name else None, count) for name, count in first.parts)
            then, first = replace(first, parts=parts), None
        if isinstance(then, str):
            yield Rule(text_of(rule.when), serve=(Share(then, 1),))
        elif first is None:
            yield from self._dealt(rule.when, then, below)
        elif (first.version, first.by) != (then.version, then.by):
            raise Impossible("its namespace deals players by another hash or attribute than its variations")
        else:
            yield from self._in_namespace(rule.when, first, then, below)

    def _dealt(self, when: Node, dealing: Dealing, below: Sequence[_Read]) -> Iterator[Rule]:
        *named, (last, left) = dealing.parts
        if all(name is not None for name, _ in named):
            places = PLACES[dealing.version] - (left if last is None else 0)
            if places:
                yield share_of(when, dealing, dealing, places, dealing.parts)
            return
        for also, share, variant in self._below(below):
            parts = filled(dealing.parts, variant)
            if share is None:
                yield share_of(both(when, also), dealing, dealing, PLACES[dealing.version], parts)
            elif (share.version, share.by) != (dealing.version, dealing.by):
                raise Impossible("a rule below deals players by another hash or attribute, whom it leaves out")
            else:
                yield share_of(both(when, also), share, dealing, share.parts[0][1], parts)

    def _in_namespace(self, when: Node, first: Dealing, then: Dealing, below: Sequence[_Read]) -> Iterator[Rule]:
        """From the first place to the last: who is in the namespace is dealt, who is not gets what is below."""
        whole = all(name is not None for name, _ in then.parts)
        places, last = 0, max((at for at, (name, _) in enumerate(first.parts) if name), default=-1)
        for inside, count in first.parts[: last + 1]:
            places += count
            if inside and whole:
                yield share_of(when, first, then, places, then.parts)
                continue
            for also, share, variant in self._below(below):
                if share is not None:
                    raise Impossible("a rule below deals players whom its namespace or its coverage leaves out")
                parts = filled(then.parts, variant) if inside else ((variant, 1),)
                yield share_of(both(when, also), first, then, places, parts)

    def _below(self, rules: Sequence[_Read]) -> Iterator[tuple[Node, Dealing | None, str]]:
        """What the rules below say: for whom, for which first places of theirs, and what they get; all together."""
        for rule in rules:
            match rule.first, rule.then:
                case None, str(variant):
                    yield rule.when, None, variant
                case None, Dealing(parts=((str(variant), _), (None, _))) as share:
                    yield rule.when, share, variant
                case _:
                    raise Impossible("a rule below deals players whom a namespace or a coverage leaves out")
        yield TRUE, None, self._variants.default


class _Variants:
    """The values that a feature may have, under names: on and off, the value itself, or its number."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        default = data.get("defaultValue")
        if default is None:
            raise Impossible("it has no default value: the code's default answers")
        self.values: dict[str, Any] = {}
        if isinstance(default, bool):
            self.values = {ON: True, OFF: False}
        self.default = self.name(default)
        self.off = OFF if isinstance(default, bool) else self.default
        for rule in list_of(data.get("rules"), "rules"):
            forced = [] if rule.get("force") is None else [rule["force"]]
            for value in forced or list_of(rule.get("variations"), "variations"):
                self.name(value)

    def name(self, value: Any) -> str:
        """The name of this value; a new one where it has none yet."""
        for name, known in self.values.items():
            if type(known) is type(value) and known == value:
                return name
        plain = isinstance(value, str) and KEY.fullmatch(value) and value not in self.values
        name = str(value) if plain else f"value-{len(self.values) + 1}"
        self.values[name] = value
        return name
