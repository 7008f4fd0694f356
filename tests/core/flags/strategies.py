"""Flags, contexts and declarations for property tests: anything that may be written, anything that may be asked."""

from typing import Any

from hypothesis import strategies as st

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
    ValueType,
)
from croupier.core.segments import BUCKETS

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,8}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
WHOLE = st.integers(-(2**53) + 1, 2**53 - 1)
FLOATS = st.floats(-1e9, 1e9).map(lambda number: int(number) if number.is_integer() else number)
JSON = st.recursive(
    st.none() | st.booleans() | WHOLE | FLOATS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
CONDITIONS = st.sampled_from(
    [
        "",
        "market in ['DE', 'SE']",
        "market == 'DE' && user.isEmployee",
        "brand == 'X' || vip",
        "level > 3",
        "level / 0 == 1",
        "has(user.tier) && user.tier.startsWith('gold')",
        "!(market == 'UK')",
        "app.matches('^[a-z]+$')",
        "size(tags) > 1 && 'beta' in tags",
        "segment('vip')",
        "segment('nobody knows')",
        "now > timestamp('2026-01-01T00:00:00Z')",
        "true",
        "false",
    ]
)

VALUES: dict[ValueType, st.SearchStrategy[Any]] = {
    ValueType.BOOLEAN: st.booleans(),
    ValueType.STRING: TEXTS,
    ValueType.INTEGER: WHOLE,
    ValueType.NUMBER: st.floats(-1e12, 1e12).map(lambda number: number + 0.0),
    ValueType.OBJECT: st.dictionaries(TEXTS, JSON, max_size=3) | st.lists(JSON, max_size=3),
}


def bucketings() -> st.SearchStrategy[Bucketing]:
    salts = st.none() | TEXTS
    return st.builds(
        Bucketing, salt=salts, variant_salt=salts, by=st.sampled_from(["", "user", "account.id", "session"])
    )


@st.composite
def serves(draw: st.DrawFn, variants: list[str]) -> tuple[Share, ...]:
    names = draw(st.lists(st.sampled_from(variants), min_size=1, max_size=4))
    if len(names) == 1:
        return (Share(names[0], 1),)
    weights = draw(st.lists(st.integers(0, 1000), min_size=len(names), max_size=len(names)).filter(any))
    return tuple(map(Share, names, weights))


def rules(variants: list[str]) -> st.SearchStrategy[Rule]:
    return st.builds(
        Rule,
        condition=CONDITIONS,
        rollout=st.integers(0, BUCKETS),
        serve=serves(variants),
        name=TEXTS,
        bucketing=st.none() | bucketings(),
    )


@st.composite
def flags(draw: st.DrawFn, key: st.SearchStrategy[str] = NAMES) -> Flag:
    """Any flag that can be declared, and read back."""
    value_type = draw(st.sampled_from(ValueType))
    if value_type is ValueType.BOOLEAN and draw(st.booleans()):
        variants: dict[str, Any] = {ON: True, OFF: False}
    else:
        names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
        variants = {name: draw(VALUES[value_type]) for name in names}
    named = sorted(variants)
    one = st.sampled_from(named)
    kind = draw(st.sampled_from(FlagType))
    some_rules = st.lists(rules(named), max_size=3).map(tuple)
    overrides = st.builds(
        Override, enabled=st.none() | st.booleans(), rules=st.none() | some_rules, default=st.none() | one
    )
    needs = st.builds(Prerequisite, NAMES, st.lists(NAMES, min_size=1, max_size=2).map(tuple))
    return Flag(
        key=draw(key),
        type=kind,
        description=draw(TEXTS),
        owner=draw(TEXTS),
        value_type=value_type,
        variants=variants,
        off=draw(one),
        default=draw(one),
        safe=draw(one),
        enabled=draw(st.booleans()),
        rules=draw(some_rules),
        prerequisites=tuple(draw(st.lists(needs, max_size=2))),
        environments=draw(st.dictionaries(NAMES, overrides, max_size=2)),
        kill_switch=draw(st.booleans()),
        bucketing=draw(bucketings()),
        expires_at=draw(st.none() | st.floats(0, 4e9)),
        on_expiry=draw(st.sampled_from(OnExpiry)),
        tags=tuple(draw(st.lists(NAMES, max_size=2))),
    )


class Hostile:
    """An attribute that fails however it is touched."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("do not touch")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("do not compare")

    def __hash__(self) -> int:
        raise RuntimeError("do not hash")


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary(max_size=4)
    | st.builds(object)
    | st.builds(Hostile),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
PLAYERS = st.text(min_size=1, max_size=12)
KNOWN = st.fixed_dictionaries(
    {},
    optional={
        "targetingKey": PLAYERS | ANYTHING,
        "user": PLAYERS | st.fixed_dictionaries({"id": PLAYERS, "isEmployee": st.booleans()}) | ANYTHING,
        "market": st.sampled_from(["DE", "SE", "UK"]) | ANYTHING,
        "brand": st.sampled_from(["X", "Y"]) | ANYTHING,
        "level": st.integers(0, 9) | ANYTHING,
        "tags": st.lists(st.sampled_from(["beta", "vip"])) | ANYTHING,
        "app": st.text(max_size=50) | ANYTHING,
        "vip": st.booleans() | ANYTHING,
        "account": ANYTHING,
        "session": ANYTHING,
    },
)
"""Contexts with the attributes that the conditions above ask for, or with something else in their place."""
