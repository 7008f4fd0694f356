"""Is there a result that this metric fails on? Looked for among the values that its conditions speak of. Pure.

Called where a gate is to be shown able to turn red, before a rollout starts.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from typing import Any, Final, TypeAlias

from croupier.core.expr import condition
from croupier.core.expr.functions import PREDICATES
from croupier.core.expr.syntax import Node, walk
from croupier.core.gates.analysis.measurement import Measurement, measured
from croupier.core.gates.analysis.model import Metric
from croupier.core.gates.analysis.run import Phase, judged

Path: TypeAlias = tuple[str | int, ...]
_MOST: Final = 2_000
_STEPS: Final = 1_000_000
"""Work that a search may take: conditions that ask much of every result are asked of fewer."""
_USUAL: Final = (0.0, 1.0, -1.0, 0.5, 1e9, -1e9, math.inf, math.nan, True, False, "", "false", "error", None)


def failing(metric: Metric, at: float = 0.0) -> Measurement | None:
    """A measurement at that time (epoch seconds) which is a failure; ``None`` if none was found."""
    found = _failing(metric)
    return None if found is None else replace(found, at=at)


@lru_cache(maxsize=256)
def _failing(metric: Metric) -> Measurement | None:
    asked = [condition(text) for text in (metric.success, metric.failure) if text is not None]
    if not any(each.reads_result for each in asked):
        return None
    steps = 0
    for value in islice(_results([each.tree for each in asked]), _MOST):
        steps += sum(each.steps(value) for each in asked)
        if steps > _STEPS:
            return None
        found = measured(metric.name, 0.0, value)
        if judged(metric, found, argo=False)[0] is Phase.FAILED:
            return found
    return None


def _results(trees: list[Node]) -> Iterator[Any]:
    """Results of every shape that the conditions read, filled with each of the values that they speak of."""
    paths = sorted({path for tree in trees for path in _paths(tree, ())}, key=repr)
    values = list(_values(trees))
    for value in values:
        yield value
        yield [value]
        yield [value, value, value]
    yield []
    yield [0.0] * 100
    for value in values if any(paths) else ():
        shaped = _shaped(paths, value)
        yield shaped
        yield [shaped]


def _values(trees: list[Node]) -> Iterator[Any]:
    for tree in trees:
        for node in walk(tree):
            if node.kind != "literal":
                continue
            if isinstance(node.value, int | float) and not isinstance(node.value, bool):
                yield from (float(node.value), node.value + 1.0, node.value - 1.0, -float(node.value), node.value * 1e3)
                yield from (str(node.value), str(node.value + 1), str(node.value - 1))
            elif isinstance(node.value, str):
                yield from (node.value, f"{node.value}!")
    yield from _USUAL


def _paths(node: Node, item: Path) -> Iterator[Path]:
    """The ways down into the result that the expression goes; ``item`` is the way to what ``#`` is here."""
    way = _path(node, item)
    if way is not None:
        yield way
    inner = item
    for position, part in enumerate(node.parts):
        if node.kind == "call" and node.value in PREDICATES and position == 1:
            inner = (*(_path(node.parts[0], item) or ()), 0)
        yield from _paths(part, inner)


def _path(node: Node, item: Path) -> Path | None:
    """The way to what this reads: names of fields, 0 for the items of a list; ``None`` for anything calculated."""
    if node.kind == "name":
        return ()
    if node.kind == "item":
        return item
    above = _path(node.parts[0], item) if node.kind in {"member", "maybe", "index"} else None
    if above is None:
        return None
    if node.kind != "index":
        return (*above, str(node.value))
    key = node.parts[1].value
    return (*above, key if isinstance(key, str) else 0)


def _shaped(paths: list[Path], value: Any) -> Any:
    """Maps and lists in which every way leads to the value."""
    deeper = [path for path in paths if path]
    if not deeper:
        return value
    heads = {path[0] for path in deeper}
    below = {head: _shaped([path[1:] for path in deeper if path[0] == head], value) for head in heads}
    return [below[0]] if 0 in below else below
