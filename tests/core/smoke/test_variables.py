"""Names in texts, and their values."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.smoke.variables import amounts_in, as_text, filled, filled_json, names_in

VALUES = {"a": "x", "n": Decimal("10.50"), "list": [1, {"b": None}], "yes": True}


def test_names() -> None:
    assert names_in("${a}-${ totp:p.q }${") == ("a", "totp:p.q")
    assert names_in("$a {b} ${}") == ()


@pytest.mark.parametrize(
    "body,expected",
    [
        ("${a}", "x"),
        ("${a}/${n}", "x/10.50"),
        ("${n}", Decimal("10.50")),
        ("<${list}>", '<[1, {"b": null}]>'),
        ("${yes}!", "true!"),
        ({"k${a}": ["${n}", 5, None]}, {"kx": [Decimal("10.50"), 5, None]}),
    ],
)
def test_a_text_that_is_one_name_alone_takes_its_value_as_it_is(body: object, expected: object) -> None:
    assert filled_json(body, VALUES.__getitem__) == expected


def test_a_name_without_a_value_is_for_whoever_looks_it_up() -> None:
    with pytest.raises(KeyError):
        filled("${nobody}", VALUES.__getitem__)


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_no_digit_of_an_amount_is_lost(amount: Decimal) -> None:
    assert Decimal(as_text(amount)) == amount
    assert [value for _, value in amounts_in([{"to": {"amount": as_text(amount)}}], ("amount",))] == [amount]


@given(st.text().filter(lambda text: "${" not in text))
def test_text_without_names_stays(text: str) -> None:
    assert filled(text, VALUES.__getitem__) == text
