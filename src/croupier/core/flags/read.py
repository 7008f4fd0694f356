"""From plain JSON data to a ``Flag``, with each type's defaults. Strict: what it does not know it refuses.

Takes both what people write, ``{"feature": "payments_v2", "rules": [{"if": …, "rollout": 0.25}]}``, and the whole
declaration that ``write_flag`` gives, which is what is recorded. Called at the edges and by the SDK's ``from_rules``.
"""

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from croupier.core.flags.model import (
    OFF,
    ON,
    Bucketing,
    Flag,
    FlagType,
    OnExpiry,
    Override,
    Prerequisite,
    Rule,
    Share,
    Value,
    ValueType,
)
from croupier.core.flags.reading import Path, Reader, kind_of, named
from croupier.core.flags.values import common, plain, type_of
from croupier.core.segments import BUCKETS
from croupier.errors import Rejected

KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
"""What a flag's key looks like."""

_FLAG: Final = (
    "feature", "type", "description", "owner", "tags", "value_type", "variants", "off", "default", "safe", "enabled",
    "rules", "prerequisites", "environments", "kill_switch", "bucketing", "expires_at", "on_expiry",
)  # fmt: skip
_RULE: Final = ("name", "if", "rollout", "variant", "variants", "bucketing")
_OVERRIDE: Final = ("enabled", "rules", "default")
_BUCKETING: Final = ("algorithm", "salt", "variant_salt", "by")
_NAME_HINT: Final = "Write letters, digits, '.', '_' and '-'."
_HEAVIEST: Final = 2**31 - 1
LATEST_AT: Final = 253_402_300_799.0
"""The end of the year 9999 (epoch seconds): later dates cannot be written."""


def read_flag(data: Mapping[str, Any]) -> Flag:
    """The flag that the data declares. Raises ``Rejected`` with every mistake and its place."""
    reader = Reader()
    flag = _flag(reader, data)
    if reader.problems:
        first = reader.problems[0]
        raise Rejected(f"The flag is wrong: {first}", problems=tuple(reader.problems))
    return flag


def _flag(reader: Reader, data: Any) -> Flag:
    fields = reader.fields(data, (), _FLAG)
    key = reader.text(fields, "feature", ())
    if not KEY.fullmatch(key):
        message = f"'{named(key[:60])}' cannot be a flag's key." if key else "a flag needs a key."
        reader.wrong(("feature",), message, "Write letters, digits, '.', '_' and '-', 128 at most: payments_v2.")
    kind = reader.choice(fields, "type", (), FlagType, FlagType.RELEASE)
    variants, off = _variants(reader, fields)
    value_type, values = _values(reader, fields, variants)
    fallback = next(iter(variants)) if len(variants) == 1 else off
    names = {name: reader.text(fields, name, (), fallback) for name in ("default", "safe")}
    for name, variant in (("off", off), *names.items()):
        _known(reader, variant, variants, (name,))
    if kind is FlagType.OPS and value_type is not ValueType.BOOLEAN and "safe" not in fields:
        reader.wrong(("safe",), "which variant is safe in an accident?", f"One of {', '.join(map(str, variants))}.")
    return Flag(
        key=key,
        type=kind,
        description=reader.text(fields, "description", ()),
        owner=reader.text(fields, "owner", ()),
        tags=reader.items(fields, "tags", (), reader.word),
        value_type=value_type,
        variants=values,
        off=off,
        default=names["default"],
        safe=names["safe"],
        enabled=reader.truth(fields, "enabled", (), default=True),
        rules=_rules(reader, fields, (), variants),
        prerequisites=reader.items(fields, "prerequisites", (), lambda item, path: _prerequisite(reader, item, path)),
        environments=_environments(reader, fields, variants),
        kill_switch=reader.truth(fields, "kill_switch", ()),
        bucketing=_bucketing(reader, fields.get("bucketing", {}), ("bucketing",)),
        expires_at=_expiry(reader, fields),
        on_expiry=reader.choice(fields, "on_expiry", (), OnExpiry, OnExpiry.default(kind)),
    )


