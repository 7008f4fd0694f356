"""Flags that require one another: circles and blow-ups are refused."""

import re
from itertools import pairwise

import pytest

from croupier.core.flags.requirements import DEEPEST, MOST, weigh


def asked(graph: dict[str, list[str]], key: str = "a") -> int:
    return weigh(key, lambda name: graph.get(name, []))


def chain(length: int) -> dict[str, list[str]]:
    names = ["a", *(f"f{index}" for index in range(1, length))]
    return {name: [after] for name, after in pairwise(names)}


@pytest.mark.parametrize(
    "graph, weight",
    [
        ({}, 1),
        ({"a": ["b", "c"]}, 3),
        ({"a": ["b", "c"], "b": ["d"], "c": ["d"]}, 5),
        ({"a": ["gone"]}, 2),
        (chain(DEEPEST + 1), DEEPEST + 1),
        ({"a": [f"f{index}" for index in range(MOST - 1)]}, MOST),
    ],
)
def test_what_an_answer_takes(graph: dict[str, list[str]], weight: int) -> None:
    assert asked(graph) == weight


@pytest.mark.parametrize(
    "graph, words",
    [
        ({"a": ["a"]}, "it requires itself: a -> a"),
        ({"a": ["b"], "b": ["c"], "c": ["b"]}, "it requires itself: b -> c -> b"),
        (chain(DEEPEST + 2), "more than 16 flags require one another in a row"),
        ({"a": [f"f{index}" for index in range(MOST)]}, "more than 256 other flags' answers"),
        ({"a": ["b", "B"]} | {x: [chr(ord(x) + 1), chr(ord(x) + 1).upper()] for x in "bcdefghijk"}
         | {x.upper(): [chr(ord(x) + 1), chr(ord(x) + 1).upper()] for x in "bcdefghijk"}, "more than 256"),
    ],
)  # fmt: skip
def test_refused(graph: dict[str, list[str]], words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        asked(graph)
