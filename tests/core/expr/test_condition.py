"""Conditions as Argo Rollouts' users write them, by the language's documentation."""

import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.expr import ExprError, Unanswerable, condition

TRUE: list[tuple[Any, str]] = [
    # what Argo documents of results: a scalar, a vector as a list, JSON
    (True, "result == true"),
    (5.0, "result > 1"),
    ([0.97], "result[0] >= 0.95"),
    ([0.97, 1.0], "all(result, # >= 0.95)"),
    ([2.0, 2.0], "2 in result"),
    ({"apdex": {"label": None, "values": [2.0, 2.0]}}, "all(result.apdex.values, {# > 1})"),
    ("1", "asInt(result) == 1"),
    (1, "asInt(result) == 1"),
    (1.9, "asInt(result) == 1"),
    ("1.1", "asFloat(result) == 1.1"),
    (1, "asFloat(result) <= 1"),
    ("-.5e1", "asFloat(result) == -5"),
    ("true", "result == 'true'"),
    (None, "isNil(result)"),
    (None, "default(result, 0) == 0"),
    (3, "default(result, 0) == 3"),
    (math.nan, "isNaN(result)"),
    (-math.inf, "isInf(result)"),
    ([], "len(result) == 0 || result[0] < 0.05"),
    ([], "len(result) > 0 ? result[0] < 0.05 : true"),
    ({"data": {"ok": "yes"}}, "result.data.ok == 'yes' && result['data'].ok startsWith 'y'"),
    ({}, "result.missing == nil"),
    (None, "result?.missing == nil"),
    ({"a": None}, "(result.a ?? 7) == 7"),
    ({"a": 1}, "(result.a ?? 7) == 1"),
    # operators and their precedence
    (None, "1 + 2 * 3 == 7"),
    (None, "(1 + 2) * 3 == 9"),
    (None, "-2 ^ 2 == -4"),
    (None, "2 ** 3 ** 2 == 512"),
    (None, "7 / 2 == 3.5"),
    (None, "-7 % 3 == -1"),
    (None, "7 % -3 == 1"),
    (None, "+1 == 1.0"),
    (None, "1 - 2 - 3 == -4"),
    (None, "0x10 + 0b11 + 0o7 + 1_000 == 1026"),
    (None, ".5 + 1e1 == 10.5"),
    (None, "isNaN(0/0)"),
    (None, "isInf(1/0) and isInf(-1/0)"),
    (None, "isInf(10.0 ** 400)"),
    (None, "isNaN((-1) ** 0.5)"),
    (None, "true || false && false"),
    (None, "not false and true"),
    (None, "!(1 > 2)"),
    (None, "false ? false : true ? true : false"),
    (None, "'b' in ['a', 'b'] and 'c' not in ['a', 'b']"),
    (None, "not ('x' in nil)"),
    ({"a": 1}, "'a' in result and not (1 in result)"),
    (None, "not (true in [1]) and 1 in [1.0]"),
    (None, "'abc' contains 'b' and 'abc' endsWith 'c' and 'abc' not contains 'd'"),
    (None, "'abc' matches '^a.c$' and 'abc' not matches 'd'"),
    (None, "'a' + 'b' == \"ab\" and `a\\b` == 'a\\\\b'"),
    (None, r"'\x41\u00e9\n\q' == 'Aé' + " + "\"\\n\" + 'q'"),
    (None, "1..3 == [1, 2, 3] and len(3..1) == 0"),
    ([1, 2, 3, 4], "result[1:3] == [2, 3] && result[:2] == [1, 2] && result[2:] == [3, 4] && result[-1] == 4"),
    ("text", "result[0] == 't' and result[1:] == 'ext' and len(result) == 4"),
    (None, "{a: 1, 'b': 2}.b == 2 and {}.b == nil"),
    (None, "1 == 1 // as a comment\n/* and another */"),
    (None, "nil == nil and nil != 1"),
    (None, "'a' < 'b'"),
    # functions
    ([3, 1, 2], "max(result) == 3 and min(result, 0) == 0 and mean(result) == 2 and median(result) == 2"),
    ([1, 2], "median(result) == 1.5 and sum(result) == 3 and first(result) == 1 and last(result) == 2"),
    ([], "first(result) == nil and last(result) == nil and sum(result) == 0"),
    ([math.nan, 1.0], "isNaN(max(result))"),
    ([3, 1, 2], "sort(result) == [1, 2, 3] and reverse(result) == [2, 1, 3]"),
    ([1.5], "sum(result) == 1.5"),
    (None, "abs(-5) == 5 and ceil(1.2) == 2 and floor(-1.2) == -2 and round(-1.5) == -2 and round(2.4) == 2"),
    (math.inf, "floor(result) == result and round(result) == result"),
    (None, "int('5') == 5 and float('0.5') == 0.5 and string(1.5) == '1.5' and string('a') == 'a'"),
    (None, "string(nil) == 'nil' and string(true) == 'true' and string(false) == 'false'"),
    (math.inf, "string(result) == '+Inf' and string(-result) == '-Inf'"),
    (math.nan, "string(result) == 'NaN'"),
    (None, "type(1) == 'int' and type(1.5) == 'float' and type([]) == 'array' and type({}) == 'map'"),
    ({"b": 1, "a": "x"}, "keys(result) == ['b', 'a'] and values(result) == [1, 'x']"),
    (None, "trim(' a ') == 'a' and trim('-a-', '-') == 'a' and upper('a') + lower('B') == 'Ab'"),
    (None, "trimPrefix('ab', 'a') == 'b' and trimSuffix('ab', 'b') == 'a'"),
    (None, "split('a,b', ',') == ['a', 'b'] and split('ab', '') == ['a', 'b'] and join(['a', 'b']) == 'ab'"),
    (None, "join(['a', 'b'], '-') == 'a-b' and indexOf('aba', 'b') == 1 and lastIndexOf('aba', 'a') == 2"),
    (None, "hasPrefix('ab', 'a') and hasSuffix('ab', 'b')"),
    # predicates
    ([1, 2, 3], "any(result, # > 2) and none(result, # > 3) and one(result, # == 2) and not one(result, # > 1)"),
    ([1, 2, 3], "filter(result, # > 1) == [2, 3] and map(result, # * 2) == [2, 4, 6] and count(result, # > 1) == 2"),
    ([True, False], "count(result) == 1"),
    ([1, 2, 3], "find(result, # > 1) == 2 and findIndex(result, # > 1) == 1 and find(result, # > 3) == nil"),
    (
        [1, 2, 3],
        "findLast(result, # < 3) == 2 and findLastIndex(result, # < 3) == 1 and findIndex(result, # > 3) == -1",
    ),
    ([1, 2, 3], "findLast(result, # > 3) == nil and findLastIndex(result, # > 3) == -1"),
    ([5, 6], "map(result, #index) == [0, 1] and sum(result, # - 5) == 1"),
    ([{"v": 1}, {"v": 2}], "any(result, .v == 2) and map(result, {.v + 1}) == [2, 3]"),
    ([[1], [2, 3]], "any(result, any(#, # == 3))"),
    ([], "all(result, # > 1) and not any(result, # > 1)"),
]


