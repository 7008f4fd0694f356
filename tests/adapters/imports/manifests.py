"""Manifests of other tools, imported, and what must hold of every import. Called by the tests of each tool."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from croupier.adapters.imports.argo import import_argo
from croupier.adapters.imports.flagger import import_flagger
from croupier.adapters.imports.made import Made
from croupier.adapters.manifests import parse_objects
from croupier.adapters.manifests.tree import parse_trees
from croupier.cli.imports.reading import documents_of

SAMPLES = Path(__file__).parent / "samples"
GAP = "the import does not know"
TOOLS: Mapping[str, Callable[[list[Any]], list[Made]]] = {
    "argo": lambda documents: import_argo(documents, {}, argo=False),
    "flagger": import_flagger,
}

CANARY = """apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: wallet}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: wallet}
  analysis: {interval: 1m, threshold: 1, stepWeight: 10}
"""


def sample(tool: str, name: str) -> list[Any]:
    """The documents of a file, with those that are in its lists."""
    documents, problems = documents_of([SAMPLES / tool / f"{name}.yaml"])
    assert not problems
    return [document.data for document in documents]


def read(text: str) -> list[Any]:
    trees, problems = parse_trees(text, "manifest.yaml")
    assert not problems
    return [tree.data for tree in trees]


def samples() -> list[tuple[str, str]]:
    """Tool and name of every file."""
    return sorted((path.parent.name, path.stem) for path in SAMPLES.glob("*/*.yaml"))


def places(data: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where every value is that holds no others."""
    inside = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    found = False
    for key, value in inside:
        found = True
        yield from places(value, (*at, key))
    if not found:
        yield at


def silent(data: Any, made: Made) -> list[tuple[str | int, ...]]:
    """The values that the report drops in silence: neither they nor anything around them has a line about the whole of
    it. What stands beside is named once.
    """
    if not made.what:
        kind, metadata = data.get("kind"), data.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        said = " ".join(line.text for line in made.lines)
        named = [text[:253] for text in (kind, name) if isinstance(text, str)]
        return [] if made.lines and all(text[:60] in said for text in named) else [("kind",)]
    whole = {line.path for line in made.lines if line.whole and line.path and line.text}
    exact = {line.path for line in made.lines if line.text}
    return [
        path
        for path in places(data)
        if path not in exact and not any(path[:length] in whole for length in range(1, len(path) + 1))
    ]


def not_said_once(data: Any, made: Made) -> list[tuple[tuple[str | int, ...], list[str]]]:
    """The values of which not exactly one line speaks, with those lines. What stands beside has one for all of it."""
    lines = [line for line in made.lines if line.whole and line.text]
    if not made.what:
        return [] if len(made.lines) == 1 else [((), [line.text for line in made.lines])]
    found = []
    for path in places(data):
        about = [line.text for line in lines if line.path and path[: len(line.path)] == line.path]
        found += [(path, about)] if len(about) != 1 else []
    return found


def refused(mades: list[Made]) -> list[str]:
    """What Croupier says against the documents that were made."""
    documents = [document for made in mades for document in made.documents]
    return [str(found) for found in parse_objects(documents, partial=True).errors]


def problems(mades: list[Made]) -> list[str]:
    return [str(problem) for made in mades for problem in made.problems]


def documents(mades: list[Made]) -> dict[tuple[str, str], dict[str, Any]]:
    """What was made, by kind and name."""
    return {
        (document["kind"], document["metadata"]["name"]): document["spec"]
        for made in mades
        for document in made.documents
    }


def steps(mades: list[Made], name: str) -> list[Any]:
    """The steps of a Rollout that was made, shortly."""
    found = []
    for step in documents(mades)["Rollout", name]["strategy"]["canary"]["steps"]:
        ((kind, value),) = step.items()
        if kind == "analysis":
            found.append([each["templateName"] for each in value["templates"]])
        else:
            found.append(value if kind == "setWeight" else value.get("duration", "person"))
    return found


def said(mades: list[Made], field: str) -> list[str]:
    """What the report says of a field, with its fate first."""
    from croupier.errors import Problem

    return [
        f"{line.fate.value}: {line.text}"
        for made in mades
        for line in made.lines
        if Problem("", line.path).field == field
    ]