def _variants(reader: Reader, fields: Mapping[str, Any]) -> tuple[dict[str, Value], str]:
    """The variants by name, and which of them is off."""
    if "variants" not in fields:
        return {ON: True, OFF: False}, reader.text(fields, "off", (), OFF)
    given = fields["variants"]
    if not isinstance(given, Mapping) or not given:
        reader.wrong(("variants",), f"expected variants with their values, found {kind_of(given)}.")
        return {ON: True, OFF: False}, OFF
    for name in given:
        if not isinstance(name, str) or not KEY.fullmatch(name):
            reader.wrong(
                ("variants", named(name)), "cannot be a variant's name.", "Write letters, digits, '_' and '-'."
            )
    variants = {str(name): value for name, value in given.items()}
    if "off" not in fields and OFF not in variants:
        hint = f"Write off: {next(iter(variants))}, or another variant."
        reader.wrong(("off",), "which variant answers while the flag is off?", hint)
        return variants, next(iter(variants))
    return variants, reader.text(fields, "off", (), OFF)


def _values(
    reader: Reader, fields: Mapping[str, Any], variants: Mapping[str, Value]
) -> tuple[ValueType, dict[str, Value]]:
    """Their common type, which may be said (``number`` for 1 and 2, which look like integers), and their values."""
    kinds: list[ValueType] = []
    values: dict[str, Value] = {}
    for name, given in variants.items():
        kind = type_of(given)
        try:
            values[name] = plain(given)
        except ValueError as error:
            reader.wrong(("variants", named(name)), f"this cannot be a variant's value: {error}.")
            continue
        if kind is None:
            reader.wrong(("variants", named(name)), f"{kind_of(given)} cannot be a variant's value.")
        else:
            kinds.append(kind)
    found = common(kinds)
    if found is None and kinds:
        words = ", ".join(sorted(set(kinds)))
        reader.wrong(("variants",), f"variants differ in type: {words}.", "Give all the same type.")
    kind = found or ValueType.BOOLEAN
    said = reader.choice(fields, "value_type", (), ValueType, kind)
    if common([said, kind]) is None or (said, kind) == (ValueType.INTEGER, ValueType.NUMBER):
        reader.wrong(("value_type",), f"the variants are {kind}, not {said}.", "Leave value_type away.")
    if said is ValueType.NUMBER:
        values = {
            name: float(value) if type_of(value) is ValueType.INTEGER else value for name, value in values.items()
        }
    return said, values


def _rules(reader: Reader, fields: Mapping[str, Any], path: Path, variants: Mapping[str, Value]) -> tuple[Rule, ...]:
    return reader.items(fields, "rules", path, lambda item, place: _rule(reader, item, place, variants))


def _rule(reader: Reader, item: Any, path: Path, variants: Mapping[str, Value]) -> Rule:
    fields = reader.fields(item, path, _RULE)
    bucketing = _bucketing(reader, fields["bucketing"], (*path, "bucketing")) if "bucketing" in fields else None
    return Rule(
        condition=reader.text(fields, "if", path).strip(),
        rollout=_rollout(reader, fields, path),
        serve=_serve(reader, fields, path, variants),
        name=reader.text(fields, "name", path),
        bucketing=bucketing,
    )


def _rollout(reader: Reader, fields: Mapping[str, Any], path: Path) -> int:
    """Written as a fraction, 0 to 1; kept in basis points."""
    share = fields.get("rollout", 1.0)
    place = (*path, "rollout")
    if isinstance(share, bool) or not isinstance(share, int | float):
        reader.wrong(place, f"expected a number from 0 to 1, found {kind_of(share)}.", "25 % is 0.25.")
        return 0
    if not 0 <= share <= 1:
        hint = f"Did you mean {share / 100:g}, which is {share:g} %?" if 1 < share <= 100 else "25 % is 0.25."
        reader.wrong(place, f"{share:g} is not between 0 and 1.", hint)
        return 0
    points = round(share * BUCKETS)
    if not math.isclose(points, share * BUCKETS, abs_tol=1e-6):
        reader.wrong(place, f"{share:g} is finer than 0.0001.", "The smallest step is 0.01 % of the players: 0.0001.")
    return points


def _serve(reader: Reader, fields: Mapping[str, Any], path: Path, variants: Mapping[str, Value]) -> tuple[Share, ...]:
    if "variants" in fields:
        if "variant" in fields:
            reader.wrong((*path, "variant"), "variant and variants together.", "Write one of them.")
        return _shares(reader, fields["variants"], (*path, "variants"), variants)
    if "variant" not in fields and ON not in variants:
        reader.wrong((*path, "variant"), "which variant does the rule serve?", f"One of {', '.join(variants)}.")
        return (Share(next(iter(variants)), 1),)
    name = reader.text(fields, "variant", path, ON)
    _known(reader, name, variants, (*path, "variant"))
    return (Share(name, 1),)


