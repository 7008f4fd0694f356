import pytest

from croupier.core.flags.cel.parser import parse
from croupier.core.flags.cel.syntax import And, attributes, children, path_of, walk


@pytest.mark.parametrize(
    "text, wanted",
    [
        ("true", set()),
        ("market == 'DE' && user.isEmployee", {"market", "user.isEmployee"}),
        ("now > timestamp(user.since)", {"user.since"}),
        ("now.getHours(tz) > 3", {"tz"}),
        ("user['vip'].level > 1", {"user"}),
        ("roles[index].name == 'a'", {"roles", "index"}),
        ("has(market) || has(user.vip) || has({'a': b}.a)", {"market", "user.vip", "b"}),
        ("{a: b}[c] == [d, -e, !f][0]", {"a", "b", "c", "d", "e", "f"}),
        ("a ? b : c.startsWith(d)", {"a", "b", "c", "d"}),
        ("segment('vips') && size(x) > 1", {"x"}),
    ],
)
def test_attributes(text: str, wanted: set[str]) -> None:
    assert attributes(parse(text)) == wanted


def test_trees_can_be_shared_and_compared() -> None:
    one, other = parse("market == 'DE' && a"), parse("market == 'DE' && a")
    assert one == other
    assert hash(one) == hash(other)
    assert isinstance(one, And)
    with pytest.raises(AttributeError):
        one.column = 3  # type: ignore[misc]


def test_walking_goes_through_everything_in_the_order_of_the_text() -> None:
    tree = parse("a && f == [1, {2: b}] || !has(c.d)")
    assert [path for node in walk(tree) if (path := path_of(node))] == [("a",), ("f",), ("b",), ("c",)]
    assert children(parse("has(a)")) == ()


def test_paths() -> None:
    assert path_of(parse("a.b.c")) == ("a", "b", "c")
    assert path_of(parse("now")) is None
    assert path_of(parse("now.a")) is None
    assert path_of(parse("a[0].b")) is None
