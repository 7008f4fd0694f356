"""YAML within limits: what is read, what is refused, and where."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.adapters.manifests.tree import MAX_DEPTH, MAX_DOCUMENTS, MAX_VALUES, parse_trees


def data_of(text: str) -> Any:
    (tree,), problems = parse_trees(text, "f")
    assert not problems
    return tree.data


def complaint(text: str) -> str:
    _, (problem,) = parse_trees(text, "f")
    return str(problem)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("a: no", {"a": "no"}),
        ("a: NO", {"a": "NO"}),
        ("a: on", {"a": "on"}),
        ("a: 1:30", {"a": "1:30"}),
        ("a: 0o17", {"a": 15}),
        ("a: 017", {"a": 17}),
        ("a: 0x1F", {"a": 31}),
        ("a: 1.10", {"a": 1.1}),
        ("a: 1e3", {"a": 1000.0}),
        ("a: '5'", {"a": "5"}),
        ("a: !!str 5", {"a": "5"}),
        ("a: ~", {"a": None}),
        ("a:", {"a": None}),
        ("a: True", {"a": True}),
        ("a: -.inf", {"a": float("-inf")}),
        ("a: " + "9" * 50, {"a": 1e50}),
        ("%YAML 1.1\n---\na: no", {"a": "no"}),
        ('{"a":\t"\\ud83d\\ude00\\/", "b": [1, 2.5, null]}', {"a": "😀/", "b": [1, 2.5, None]}),
        ('{\n\t"a": {\n\t\t"b": 1\n\t}\n}', {"a": {"b": 1}}),
        ("a: |\n  x\n   y\n", {"a": "x\n y\n"}),
        ("base: &b {x: 1, y: 2}\nuse: *b", {"base": {"x": 1, "y": 2}, "use": {"x": 1, "y": 2}}),
        ("base: &b {x: 1, y: 2}\nuse: {<<: *b, y: 3}", {"base": {"x": 1, "y": 2}, "use": {"x": 1, "y": 3}}),
        ("use: {<<: [{x: 1}, {x: 2, z: 3}]}", {"use": {"x": 1, "z": 3}}),
        ("use: {<<: [1], a: b}", {"use": {"<<": [1], "a": "b"}}),
        ("use: {<<: x, a: b}", {"use": {"<<": "x", "a": "b"}}),
        ("\r\na: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
    ],
)
def test_values_follow_yaml_1_2(text: str, expected: Any) -> None:
    assert data_of(text) == expected


def test_marks_lead_to_keys_and_values() -> None:
    (tree,), _ = parse_trees("a: 1\nb:\n  - {c: 1.10}\n", "f")
    mark = tree.marks["b", 0, "c"]
    assert (mark.line, mark.column, mark.key_line, mark.key_column, mark.written) == (3, 9, 3, 6, "1.10")


def test_documents_before_a_broken_one_are_kept() -> None:
    trees, problems = parse_trees("a: 1\n---\nb: [\n", "f")
    assert [tree.data for tree in trees] == [{"a": 1}]
    assert [(problem.line, problem.column) for problem in problems] == [(4, 1)]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("a: 1\nb: 2\na: 3\n", "f:3:1 'a' is written twice; the first is in line 1. Remove one."),
        ("1: a\n", 'f:1:1 a key must be text, found 1. Write "1":.'),
        ("true: a\n", 'f:1:1 a key must be text, found true. Write "true":.'),
        ("{a}: b\n", "f:1:1 a key must be text, found a list or a mapping. Is a '{' or a '[' unquoted?"),
        (
            "port: {port}: x\n",
            ("f:1:13 a second ':' in one line, or wrong indentation. Put the text in quotes, or indent the key."),
        ),
        (
            "a: b: c\n",
            ("f:1:5 a second ':' in one line, or wrong indentation. Put the text in quotes, or indent the key."),
        ),
        ("a:\n\tb: 1\n", "f:2:1 YAML does not allow a tab here. Indent with spaces."),
        ("a: 'x\n", "f:1:4 the quote that opens here is never closed. Close it."),
        (
            "a: [1\nb: 2\n",
            (
                "f:2:2 this is no YAML: expected ',' or ']', but got ':' "
                "(while parsing a flow sequence that starts in line 1). Check brackets, quotes and indentation."
            ),
        ),
        ("a: &x [*x]\n", "f:1:8 the alias '*x' contains itself: a cyclic reference. Write the value out."),
        ("a: &x {b: {c: *x}}\n", "f:1:15 the alias '*x' contains itself: a cyclic reference. Write the value out."),
        ("a: *x\n", "f:1:4 there is no anchor '&x' before this alias. Define it above."),
        (
            "a: !!python/object/apply:os.system [x]\n",
            'f:1:4 the tag "!!python/object/apply:os.system" is not allowed. Write plain values.',
        ),
        ("a: !secret x\n", 'f:1:4 the tag "!secret" is not allowed. Write plain values.'),
        ("a: b\x00c\n", "f:1:5 the character NUL is not allowed in a file. Remove it."),
        ("a: b\n\x1b[31m\n", "f:2:1 the character U+001B is not allowed in a file. Remove it."),
        ('a: "\\ud800"\n', "f:1:4 this text holds half of a character (a lone surrogate). Write the whole character."),
        ("---\n" * (MAX_DOCUMENTS + 1), "f:1001:1 a file holds at most 1000 documents. Split it."),
        (
            "[" * (MAX_DEPTH + 2),
            (f"f:1:{MAX_DEPTH + 2} this is nested more than 40 levels deep. No Croupier document needs that."),
        ),
    ],
)
def test_refused_texts(text: str, expected: str) -> None:
    assert complaint(text) == expected


def test_a_billion_laughs_are_refused_before_they_are_told() -> None:
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    assert complaint("\n".join(lines)) == (
        "f:5:25 this file holds more than 50000 values, aliases included. Split it, or use fewer aliases."
    )


def test_a_ladder_of_aliases_is_not_deeper_than_brackets() -> None:
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 60))]
    assert "nested more than 40 levels" in complaint("\n".join(lines))
    merges = ["a0: &a0 {x: y}", *(f"a{n}: &a{n} {{<<: *a{n - 1}}}" for n in range(1, 60))]
    assert "nested more than 40 levels" in complaint("\n".join(merges))


def test_many_values_are_refused() -> None:
    assert "more than 50000 values" in complaint("\n".join(f"- {n}" for n in range(MAX_VALUES + 1)))


YAML_BITS = st.sampled_from(
    [
        "a",
        "- ",
        ": ",
        "\n",
        "  ",
        "{",
        "}",
        "[",
        "]",
        ",",
        "&a ",
        "*a ",
        "<<",
        "!t ",
        "'",
        '"',
        "|\n",
        ">\n",
        "#",
        "? ",
        "---\n",
        "...\n",
        "\t",
        "%YAML 1.1\n",
        "\\",
        "null",
        "1.10",
        "\ufeff",
        "\x85",
        "\u2028",
        "\\ud800",
        "@",
        "`",
    ]
)


@given(st.lists(YAML_BITS, max_size=60).map("".join) | st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    trees, problems = parse_trees(text, "f")
    for problem in problems:
        assert problem.line >= 1
        assert problem.column >= 1
        assert problem.problem.message
    for tree in trees:
        assert () in tree.marks
