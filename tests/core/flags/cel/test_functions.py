import math
import re
from typing import Any

import pytest

from croupier.core.flags.cel.compiler import compile_value
from croupier.core.flags.cel.errors import CelError, Undecided


def value(expression: str, **context: Any) -> Any:
    return compile_value(expression, now=lambda: 1_795_336_200.25)(context)


@pytest.mark.parametrize(
    "text, wanted",
    [
        ("int('42')", 42),
        ("int(-3.9)", -3),
        ("int(now)", 1_795_336_200),
        ("double('1e3')", 1000.0),
        ("double('-inf')", -math.inf),
        ("double(2)", 2.0),
        ("string('a')", "a"),
        ("string(-5)", "-5"),
        ("string(1e6)", "1e+06"),
        ("string(999999.0)", "999999"),
        ("string(0.0001)", "0.0001"),
        ("string(0.00001)", "1e-05"),
        ("string(1234567.5)", "1.2345675e+06"),
        ("string(0.0)", "0"),
        ("string(double('nan'))", "nan"),
        ("string(now)", "2026-11-22T08:30:00.250Z"),
        ("string(duration('90m'))", "5400s"),
        ("string(duration('-1.5s'))", "-1.500s"),
        ("bool('True')", True),
        ("bool('f')", False),
        ("bool(false)", False),
        ("timestamp(0) == timestamp('1970-01-01T00:00:00Z')", True),
        ("timestamp(timestamp(0)) == timestamp(0)", True),
        ("duration(duration('1s')) == duration('1000ms')", True),
        ("semver(semver('1.0.0')) == semver('1.0.0+build')", True),
        ("size('😀')", 1),
        ("size({'a': 1})", 1),
        ("'abc'.contains('b')", True),
        ("matches('abc', 'b.')", True),
        ("now.getFullYear()", 2026),
        ("now.getMonth()", 10),
        ("now.getDate()", 22),
        ("now.getDayOfMonth()", 21),
        ("now.getDayOfYear()", 325),
        ("now.getDayOfWeek()", 0),
        ("now.getHours()", 8),
        ("now.getHours('Europe/Berlin')", 9),
        ("now.getHours('-03:30')", 5),
        ("now.getMinutes('+05:45')", 15),
        ("now.getMinutes()", 30),
        ("now.getSeconds()", 0),
        ("now.getMilliseconds()", 250),
        ("now.getHours('')", 8),
        ("timestamp('9999-12-31T23:59:59Z').getHours('+01:00')", 0),
        ("timestamp('9999-12-31T23:59:59Z').getFullYear('+01:00')", 10_000),
        ("timestamp('0001-01-01T00:00:00Z').getFullYear('-01:00')", 0),
        ("timestamp('0001-01-01T00:00:00Z').getDayOfYear('-01:00')", 365),
        ("timestamp('0001-01-01T00:00:00Z').getDayOfWeek()", 1),
        ("string(timestamp('0001-01-01T00:00:00Z'))", "0001-01-01T00:00:00Z"),
        ("duration('-90m').getHours()", -1),
        ("duration('90m').getMinutes()", 90),
        ("duration('1.25s').getMilliseconds()", 250),
    ],
)
def test_functions(text: str, wanted: Any) -> None:
    result = value(text)
    assert result == wanted
    assert type(result) is type(wanted)


@pytest.mark.parametrize(
    "text, words",
    [
        ("int(' 42')", "no whole number"),
        ("int('9223372036854775808')", "64 bits"),
        ("int(1e19)", "64 bits"),
        ("int(true)", "int does not work on true or false"),
        ("double('x')", "no number"),
        ("double(null)", "does not work on null"),
        ("string([])", "does not work on a list"),
        ("bool('maybe')", "neither true nor false"),
        ("bool(1)", "does not work on a number"),
        ("timestamp(1.5)", "does not work on a number"),
        ("timestamp(253402300800)", "out of range"),
        ("duration(1)", "does not work on a number"),
        ("semver(1)", "does not work on a number"),
        ("size(1)", "size does not work on a number"),
        ("'abc'.startsWith(1)", "does not work on a string and a number"),
        ("now.getHours('Nowhere/At/All')", "no such time zone"),
        ("now.getHours('25:00')", "no such time zone"),
        ("now.getHours('../etc/passwd')", "no such time zone"),
        ("now.getHours(1)", "a time zone is a name"),
        ("duration('1s').getFullYear()", "getFullYear does not work on a duration"),
        ("duration('1h').getHours('UTC')", "getHours does not work on a duration"),
        ("'a'.getHours()", "getHours does not work on a string"),
    ],
)
def test_functions_say_what_they_cannot_do(text: str, words: str) -> None:
    with pytest.raises(Undecided, match=re.escape(words)):
        value(text)


