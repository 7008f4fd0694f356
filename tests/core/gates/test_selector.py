"""What of PromQL a gate may name its counters by."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.gates.selector import Matcher, Selector, exactly, filled, names_version, quoted, read
from croupier.errors import Rejected


@pytest.mark.parametrize(
    "text,expected",
    [
        ("errors_total", (Selector("errors_total"),)),
        ("job:errors:sum{}", (Selector("job:errors:sum"),)),
        (
            """ errors_total { app = "shop" , code =~ '5..', x!="y", z!~`a\\b`, } """,
            (
                Selector(
                    "errors_total",
                    (
                        Matcher("app", "=", "shop"),
                        Matcher("code", "=~", "5.."),
                        Matcher("x", "!=", "y"),
                        Matcher("z", "!~", "a\\b"),
                    ),
                ),
            ),
        ),
        ('a{v="1"} or b or c{}', (Selector("a", (Matcher("v", "=", "1"),)), Selector("b"), Selector("c"))),
        (r'a{v="\"\\\n\x41\u00e9"}', (Selector("a", (Matcher("v", "=", '"\\\nAé'),)),)),
    ],
)
def test_selectors_are_read(text: str, expected: tuple[Selector, ...]) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    "text,why",
    [
        ("rate(errors_total[1m])", "rate(...) computes"),
        ("sum by (x) (errors_total)", "sum(...) computes"),
        ("errors_total[1m]", "a range is taken by Croupier itself"),
        ("errors_total offset 1m", "'offset' would count another time"),
        ("errors_total @ 12", "'@' would count another time"),
        ("a + b", "'+' does not belong"),
        ("a / on (x) b", "'/' does not belong"),
        ("{__name__='a'}", "a counter without a name may be any"),
        ("(a)", "brackets are not needed"),
        ("1.5", "'1' does not belong"),
        ("", "ends before its selector does"),
        ("a{", "ends before its selector does"),
        ("a or", "ends before its selector does"),
        ('a{v="1"', "ends before its selector does"),
        ("a{v}", "'}' does not belong"),
        ("a{v==1}", "'==' does not belong"),
        ("a{v=1}", "'1' does not belong"),
        ("a{v=~b}", "'b' does not belong"),
        ('a{"v"="1"}', "'\"v\"' does not belong"),
        ('a{x:y="1"}', "'x:y' does not belong"),
        ('a{v="1" w="2"}', "'w' does not belong"),
        ("a{v={{version}}}", "a placeholder stands within the value"),
        ('a{v="{{release}}"}', "'{{release}}' is no placeholder"),
        (r'a{v="\d"}', r"'\d' is no escape"),
        ('a{v="1}', "'\"' does not belong"),
        ("a b", "'b' does not belong"),
    ],
)
def test_everything_else_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(Rejected) as refused:
        read(text)
    assert why in str(refused.value)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(Rejected):
        again = read(text)
        assert tuple(read(str(one))[0] for one in again) == again


@given(st.text(), st.text())
def test_placeholders_are_replaced_by_these_very_words(service: str, version: str) -> None:
    [selector] = read('a{s="{{service}}", v=~"x{{ version }}|y"}')
    asked = filled(selector, service, version)
    assert asked.matchers[0].value == service
    assert asked.matchers[1].value == f"x{exactly((version,))}|y"


def test_what_is_asked_for_is_written_as_promql() -> None:
    [selector] = read(r"""a{s="{{service}}", v=~"x{{ version }}|y", w="\"\\\n"}""")
    asked = filled(selector, "s.p", "1.0")
    assert str(asked) == r"""a{s="s.p",v=~"x1\\.0|y",w="\"\\\n"}"""
    assert read(str(asked)) == (asked,)


@pytest.mark.parametrize(
    "matchers,told",
    [
        ('version="{{version}}"', True),
        ('app="x", image="shop:{{ version }}.0"', True),
        ('pod="{{service}}|{{version}}"', True),
        ('version=~"{{version}}"', True),
        ('image=~"shop:{{version}}-amd64"', True),
        ("", False),
        ('app="{{service}}"', False),
        ('version!="{{version}}"', False),
        ('version!~"{{version}}"', False),
        ('version=~"{{version}}|.*"', False),
        ('version=~"{{version}}.*"', False),
        ('version=~".*{{version}}"', False),
        ('version=~"x?{{version}}"', False),
        ('version!="{{version}}", version="{{version}}"', True),
    ],
)
def test_only_the_very_name_of_a_version_tells_it_from_another(matchers: str, told: bool) -> None:
    [selector] = read(f"a{{{matchers}}}")
    assert names_version(selector) is told


@pytest.mark.parametrize("text", ['a{v="\ud800"}', "a{v='\ude00'}", r'a{v="\ud83d\ude00"}', r'a{v="x\udfff"}'])
def test_half_a_sign_is_refused(text: str) -> None:
    with pytest.raises(Rejected, match="half a sign"):
        read(text)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_what_is_quoted_is_read_back(value: str) -> None:
    if "{{" not in value:
        again = Selector("a", (Matcher("v", "=", value),))
        assert read(str(again)) == (again,)
    assert "\n" not in quoted(value)


def test_values_are_accepted_and_no_others() -> None:
    assert exactly(("1.0.0", "a|b")) == r"1\.0\.0|a\|b"