@pytest.mark.parametrize("result, text", TRUE, ids=[text for _, text in TRUE])
def test_it_holds(result: Any, text: str) -> None:
    asked = condition(text)
    assert asked.holds(result) is True
    assert condition(f"not ({text})" if "//" not in text else "false").holds(result) is False


UNANSWERABLE: list[tuple[Any, str, str]] = [
    ([], "result[0] > 1", "there is no item 0 among 0"),
    (True, "1", "neither true nor false"),
    (None, "result > 1", "nil and 1 have no order"),
    ("1.1", "asInt(result) == 1", "'1.1' is no whole number"),
    (math.nan, "asInt(result) == 1", "NaN is no whole number"),
    (True, "asInt(result) == 1", "true is no whole number"),
    ("NotANumber", "asFloat(result) == 1.1", "is no number"),
    ("1_0", "asFloat(result) == 10", "is no number"),
    ("1.1", "asFloat(result) == '1.1'", "1.1 and '1.1' cannot be compared"),
    (1, "result == true", "cannot be compared"),
    (1, "result.a == 1", "there is no field 'a' in 1"),
    ([1], "result['a'] == 1", "has no item 'a'"),
    (1, "result[0] == 1", "1 has no item 0"),
    (1, "result[0:1] == 1", "1 has no such part"),
    ([1], "result['a':] == []", "has no such part"),
    (1, "len(result) == 1", "int has no length"),
    (1, "all(result, # > 1)", "1 is no list"),
    ([1], "all(result, #)", "1 is neither true nor false"),
    (1, "not result", "1 is neither true nor false"),
    (1, "result && true", "1 is neither true nor false"),
    ("a", "-result > 1", "'a' is no number"),
    ("a", "result * 2 > 1", "'a' is no number"),
    (True, "result + 1 > 1", "true is no number"),
    (1.5, "result % 2 == 1", "% is for whole numbers"),
    (1, "result % 0 == 1", "division by zero"),
    (1.5, "1..result == []", ".. is for whole numbers"),
    (1, "1..100000 == []", "the range is too long"),
    (2**62, "result * 4 > 1", "does not fit into 64 bits"),
    ([2**62, 2**62], "sum(result) > 1", "does not fit into 64 bits"),
    (1, "2 in result", "nothing is in 1"),
    (1, "result contains 'a'", "are not both texts"),
    (1, "result matches 'a'", "are not both texts"),
    ("a", "result matches '('", "no regular expression"),
    ("x" * 9_000, "len(result + result) > 1", "the text would be too long"),
    ([], "max(result) > 1", "there is nothing in the list"),
    ([1, "a"], "sort(result) == []", "can be sorted"),
    (1, "upper(result) == 'A'", "1 is no text"),
    (1, "first(result) == 1", "1 is no list"),
    (1, "keys(result) == []", "1 is no map"),
    (1, "{(result): 1} == nil", "1 is no key of a map"),
    (list(range(1000)), "all(result, all(map(1..1000, #), # > 0))", "takes more than 100,000 steps"),
    ({"a": 1}, "result < 1", "a map of 1 and 1 have no order"),
    (list(range(20)), "result < 1", "…] and 1 have no order"),
    ("x" * 500, "result < 1", "… and 1 have no order"),
    (1, "result ? true : false", "neither true nor false"),
]


