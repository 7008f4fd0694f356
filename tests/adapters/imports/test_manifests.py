"""Whole manifests of Argo Rollouts and Flagger: everything that is valid is understood, every field is named, and what
is made is what Croupier takes. Mutations of them are reported or refused, and never anything else.
"""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.adapters.imports.manifests import (
    GAP,
    TOOLS,
    not_said_once,
    places,
    problems,
    refused,
    sample,
    samples,
    silent,
)

from croupier.errors import Problem


@pytest.mark.parametrize("tool, name", samples())
def test_every_valid_manifest_is_understood(tool: str, name: str) -> None:
    data = sample(tool, name)
    mades = TOOLS[tool](data)
    assert problems(mades) == []
    assert refused(mades) == []
    assert any(made.what for made in mades)
    for document, made in zip(data, mades, strict=True):
        assert not_said_once(document, made) == [], made.name
        assert [line.path for line in made.lines if GAP in line.text] == []
        assert made.what or not made.documents


@pytest.mark.parametrize("tool, name", samples())
def test_a_line_is_about_something_that_is_there(tool: str, name: str) -> None:
    """Or about a default of which something is to be said."""
    data = sample(tool, name)
    for document, made in zip(data, TOOLS[tool](data), strict=True):
        for line in made.lines:
            inner: Any = document
            parts: list[Any] = list(line.path)
            while parts and isinstance(inner, dict | list):
                part = parts.pop(0)
                assert isinstance(inner, list) or part in inner or not parts, Problem("", line.path).field
                inner = inner[part] if isinstance(inner, list) else inner.get(part)


VALUES = [None, True, False, 0, -1, 7, 120, 2**40, 1.5, float("nan"), "", "x", "-5m", "5m", "{{", "9" * 400, "100%"]
THINGS = [[], {}, [{}], {"a": {"b": 1}}, [[]], ["x"], {"name": "x"}, {"name": 1}, {"exact": "a", "regex": "b"}]
JUNK = st.sampled_from([*VALUES, *THINGS])


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, list[Any]]:
    """A manifest of which one to three places were changed."""
    tool, name = draw(st.sampled_from(samples()))
    data = copy.deepcopy(sample(tool, name))
    for _ in range(draw(st.integers(1, 3))):
        path: tuple[Any, ...] = draw(st.sampled_from([path for path in places(data) if path]))
        path = path[: draw(st.integers(1, len(path)))]
        inner: Any = data
        for part in path[:-1]:
            inner = inner[part]
        change = draw(st.sampled_from(["replace", "remove", "add", "twice"]))
        if change == "remove":
            del inner[path[-1]]
        elif change == "add" and isinstance(inner, dict):
            names = ["unheardOf", "setWeight", "pause", "analysis", "name", "spec", "iterations", "strategy", "match"]
            inner[draw(st.sampled_from(names))] = copy.deepcopy(draw(JUNK))
        elif change == "twice" and isinstance(inner, list):
            inner.append(copy.deepcopy(inner[path[-1]]))
        else:
            inner[path[-1]] = copy.deepcopy(draw(JUNK))
        if not data:
            break
    return tool, data


@settings(max_examples=400)
@given(mutated())
def test_a_mutated_manifest_is_reported_or_refused(given: tuple[str, list[Any]]) -> None:
    tool, data = given
    mades = TOOLS[tool](data)
    assert len(mades) == len(data)
    for document, made in zip(data, mades, strict=True):
        assert all(problem.message for problem in made.problems)
        if not made.problems:
            assert silent(document, made) == []


@settings(max_examples=200)
@given(tool=st.sampled_from(sorted(TOOLS)), data=st.recursive(JUNK, lambda inner: st.lists(inner, max_size=3)))
def test_anything_is_reported_or_refused(tool: str, data: Any) -> None:
    kinds = ["Rollout", "AnalysisTemplate", "Experiment", "Canary", "MetricTemplate", "Nothing"]
    versions = ["argoproj.io/v1alpha1", "flagger.app/v1beta1", "v1"]
    wrapped = [{"apiVersion": version, "kind": kind, "spec": data} for version in versions for kind in kinds]
    mades = TOOLS[tool]([data, *wrapped, {"kind": data}, {"apiVersion": data, "metadata": data}])
    assert all(made.problems or made.lines for made in mades)
