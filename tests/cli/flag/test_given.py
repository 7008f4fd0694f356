"""What is written on a command line becomes the context that a service would give."""

from typing import Any

import pytest

from croupier.cli.flag.given import read_context
from croupier.errors import Rejected


@pytest.mark.parametrize(
    "whole, attributes, context",
    [
        (None, [], {}),
        (None, ["market=DE", "user=42", "version=1.10"], {"market": "DE", "user": "42", "version": "1.10"}),
        (None, ["user.id=p1", "user.isEmployee=true"], {"user": {"id": "p1", "isEmployee": True}}),
        (None, ["vip=false", "empty=", "sum=a=b"], {"vip": False, "empty": "", "sum": "a=b"}),
        (None, ["level:=5", 'brands:=["X"]'], {"level": 5, "brands": ["X"]}),
        ('{"user": {"id": "p1"}, "m": 1}', ["user.vip=true", "m=2"], {"user": {"id": "p1", "vip": True}, "m": "2"}),
    ],
)
def test_a_context(whole: str | None, attributes: list[str], context: dict[str, Any]) -> None:
    assert read_context(whole, attributes) == context


@pytest.mark.parametrize(
    "whole, attributes, said",
    [
        ("[1]", [], "A context is a JSON object."),
        ("{", [], "--context holds no JSON"),
        ("[" * 100_000, [], "--context holds no JSON"),
        (None, ["market"], "'market' is no attribute."),
        (None, ["=DE"], "'=DE' is no attribute."),
        (None, [":=5"], "':=5' is no attribute."),
        (None, ["level:=five"], "level:=five holds no JSON"),
        (None, ["user=p1", "user.vip=true"], "'user' has a value of its own, so it has no 'vip'."),
    ],
)
def test_what_is_no_context(whole: str | None, attributes: list[str], said: str) -> None:
    with pytest.raises(Rejected, match=r"market=DE|--context") as refused:
        read_context(whole, attributes)
    assert said in refused.value.message
