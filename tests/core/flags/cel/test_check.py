import pytest

from croupier.core.flags.cel.check import Doubt, check
from croupier.core.flags.cel.kinds import Type
from croupier.core.flags.cel.parser import parse

TYPES = {
    "market": Type.STRING,
    "deposits": Type.INT,
    "ratio": Type.DOUBLE,
    "user.isEmployee": Type.BOOL,
    "user.roles": Type.LIST,
    "user.tags": Type.MAP,
    "user.details": Type.ANY,
    "since": Type.TIMESTAMP,
    "pause": Type.DURATION,
}


@pytest.mark.parametrize(
    "text, column, says",
    [
        ("market > 3", 8, "market is a string, 3 is a number: > can never be decided"),
        ("market == 3", 8, "market is a string, 3 is a number: this is never true"),
        ("market != 3", 8, "this is always true"),
        ("user.roles < [1]", 12, "user.roles is a list, [1] is a list: < can never be decided"),
        ("market in [1, 2]", 8, "nothing in the list is: this is never true"),
        ("deposits in []", 10, "never true"),
        ("'vip' in market", 7, "write market.contains('vip')"),
        ("1 in deposits", 3, "in can never be decided"),
        ("market in user.isEmployee", 8, "in can never be decided"),
        ("markt == 'DE'", 1, "no attribute markt is known: did you mean market?"),
        ("user.isemploye", 6, "did you mean user.isEmployee?"),
        ("has(user.role)", 1, "did you mean user.roles?"),
        ("usr.isEmployee && true", 5, "did you mean user.isEmployee?"),
        ("!market in ['DE']", 1, "! belongs to market alone: write !(market in ['DE'])"),
        ("market", 1, "market is a string, not true or false"),
        ("1 + 2", 3, "1 + 2 is a number, not true or false"),
        ("'a' && true", 1, "'a' is a string, not true or false"),
        ("deposits || true", 1, "deposits is a number, not true or false"),
        ("!deposits", 2, "deposits is a number"),
        ("deposits ? true : false", 1, "deposits is a number"),
        ("1 == 2", 3, "1 == 2 is always false"),
        ("true == 1", 6, "always false"),
        ("1 in [1, 2]", 3, "always true"),
        ("market == 'DE' && market == 'SE'", 26, "compared with 'DE' and 'SE' at once: this is never true"),
        ("market != 'DE' || market != 'SE'", 26, "this is always true"),
        ("deposits + 0.5 > 1.0", 10, "write double(...) around the whole one"),
        ("market * 2 == 4", 8, "* can never be decided"),
        ("ratio % 2.0 == 0.0", 7, "% can never be decided"),
        ("since + since > now", 7, "+ can never be decided"),
        ("deposits.startsWith('1')", 1, "deposits is a number: startsWith can never be decided"),
        ("market.startsWith(1)", 19, "1 is a number"),
        ("int(user.isEmployee) == 1", 10, "int can never be decided"),
        ("market.getHours() == 1", 1, "getHours can never be decided"),
        ("pause.getFullYear() == 1", 1, "getFullYear can never be decided"),
        ("since.getHours(1) == 1", 16, "1 is a number"),
        ("since.getHours('Europe/Berlim') == 1", 16, "no time zone 'Europe/Berlim'"),
    ],
)
def test_doubts(text: str, column: int, says: str) -> None:
    found = check(parse(text), TYPES)
    assert any(doubt.column == column and says in doubt.message for doubt in found), found


@pytest.mark.parametrize(
    "text",
    [
        "true",
        "market in ['DE', 'SE']",
        "market in [somewhere]",
        "market == 'DE' || market == 'SE'",
        "market != 'DE' && market != 'SE'",
        "market == 'DE' && market == 'DE'",
        "deposits == 3.0 && ratio < 1",
        "deposits in [1.5, 2]",
        "user.isEmployee == true",
        "user.details.anything > 3",
        "nothing.like.it == 'x'",
        "'vip' in user.roles && 'x' in user.tags",
        "user.roles[0] == 'vip'",
        "user.tags.x == 1",
        "size(market) > 2 && market.size() > 2",
        "now - since > pause",
        "since + pause < now",
        "pause + since < now",
        "pause - pause < pause + pause",
        "market + 'x' == 'DEx'",
        "user.roles + ['x'] == ['x']",
        "-deposits < 0",
        "user.details + 1 < 0",
        "-user.details < 0",
        "(user.isEmployee ? 1 : 2) == 1",
        "(user.isEmployee ? 1 : 'x') == 1",
        "now.getHours('Europe/Berlin') >= 8",
        "now.getHours(market) >= 8",
        "{'a': 1}.a == 1 && {'a': 1} == user.tags",
        "1 / 0 == 1",
        "[1] < [2] || true",
        "segment('vips')",
        "has(market) && !has(user.isEmployee)",
        "semver(market) > semver('1.0.0')",
    ],
)
def test_no_doubts(text: str) -> None:
    found = check(parse(text), TYPES)
    assert found == () or text.startswith("[1] <"), found


def test_without_types_nothing_is_doubted_but_what_is_always_so() -> None:
    assert check(parse("markt == 3 && usr.vip"), {}) == ()
    assert check(parse("1 == 2"), {}) == (Doubt(3, "1 == 2 is always false"),)


def test_doubts_come_in_the_order_of_the_text() -> None:
    found = check(parse("market > 3 && markt == 'x'"), TYPES)
    assert [doubt.column for doubt in found] == [8, 15]


def test_codes_without_quotes_are_no_attributes() -> None:
    found = check(parse("market in [DE, 'SE'] && has(VIP)"), TYPES)
    assert [(doubt.column, doubt.message) for doubt in found] == [
        (12, "no attribute DE is known: did you mean 'DE'?"),
        (25, "no attribute VIP is known: did you mean 'VIP'?"),
    ]