def _shares(reader: Reader, given: Any, path: Path, variants: Mapping[str, Value]) -> tuple[Share, ...]:
    """``{blue: 70, green: 30}``, or ``[{variant: green, weight: 30}, ...]`` where the order matters.

    The order decides who gets which variant, and an object has none: its variants go by their names.
    """
    shares: list[Share] = []
    if isinstance(given, Mapping):
        pairs = [((*path, named(name)), name, weight) for name, weight in given.items()]
        pairs.sort(key=lambda pair: named(pair[1]))
    elif isinstance(given, list | tuple):
        items = [reader.fields(item, (*path, index), ("variant", "weight")) for index, item in enumerate(given)]
        pairs = [((*path, index), item.get("variant"), item.get("weight")) for index, item in enumerate(items)]
    else:
        pairs = []
    if not pairs:
        reader.wrong(path, f"expected variants with their weights, found {kind_of(given)}.", "{blue: 70, green: 30}")
        return ()
    for place, name, weight in pairs:
        if not _known(reader, name, variants, place):
            continue
        if isinstance(weight, bool) or not isinstance(weight, int) or not 0 <= weight <= _HEAVIEST:
            reader.wrong(place, f"a weight is a whole number, 0 to {_HEAVIEST}.", "{blue: 70, green: 30}")
            continue
        shares.append(Share(name, weight))
    if not any(share.weight for share in shares) and len(shares) == len(pairs):
        reader.wrong(path, "every weight is 0.", "Give at least one variant some weight.")
    return (Share(shares[0].variant, 1),) if len(shares) == 1 else tuple(shares)


def _known(reader: Reader, name: Any, variants: Mapping[str, Value], path: Path) -> bool:
    if isinstance(name, str) and name in variants:
        return True
    known = ", ".join(map(named, variants))
    reader.wrong(path, f"there is no variant '{named(name)[:60]}'.", f"Variants are {known}.")
    return False


def _prerequisite(reader: Reader, item: Any, path: Path) -> Prerequisite:
    fields = reader.fields(item, path, ("flag", "variants"))
    flag = reader.text(fields, "flag", path)
    if not flag:
        reader.wrong((*path, "flag"), "which flag is required?")
    return Prerequisite(flag, reader.items(fields, "variants", path, reader.word) or (ON,))


def _environments(reader: Reader, fields: Mapping[str, Any], variants: Mapping[str, Value]) -> dict[str, Override]:
    given = fields.get("environments", {})
    if not isinstance(given, Mapping):
        reader.wrong(("environments",), f"expected environments by name, found {kind_of(given)}.")
        return {}
    for name in given:
        if not isinstance(name, str) or not KEY.fullmatch(name):
            reader.wrong(("environments", named(name)), "cannot be an environment's name.", _NAME_HINT)
    return {str(name): _override(reader, item, ("environments", named(name)), variants) for name, item in given.items()}


def _override(reader: Reader, item: Any, path: Path, variants: Mapping[str, Value]) -> Override:
    fields = reader.fields(item, path, _OVERRIDE)
    if "default" in fields:
        _known(reader, fields["default"], variants, (*path, "default"))
    return Override(
        enabled=reader.truth(fields, "enabled", path) if "enabled" in fields else None,
        rules=_rules(reader, fields, path, variants) if "rules" in fields else None,
        default=reader.text(fields, "default", path) if "default" in fields else None,
    )


def _bucketing(reader: Reader, data: Any, path: Path) -> Bucketing:
    fields = reader.fields(data, path, _BUCKETING)
    default = Bucketing()
    return Bucketing(
        algorithm=reader.text(fields, "algorithm", path, default.algorithm),
        salt=reader.text(fields, "salt", path) if "salt" in fields else None,
        variant_salt=reader.text(fields, "variant_salt", path) if "variant_salt" in fields else None,
        by=reader.text(fields, "by", path),
    )


def _expiry(reader: Reader, fields: Mapping[str, Any]) -> float | None:
    """Epoch seconds here; files and the API write dates, which the edge turns into these."""
    value = fields.get("expires_at")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LATEST_AT:
        reader.wrong(("expires_at",), f"expected seconds since 1970, found {kind_of(value)}.")
        return None
    return float(value)
