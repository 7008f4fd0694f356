import pytest

from croupier.core.flags.cel.errors import CelError
from croupier.core.flags.cel.parser import MAX_CHARACTERS, MAX_DEPTH, MAX_NODES, parse
from croupier.core.flags.cel.syntax import (
    And,
    Binary,
    Call,
    Choice,
    Has,
    Index,
    ListOf,
    Literal,
    MapOf,
    Name,
    Negate,
    Node,
    Not,
    Or,
    Select,
)

A, ONE = Name(1, "a"), Literal(5, 1)


@pytest.mark.parametrize(
    "text, tree",
    [
        ("market", Name(1, "market")),
        (".market", Name(2, "market")),
        ("user.isEmployee", Select(6, Name(1, "user"), "isEmployee")),
        ("user.`content-type`", Select(6, Name(1, "user"), "content-type")),
        ("a[0]", Index(2, Name(1, "a"), Literal(3, 0))),
        ("a || b || c", Or(3, (Name(1, "a"), Name(6, "b"), Name(11, "c")))),
        ("a || b && c", Or(3, (Name(1, "a"), And(8, (Name(6, "b"), Name(11, "c")))))),
        ("1 - 2 - 3", Binary(7, "-", Binary(3, "-", Literal(1, 1), Literal(5, 2)), Literal(9, 3))),
        ("1 + 2 * 3", Binary(3, "+", Literal(1, 1), Binary(7, "*", Literal(5, 2), Literal(9, 3)))),
        ("a == 1 && !b", And(8, (Binary(3, "==", Name(1, "a"), Literal(6, 1)), Not(11, Name(12, "b"))))),
        ("-5", Literal(1, -5)),
        ("-0x1F", Literal(1, -31)),
        ("-1.5e3", Literal(1, -1500.0)),
        ("- a", Negate(1, Name(3, "a"))),
        ("a ? 1 : b ? 2 : 3", Choice(3, A, ONE, Choice(11, Name(9, "b"), Literal(13, 2), Literal(17, 3)))),
        ("has(market)", Has(1, None, "market")),
        ("has(user.vip)", Has(1, Name(5, "user"), "vip")),
        ("[1, 'a', ]", ListOf(1, (Literal(2, 1), Literal(5, "a")))),
        ("{'a': 1, }", MapOf(1, ((Literal(2, "a"), Literal(7, 1)),))),
        ("size(a)", Call(1, "size", None, (Name(6, "a"),))),
        ("a.size()", Call(3, "size", Name(1, "a"), ())),
        ("a // a comment\n  == null", Binary(18, "==", Name(1, "a"), Literal(21, None))),
        ("r'\\d'", Literal(1, "\\d")),
        ("'''a\n'b'''", Literal(1, "a\n'b")),
        (r"'\x41\u00e9\U0001F600\101\n\\'", Literal(1, "Aé😀A\n\\")),
    ],
)  # fmt: skip
def test_trees(text: str, tree: Node) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(
    "text, column, says",
    [
        ("", 1, "empty"),
        ("  // nothing", 13, "ends too early"),
        ("market = 'DE'", 8, "Write =="),
        ("a & b", 3, "Write &&"),
        ("a | b", 3, "Write ||"),
        ("market and brand", 8, "Write &&"),
        ("not a", 1, "Write !"),
        ("a <> b", 4, "Unequal is written !="),
        ("market == 'DE", 11, "not closed"),
        ("market == “DE”", 11, 'Write "'),
        ("market in ('DE', 'SE')", 16, "Lists are written in brackets"),
        ("market == DE'", 13, "not closed"),
        ("market ==", 10, "ends too early"),
        ("(market", 8, ") is missing"),
        ("[1, 2", 6, "] is missing"),
        ("{1: 2", 6, "} is missing"),
        ("{1 2}", 4, "not expected here"),
        ("a b", 3, "Is an operator missing?"),
        ("a.", 3, "ends too early"),
        ("a.in", 3, "not expected here"),
        ("a.1", 2, "not expected here"),
        ("a.?b", 3, "Optional fields"),
        ("a ? b", 6, ": is missing"),
        ("a ? b ? c : d : e", 7, "not expected here"),
        ("size(1,)", 8, "not expected here"),
        ("User{name: 'a'}", 5, "Messages are not supported"),
        ("True", 1, "Write true"),
        ("for == 1", 1, "reserved word"),
        ("5u > 3", 1, "Write 5"),
        ("5x", 1, "no number"),
        ("b'abc'", 1, "Leave the b away"),
        ("9223372036854775808", 1, "64 bits"),
        ("1000000000000000000000000", 1, "64 bits"),
        (r"'a\qb'", 3, "no escape"),
        (r"'\ud800'", 2, "names no character"),
        (r"'\u12'", 2, "no escape"),
        ("$market", 1, "without $"),
        ("a # b", 3, "//"),
        ("a ~ b", 3, "no meaning"),
        ("`a`", 1, "not expected here"),
        ("users.exists(x, x > 3)", 7, "'vip' in user.roles"),
        ("dyn(a)", 1, "leave dyn(...) away"),
        ("type(a)", 1, "market == 'DE'"),
        ("uint(a)", 1, "write int(...)"),
        ("bytes(a)", 1, "the string itself"),
        ("a.startswith('x')", 3, "Did you mean startsWith?"),
        ("frobnicate(a)", 1, "language reference"),
        ("startsWith('a', 'b')", 1, "Write text.startsWith('...')"),
        ("size()", 1, "Write size(value)"),
        ("a.int()", 3, "Write int(value)"),
        ("now.getHours('a', 'b')", 5, "Write now.getHours()"),
        ("has(a, b)", 1, "Write has(user.vip)"),
        ("has(now)", 1, "Write has(user.vip)"),
        ("segment(a)", 1, "Write segment('name')"),
        ("a.matches('(')", 11, "no regular expression"),
        ("a.matches('(?=a)')", 11, "lookaround"),
        ("timestamp('yesterday')", 11, "no timestamp"),
        ("duration('1 hour')", 10, "no duration"),
        ("semver('v1')", 8, "no semantic version"),
    ],
)
def test_refusals_say_where_and_what_to_write(text: str, column: int, says: str) -> None:
    with pytest.raises(CelError) as refused:
        parse(text)
    assert refused.value.column == column
    assert says in str(refused.value)
    assert str(refused.value).startswith(f"column {column}: ")
    assert refused.value.message[-1] == "."
    assert refused.value.hint[-1] in ".?"


def nested(levels: int) -> str:
    return f"{'(' * levels}a{')' * levels}"


@pytest.mark.parametrize(
    "fits, too_much",
    [
        (f"'{'a' * (MAX_CHARACTERS - 2)}'", f"'{'a' * (MAX_CHARACTERS - 1)}'"),
        (nested(MAX_DEPTH - 1), nested(MAX_DEPTH)),
        ("!" * (MAX_DEPTH - 1) + "a", "!" * MAX_DEPTH + "a"),
        ("a" + ".b" * (MAX_DEPTH - 1), "a" + ".b" * MAX_DEPTH),
        ("a" + " + a" * (MAX_DEPTH - 1), "a" + " + a" * MAX_DEPTH),
        ("a in [" + "1, " * (MAX_NODES - 3) + "]", "a in [" + "1, " * (MAX_NODES - 2) + "]"),
        ("a" + " || a" * (MAX_NODES - 2), "a" + " || a" * (MAX_NODES - 1)),
    ],
)
def test_limits(fits: str, too_much: str) -> None:
    parse(fits)
    with pytest.raises(CelError, match=r"longer than|nested deeper|more than"):
        parse(too_much)