@pytest.mark.parametrize(
    "text, wanted",
    [
        ("1h30m", 5_400_000_000_000),
        ("1.5h", 5_400_000_000_000),
        (".5s", 500_000_000),
        ("1.s", 1_000_000_000),
        ("+1us1µs1ns", 2_001),
        ("-0", 0),
        ("315576000000s", 315_576_000_000_000_000_000),
        ("315576000001s", None),
        ("", None),
        ("1", None),
        ("s", None),
        (".s", None),
        ("1d", None),
        ("1h-1m", None),
        ("9" * 200 + "ns", None),
    ],
)
def test_durations(text: str, wanted: int | None) -> None:
    if wanted is None:
        with pytest.raises(Undecided):
            value("duration(x)", x=text)
    else:
        assert value("duration(x)", x=text).nanoseconds == wanted


@pytest.mark.parametrize(
    "text, wanted",
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.123456789123Z", 123_456_789),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T23:00:00-01:00", 0),
        ("1970-01-01T00:00:00", None),
        ("1970-01-01 00:00:00Z", None),
        ("1970-02-30T00:00:00Z", None),
        ("1970-01-01T24:00:00Z", None),
        ("1970-01-01T00:00:00+24:00", None),
        ("1970-01-01T00:00:00+00:60", None),
        ("0000-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+01:00", None),
        ("10000-01-01T00:00:00Z", None),
    ],
)
def test_timestamps(text: str, wanted: int | None) -> None:
    if wanted is None:
        with pytest.raises(Undecided):
            value("timestamp(x)", x=text)
    else:
        assert value("timestamp(x)", x=text).nanoseconds == wanted


def test_versions_are_ordered_as_semver_orders_them() -> None:
    # SemVer 2.0, section 11.
    ordered = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11"]
    ordered += ["1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2.0.0"]
    for place, lower in enumerate(ordered):
        for higher in ordered[place + 1 :]:
            assert value("semver(a) < semver(b) && semver(b) > semver(a)", a=lower, b=higher)
    for text in ("1", "1.2", "v1.2.3", "1.2.3.4", "01.2.3", "1.2.3-", "", "1.2.3+" + "a" * 300):
        with pytest.raises(Undecided):
            value("semver(a)", a=text)


@pytest.mark.parametrize(
    "pattern, found, not_found",
    [
        ("abc", "xabcx", "ab"),
        ("^abc", "abcx", "xabc"),
        ("abc$", "xabc", "abc\n"),
        ("^abc$", "abc", "abcx"),
        ("^a+b{2}$", "aabb", "ab"),
        ("(?i)straße", "STRAßE", "strase"),
        ("^.$", "😀", "ab"),
    ],
)
def test_patterns(pattern: str, found: str, not_found: str) -> None:
    for text, wanted in ((found, True), (not_found, False)):
        assert value("text.matches(pattern)", text=text, pattern=pattern) is wanted
        assert value(f"text.matches('{pattern}')", text=text) is wanted


def test_patterns_are_bounded() -> None:
    for pattern in ("a" * 1_025, "((a{100}){100}){100}", "(", "(?=a)", r"(a)\1"):
        with pytest.raises(Undecided, match="regular expression"):
            value("text.matches(pattern)", text="a", pattern=pattern)


def test_without_the_engine_a_pattern_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "re2", None)
    with pytest.raises(CelError, match="google-re2"):
        value("text.matches('only[here]')")
    assert value("text.matches('^plain')", text="plain text")
