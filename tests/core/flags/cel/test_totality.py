"""Whatever rules and contexts: parsing says CelError or nothing, evaluation bool or Exception, why always answers."""

import enum
import types
from collections import OrderedDict, defaultdict, namedtuple
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from croupier.core.flags import cel
from croupier.core.flags.cel.errors import CelError, Undecided
from croupier.core.flags.cel.parser import MAX_CHARACTERS
from croupier.core.flags.cel.reading import Test
from croupier.core.flags.cel.syntax import Node

# Values that nobody should put into a context, and somebody will


class Exits:
    """Ends the process wherever it is touched."""

    def __eq__(self, other: object) -> bool:
        raise SystemExit

    def __hash__(self) -> int:
        raise SystemExit

    def __bool__(self) -> bool:
        raise SystemExit

    def __len__(self) -> int:
        raise SystemExit

    def __getattr__(self, name: str) -> Any:
        raise SystemExit


class Endless(Mapping[str, Any]):
    """A mapping that never comes to an end, and holds itself."""

    def __getitem__(self, key: str) -> Any:
        return self

    def __iter__(self) -> Iterator[str]:
        number = 0
        while True:
            yield str(number := number + 1)

    def __len__(self) -> int:
        return 3


class ExitingMapping(Mapping[str, Any]):
    def __getitem__(self, key: str) -> Any:
        raise SystemExit

    def __iter__(self) -> Iterator[str]:
        raise SystemExit

    def __len__(self) -> int:
        return 1


class Liar:
    """Says that it is a string."""

    @property
    def __class__(self) -> Any:
        return str

    @__class__.setter
    def __class__(self, value: Any) -> None:
        raise AssertionError


