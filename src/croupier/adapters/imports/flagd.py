"""flagd's definitions, with the bucketing of the version of ``fractional`` that dealt the players so far.

That version has to be said: the three deal players differently, and a definition does not name its own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, Literal

from croupier.adapters.imports.conditions import FALSE, TRUE, both, negated, present, text_of
from croupier.adapters.imports.jsonlogic import condition, operation, variable
from croupier.adapters.imports.report import Imported, Impossible, Report, object_of
from croupier.core.flags.bucketing import ALGORITHMS
from croupier.core.flags.cel.syntax import Node
from croupier.core.flags.model import Bucketing, Flag, Rule, Share
from croupier.core.flags.read import read_flag
from croupier.errors import Problem, Rejected

_DEEPEST: Final = 30
_DEEPEST_JSON: Final = 150
_MOST_PARTS: Final = 100_000
_HEAVIEST: Final = 2**31 - 1
_PLAYER: Final = ("targetingKey",)
_FLAG_KEY: Final = ("$flagd", "flagKey")


def import_flagd(data: Any, *, fractional: Literal[1, 2, 3]) -> Imported:
    """Our flags for a flagd definition. ``fractional`` is the version that the players were dealt by: 3 for Python's
    flagd-core since 2.0, 2 for the daemon since July 2026, 1 before. Raises ``Rejected`` if the data is no definition.
    """
    flags = data.get("flags") if isinstance(data, Mapping) else None
    if isinstance(flags, list):
        flags = {str(each.get("key")): each for each in flags if isinstance(each, Mapping)}
    if not isinstance(flags, Mapping):
        raise Rejected("This is no flagd definition.", problems=(Problem("expected flags by key.", ("flags",)),))
    evaluators = data.get("$evaluators") or {}
    report = Report()
    for key in flags:
        conversion = _Conversion(str(key), flags[key], evaluators, fractional)
        report.carry(str(key), conversion.flag, f"flagd.{fractional} (murmur3), as before")
    return report.done()


class _Conversion:
    """One flag while it is converted: the tree of its targeting becomes rules that are tried in order."""

    def __init__(self, key: str, data: Any, evaluators: Any, fractional: int) -> None:
        self._key, self._data, self._evaluators, self._fractional = key, data, evaluators, fractional
        self._parts = 0

    def flag(self, changes: list[str]) -> Flag:
        data = object_of(self._data, "the flag")
        variants = object_of(data.get("variants"), "variants")
        default = self._variant(data.get("defaultVariant"))
        if default is None:
            raise Impossible("it has no default variant: the code's default answers")
        self._variants, self._default = variants, default
        off = next((name for name, value in variants.items() if value is False), default)
        if data.get("state") == "DISABLED":
            changes.append(f"it is disabled, where flagd answers the code's default and now '{off}' is answered")
        flag = read_flag(
            {
                "feature": self._key,
                "variants": dict(variants),
                "off": off,
                "default": default,
                "enabled": data.get("state") == "ENABLED",
                "bucketing": {"algorithm": f"flagd.{self._fractional}"},
            }
        )
        targeting = self._resolved(object_of(data.get("targeting") or {}, "its targeting"), 0)
        return replace(flag, rules=_shortened(self._decide(targeting, TRUE, 0), default) if targeting else ())

    def _resolved(self, logic: Any, depth: int) -> Any:
        """The targeting with every ``$ref`` replaced by what it refers to."""
        if depth > _DEEPEST_JSON:
            raise Impossible("its targeting is nested too deeply")
        self._parts += 1
        if self._parts > _MOST_PARTS:  # evaluators may refer to evaluators, many times each
            raise Impossible(f"its targeting has more than {_MOST_PARTS:,} parts")
        if isinstance(logic, list):
            return [self._resolved(each, depth + 1) for each in logic]
        if not isinstance(logic, Mapping):
            return logic
        if set(logic) == {"$ref"}:
            name = logic["$ref"]
            if name not in self._evaluators:
                raise Impossible(f"there is no evaluator {name!r}")
            return self._resolved(self._evaluators[name], depth + 1)
        return {name: self._resolved(each, depth + 1) for name, each in logic.items()}

    def _variant(self, given: Any) -> str | None:
        """A variant's name, as the targeting's answer: true and false are names too, null is the default."""
        if isinstance(given, bool):
            return "true" if given else "false"
        return str(given) if isinstance(given, str | int | float) and given != "" else None

    def _decide(self, logic: Any, when: Node, depth: int) -> Iterable[Rule]:
        """Rules for the players of whom ``when`` holds; together they decide about all of them."""
        if when == FALSE:
            return
        if depth > _DEEPEST:
            raise Impossible("its targeting is nested too deeply")
        if logic is None or not isinstance(logic, Mapping):
            name = self._default if logic is None else self._variant(logic)
            if name not in self._variants:
                raise Impossible(f"its targeting answers {logic!r}, which is no variant")
            yield Rule(text_of(when), serve=(Share(str(name), 1),))
            return
        operator, operands = operation(logic)
        if operator == "if":
            yield from self._branches(operands, when, depth)
        elif operator == "fractional":
            yield from self._shares(operands, when)
        else:
            asked = condition(logic)
            yield from self._decide(True, both(when, asked), depth + 1)
            yield from self._decide(False, both(when, negated(asked)), depth + 1)

    def _branches(self, operands: list[Any], when: Node, depth: int) -> Iterable[Rule]:
        """Each branch decides about its players, so what follows need not exclude them again."""
        pairs, rest = operands[: len(operands) // 2 * 2], operands[len(operands) // 2 * 2 :]
        for asked, answer in zip(pairs[::2], pairs[1::2], strict=True):
            yield from self._decide(answer, both(when, condition(asked)), depth + 1)
        yield from self._decide(rest[0] if rest else None, when, depth + 1)

    def _shares(self, operands: list[Any], when: Node) -> Iterable[Rule]:
        """The shares, and what players get who lack the attribute that these go by: the default, or (where it was to be
        joined with something) all of them what the salt alone gives.
        """
        algorithm, salt, alone = f"flagd.{self._fractional}", self._key, True
        path: tuple[str, ...] = _PLAYER
        if operands and not isinstance(operands[0], list):
            salt, path, alone = self._hashed(operands[0])
            algorithm, operands = "flagd.3.value" if self._fractional == 3 else algorithm, operands[1:]
        shares = tuple(self._share(each) for each in operands)
        weights = [share.weight for share in shares]
        if not 0 < sum(weights) <= _HEAVIEST:
            raise Impossible("its fractional weights are nothing, or too large")
        bucketing = Bucketing(algorithm, salt, salt, "" if path == _PLAYER else ".".join(path))
        if len(shares) > 1:
            yield Rule(text_of(when), serve=shares, bucketing=bucketing)
        else:
            yield Rule(text_of(both(when, present(path))), serve=(Share(shares[0].variant, 1),))
        left = self._default if alone else shares[ALGORITHMS[algorithm].split(salt, weights)("")].variant
        yield Rule(text_of(when), serve=(Share(left, 1),))

    def _share(self, given: Any) -> Share:
        if not isinstance(given, list) or not 1 <= len(given) <= 2:
            raise Impossible("a part of its fractional is no variant with a weight")
        name, weight = self._variant(given[0]), given[1] if len(given) == 2 else 1
        if name not in self._variants:
            raise Impossible(f"its fractional serves {given[0]!r}, which is no variant")
        if isinstance(weight, bool) or not isinstance(weight, int):
            raise Impossible("a weight of its fractional is computed")
        return Share(str(name), max(0, weight))

    def _hashed(self, logic: Any) -> tuple[str, tuple[str, ...], bool]:
        """Salt and attribute of what is hashed, and whether that is the attribute alone: else constants and then an
        attribute, joined.
        """
        joined = isinstance(logic, Mapping) and list(logic) == ["cat"]
        parts = logic["cat"] if joined else [logic]
        *before, last = parts if isinstance(parts, list) and parts else [None]
        path = variable(last)
        salt = ""
        for part in before:
            if variable(part) == _FLAG_KEY:
                salt += self._key
            elif isinstance(part, str):
                salt += part
            else:
                path = None
        if path is None or path[0] == "$flagd":
            raise Impossible("its fractional hashes something else than constants and then one attribute")
        return salt, path, not joined


def _shortened(rules: Iterable[Rule], default: str) -> tuple[Rule, ...]:
    """Without the rules at the end that give everybody the default anyway."""
    kept = list(rules)
    while kept and kept[-1].serve == (Share(default, 1),):
        kept.pop()
    return tuple(kept)