@pytest.mark.parametrize("result, text, why", UNANSWERABLE, ids=[text for _, text, _ in UNANSWERABLE])
def test_it_has_no_answer(result: Any, text: str, why: str) -> None:
    with pytest.raises(Unanswerable) as found:
        condition(text).holds(result)
    assert why in str(found.value)


REFUSED: list[tuple[str, int, str]] = [
    ("", 1, "empty"),
    ("result >", 9, "ends too early"),
    ("(result > 1", 12, "Close it with )"),
    ("result = 1", 8, "Write =="),
    ("resutl > 1", 1, "nothing called resutl"),
    ("len > 1", 1, "Write len(...)"),
    ("any > 1", 1, "Write any(...)"),
    ("result > 1 and lenn(result)", 16, "Did you mean len?"),
    ("zzzzzz(result)", 1, "The reference lists them all"),
    ("len(result, 1)", 1, "len takes 1 arguments, not 2"),
    ("len()", 1, "takes 1 arguments, not 0"),
    ("all(result)", 1, "all takes 2 arguments, not 1"),
    ("trim()", 1, "takes 1 to 2 arguments"),
    ("now() > 1", 1, "judged again later"),
    ("result.len() > 1", 8, "Write len(...)"),
    ("result.Name() == 'hi'", 8, "There is no method Name"),
    ("result. > 1", 9, "> is not expected here"),
    ("result | len()", 8, "Pipes are not supported"),
    ("let x == 1; x", 1, "Variables are not supported"),
    ("1; 2", 2, "Variables are not supported"),
    ("# > 1", 1, "# has no meaning here"),
    ("all(result, #acc)", 13, "There is no #acc"),
    ("result[1", 9, "Close it with ]"),
    ("[1 2]", 4, "] is expected"),
    ("{a 1}", 2, "nothing called a"),
    ("{a: 1 b: 2}", 7, "} is expected"),
    ("all(result, {# > 1)", 19, "} is expected"),
    ("1 2", 3, "Is an operator missing?"),
    ("'open", 1, "End it with '."),
    ("result > 1 ~", 12, "has no meaning here"),
    ("99999999999999999999", 1, "64 bits"),
    ("0xffffffffffffffffff", 1, "64 bits"),
    ("0x_", 1, "64 bits"),
    ("(" * 70 + "1" + ")" * 70, 65, "nested deeper"),
    ("-" * 70 + "1", 64, "nested deeper"),
    ("+".join(["1"] * 400), 500, "more than 500 parts"),
    ("1" * 5_000, 4_096, "longer than 4,096 characters"),
]