class Word(str):
    """A string with opinions."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        raise SystemExit

    __hash__ = str.__hash__

    def startswith(self, *_: Any) -> bool:
        raise SystemExit


class Market(enum.StrEnum):
    DE = "DE"


class Level(enum.IntEnum):
    HIGH = 3


Person = namedtuple("Person", "vip roles")  # noqa: PYI024 - an untyped one, as in old code


@dataclass
class User:
    vip: Any
    a: Any = None

    @property
    def roles(self) -> Any:
        raise SystemExit


def cyclic_list() -> list[Any]:
    found: list[Any] = [1]
    found.append(found)
    return found


def cyclic_map() -> dict[str, Any]:
    found: dict[str, Any] = {"a": 1}
    found["vip"] = found
    return found


def bush(depth: int) -> list[Any]:
    """Small in memory, and too large to walk."""
    found: list[Any] = ["leaf"]
    for _ in range(depth):
        found = [found, found]
    return found


def pit(depth: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(depth):
        found = [found]
    return found


AWKWARD: dict[str, Any] = {
    "exits": Exits(),
    "list of exits": [Exits(), Exits()],
    "map of exits": {"a": Exits(), "vip": [Exits()]},
    "endless": Endless(),
    "exiting mapping": ExitingMapping(),
    "liar": Liar(),
    "word": Word("DE"),
    "str enum": Market.DE,
    "int enum": Level.HIGH,
    "named tuple": Person(True, ["vip"]),
    "object": User(vip=True, a={"a": 1}),
    "cyclic list": cyclic_list(),
    "cyclic map": cyclic_map(),
    "bush": bush(60),
    "pit": pit(5_000),
    "long text": "x" * 200_000,
    "surrogate": "\ud800",
    "large int": 2**70,
    "huge int": 10**5_000,
    "just too small": -(2**63) - 1,
    "nan": float("nan"),
    "inf": float("inf"),
    "minus zero": -0.0,
    "true": True,
    "null": None,
    "bytes": b"DE",
    "decimal": Decimal("1.5"),
    "datetime": datetime(2026, 1, 1, tzinfo=UTC),
    "naive datetime": datetime(2026, 1, 1),  # noqa: DTZ001 - that it has no time zone is the point
    "long timedelta": timedelta(days=999_999_999),
    "defaultdict": defaultdict(list),
    "ordered dict": OrderedDict(a=1),
    "mapping proxy": types.MappingProxyType({"a": "b", "vip": True}),
    "set": {"vip", "DE"},
    "frozenset": frozenset({1, 2}),
    "tuple": ("DE", 1, None),
    "odd keys": {2: "a", True: "b", None: "c", ("t",): "d"},
    "generator": (number for number in (1, 2)),
    "type": int,
    "function": len,
    "module": types,
    "plain object": object(),
}


@dataclass(frozen=True)
class Odd:
    """Stands for an awkward value while Hypothesis prints and shrinks."""

    name: str


def real(value: Any) -> Any:
    match value:
        case Odd(name=name):
            return AWKWARD[name]
        case dict():
            return {key: real(item) for key, item in value.items()}
        case list():
            return [real(item) for item in value]
        case _:
            return value


NAMES = ("market", "user", "n")
odd = st.sampled_from([Odd(name) for name in AWKWARD])
values = st.one_of(
    odd,
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | odd,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("a", "vip", "roles")), inner),
        max_leaves=5,
    ),
)
contexts = st.fixed_dictionaries({}, optional=dict.fromkeys((*NAMES, "user.vip"), values))

ATOMS = [*NAMES, *NAMES, "user.vip", "user.roles", "user.a.a", "now", "true", "false", "null", "0", "1", "2.5", "1e300"]
ATOMS += [
    "-9223372036854775808",
    "''",
    "'DE'",
    "'vip'",
    "'a+'",
    "'1h'",
    "[]",
    "{}",
    "['DE', 'SE']",
    "[1, 2]",
    "['DE', 1]",
]
ATOMS += ["{'a': 1}", "duration('1h')", "timestamp('2026-01-01T00:00:00Z')", "semver('1.2.3')", "has(market)"]
ATOMS += ["has(user.vip)", "segment('vips')"]
atoms = st.sampled_from(ATOMS)
OPERATORS = ("==", "!=", "<", "<=", ">", ">=", "in", "&&", "||", "+", "-", "*", "/", "%")
FUNCTIONS = ("int", "double", "string", "bool", "timestamp", "duration", "semver", "size")
METHODS = ("startsWith", "endsWith", "contains", "matches", "getHours")


def longer(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(OPERATORS), inner),
        st.builds("({} {} {})".format, inner, st.sampled_from(OPERATORS), inner),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
        st.builds("{}({})".format, st.sampled_from(FUNCTIONS), inner),
        st.builds("{}.{}({})".format, inner, st.sampled_from(METHODS), inner),
        st.builds("{}{}".format, st.sampled_from(("!", "-")), inner),
        st.builds("{}[{}]".format, inner, inner),
        st.builds("{}.{}".format, inner, st.sampled_from(("a", "vip", "roles"))),
        st.builds("has({}.{})".format, inner, st.sampled_from(("a", "vip", "roles"))),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("{{{}: {}}}".format, inner, inner),
    )


expressions = st.recursive(atoms, longer, max_leaves=8)


def segment(name: str) -> Test:
    return cel.compile_condition(f"market == '{name}'", now=lambda: 0.0)


def parsed(text: str) -> Node | None:
    refused: CelError | None = None
    try:
        return cel.parse(text)
    except CelError as error:
        refused = error
    assert 1 <= refused.column <= len(text) + 1
    assert refused.hint
    return None


@given(expressions, contexts)
@example("market + market == market", {"market": Odd("long text")})
@example("user == n", {"user": Odd("bush"), "n": Odd("bush")})
@example("user == n", {"user": Odd("cyclic list"), "n": Odd("cyclic list")})
@example("user == n", {"user": Odd("cyclic map"), "n": Odd("cyclic map")})
@example("user == n", {"user": Odd("endless"), "n": Odd("endless")})
@example("user == n", {"user": Odd("exiting mapping"), "n": Odd("exiting mapping")})
@example("1 in user", {"user": Odd("endless")})
@example("user[true]", {"user": Odd("exiting mapping")})
@example("'vip' in market", {"market": Odd("list of exits")})
@example("user.roles", {"user": Odd("object")})
@example("string(n) == ''", {"n": Odd("huge int")})
@example("n * n > 0", {"n": Odd("huge int")})
@example("double(n) > 0", {"n": Odd("huge int")})
@example("market.matches(market)", {"market": "(" * 5_000})
@example("market.matches('(x+x+)+y')", {"market": "x" * 5_000})
def test_a_condition_is_decided_or_raises_an_exception(text: str, context: dict[str, Any]) -> None:
    node, context = parsed(text), real(context)
    if node is None:
        return
    condition = cel.compile_condition(node, now=lambda: 1.8e9, segment=segment)
    words = cel.why(node, context, now=lambda: 1.8e9, segment=segment)
    assert isinstance(words, str)
    assert words
    try:
        result = condition(context)
    except Exception:  # noqa: BLE001 - any is right, and everything else fails the test
        assert words != "it can be decided"
    else:
        assert type(result) is bool
        assert words == "it can be decided"
    assert isinstance(cel.check(node, {"market": cel.Type.STRING, "user.vip": cel.Type.BOOL}), tuple)
    assert isinstance(cel.attributes(node), frozenset)


@given(expressions)
def test_the_text_of_a_tree_reads_as_the_same_condition(text: str) -> None:
    if (node := parsed(text)) is not None:
        again = cel.parse(cel.render(node))
        assert cel.render(again) == cel.render(node)


@given(st.text(max_size=200) | st.text(alphabet="()[]{}!-.,:?'\"\\`+*&|=<>a1u \n", max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    parsed(text)


@pytest.mark.parametrize(
    "piece", ["(", "[", "{1:", "!", "-", "a.", "a?b:", "a&&", "a+", "f(", "'", "'''", "\\", "a[", "{", "//"]
)
def test_long_texts_of_one_piece_are_refused(piece: str) -> None:
    with pytest.raises(CelError):
        cel.parse(piece * (MAX_CHARACTERS // len(piece)))


def test_a_mapping_that_makes_up_entries_stays_as_it_is() -> None:
    inner: defaultdict[str, list[int]] = defaultdict(list)
    condition = cel.compile_condition("has(user.vip) || user.vip == []", now=lambda: 0.0)
    with pytest.raises(Undecided):
        condition({"user": inner})
    assert not inner


@pytest.mark.parametrize(
    "text,left,right",
    [
        ("user == n", ExitingMapping(), {"a": 1}),
        ("user == n", cyclic_list(), cyclic_list()),
        ("'vip' in user", [Exits()], None),
        ("user.vip", ExitingMapping(), None),
    ],
)
def test_hostile_values_leave_the_condition_undecided(text: str, left: Any, right: Any) -> None:
    condition = cel.compile_condition(text, now=lambda: 0.0)
    with pytest.raises(Undecided):
        condition({"user": left, "n": right})


def test_an_interrupt_by_a_person_is_not_swallowed() -> None:
    class Interrupted:
        @property
        def vip(self) -> bool:
            raise KeyboardInterrupt

    class InterruptedMapping(Endless):
        def __contains__(self, key: object) -> bool:
            raise KeyboardInterrupt

    for user in (Interrupted(), InterruptedMapping()):
        with pytest.raises(KeyboardInterrupt):
            cel.compile_condition("user.vip", now=lambda: 0.0)({"user": user})


def test_an_item_that_cannot_be_compared_leaves_the_condition_undecided() -> None:
    class Refuses:
        def __eq__(self, other: object) -> bool:
            raise ValueError("refused")

        __hash__ = None  # type: ignore[assignment]

    with pytest.raises(ValueError, match="refused"):
        cel.compile_condition("'vip' in roles", now=lambda: 0.0)({"roles": [Refuses()]})