@pytest.mark.parametrize("text, column, why", REFUSED, ids=[text[:30] for text, _, _ in REFUSED])
def test_it_is_refused(text: str, column: int, why: str) -> None:
    with pytest.raises(ExprError) as found:
        condition(text)
    assert why in str(found.value)
    assert found.value.column == column


def test_it_knows_what_it_asks_about() -> None:
    assert condition("all(result, # > 1)").reads_result
    assert not condition("1 > 2").reads_result
    assert condition("!isNaN(result[0]) && result[0] > 1").calls("isNaN")
    assert not condition("result > 1").calls("isNaN")


def test_lists_may_end_with_a_comma() -> None:
    assert condition("[1, 2,] == [1, 2] and {a: 1,}.a == 1").holds(None)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
WORDS = st.sampled_from(
    [
        "result",
        "result[0]",
        "result.a",
        "#",
        "1",
        "0.5",
        "'a'",
        "true",
        "nil",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "?",
        "+",
        "-",
        "*",
        "/",
        "%",
        "**",
        "<",
        "<=",
        "==",
        "!=",
        "and",
        "or",
        "not",
        "in",
        "??",
        "..",
        "len(",
        "isNaN(",
        "all(",
        "any(",
        "filter(",
        "sum(",
        "max(",
        "default(",
        "asFloat(",
        "asInt(",
        "string(",
        "sort(",
        "matches",
        "contains",
    ]
)


@given(st.lists(WORDS, max_size=14).map(" ".join), VALUES)
def test_no_text_and_no_result_does_harm(text: str, result: Any) -> None:
    with suppress(ExprError, Unanswerable):
        assert condition(text).holds(result) in {True, False}


@given(VALUES, st.sampled_from([text for _, text in TRUE]))
def test_the_answer_is_the_same_again(result: Any, text: str) -> None:
    def said() -> bool | str:
        try:
            return condition(text).holds(result)
        except Unanswerable as why:
            return str(why)

    assert said() == said()


def test_a_result_nested_too_deeply_is_unanswerable() -> None:
    deep: list[Any] = []
    for _ in range(30_000):
        deep = [deep]
    with pytest.raises(Unanswerable, match="nested too deeply"):
        condition("result[0] == result").holds(deep)


NAN: list[tuple[Any, str, bool | None]] = [
    ([math.nan, 0.99], "result[0] >= 0.95", None),
    ([math.nan, 0.99], "result[1] >= 0.95", True),
    ([0.99, math.nan], "all(result, # >= 0.95)", None),
    ([0.5, math.nan], "all(result, # >= 0.95)", False),
    ([math.nan, 0.5], "any(result, # > 0.05)", True),
    ([math.nan, 0.0], "not (result[0] != result[1])", None),
    ({"bad": 0, "all": 0}, "result.bad / result.all > 0.05", None),
]


@pytest.mark.parametrize("result, text, answer", NAN)
def test_what_hangs_on_nan_has_no_answer_where_that_is_asked(result: Any, text: str, answer: bool | None) -> None:
    if answer is not None:
        assert condition(text).holds(result, nan=False) is answer
        return
    assert condition(text).holds(result) in {True, False}
    with pytest.raises(Unanswerable, match="not a number"):
        condition(text).holds(result, nan=False)


@pytest.mark.parametrize("text", ["result / 2 > 1", "isNaN(result)", "result + 1.5 > 1", "mean(result) > 1"])
def test_a_number_too_large_to_calculate_with_is_unanswerable(text: str) -> None:
    with pytest.raises(Unanswerable, match="too large"):
        condition(text).holds(10**400)


def test_what_is_shown_and_joined_stays_small() -> None:
    wide = joined = "[result]"
    for _ in range(20):
        wide = f"map({wide}, [#, #, #, #])"
        joined = f"map({joined}, join([#, #, #, #], ','))"
    assert condition(f"string({wide}) == '[[a list of 4, a list of 4, a list of 4, a list of 4]]'").holds(1)
    with pytest.raises(Unanswerable, match="too long"):
        condition(f"len({joined}) == 1").holds("text")
