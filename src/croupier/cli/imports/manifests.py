"""Whole manifests of another tool made into our documents: read together, reported, written. Called by the commands."""

import io
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from croupier.cli.folder import write_each
from croupier.cli.imports.reading import documents_of
from croupier.cli.imports.report import PLURALS, Imported, as_object, say, tallies
from croupier.cli.output import Exit, clean, print_json
from croupier.errors import Problem, Rejected

if TYPE_CHECKING:
    from croupier.adapters.imports.made import Made
    from croupier.adapters.manifests.located import Located

Convert: TypeAlias = "Callable[[Sequence[Any]], list[Made]]"
"""What is made of each of the documents of all files."""
Out: TypeAlias = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Write a file per document there, instead of printing them."),
]
Strict: TypeAlias = Annotated[
    bool,
    typer.Option("--strict", help="Leave with 1, and write nothing, if something that they do is not carried over."),
]


def import_manifests(files: list[Path], convert: Convert, *, folder: Path | None, strict: bool, as_json: bool) -> None:
    """Say what became of every field, and write the documents, or print them. Leaves with 5 when something is not
    valid, or nothing can be carried over; with ``strict`` with 1 when not all of it can.
    """
    from croupier.cli.validate import as_object as mistake

    found, problems = imported(files, convert)
    counted_up = tallies(found)
    short = strict and not all(tally.is_whole for tally in counted_up)
    documents = [] if problems or short else [made for item in found for made in item.made.documents]
    if as_json:
        print_json(
            {
                "ok": bool(documents),
                **{PLURALS[tally.what]: tally.as_object() for tally in counted_up},
                "documents": documents,
                "report": [as_object(item, line) for item in found for line in item.lines],
                "problems": [mistake(problem) for problem in problems],
            }
        )
    else:
        say(found, problems, counted_up, strict=strict)
    if problems:
        raise typer.Exit(Exit.REJECTED)
    if not any(item.made.documents for item in found):
        raise Rejected("None of these documents could be carried over.", hint="The report says what to do instead.")
    if short:
        raise typer.Exit(Exit.FAILED)
    texts = _texts(documents)
    if folder is not None:
        write_each(folder, texts)
    elif not as_json:
        sys.stdout.write("---\n".join(texts.values()))


def imported(files: list[Path], convert: Convert) -> tuple[list[Imported], "list[Located]"]:
    """The documents and what was made of each, and every mistake, also what Croupier would refuse of it."""
    from croupier.adapters.manifests.located import Located

    documents, problems = documents_of(files)
    mades = convert([document.data for document in documents])
    found = [
        Imported(document.file, document.marks, made, document.at)
        for document, made in zip(documents, mades, strict=True)
    ]
    _same_names(found)
    if not any(item.made.problems for item in found):
        _senseless(mades)
    for item in found:
        for wrong in item.made.problems:
            placed = Problem(wrong.message, (*item.at, *wrong.path), wrong.hint)
            problems.append(Located(item.file, *item.line(wrong.path), placed))
    return found, problems


def _same_names(found: list[Imported]) -> None:
    names: dict[tuple[str, str], str] = {}
    for item in found:
        for document in item.made.documents:
            kind, name = document["kind"], document["metadata"]["name"]
            if (kind, name) in names:
                hint = f"{kind}s have no namespaces: give one of them another name."
                item.made.wrong(("metadata", "name"), f"'{name}' is in {names[kind, name]} already.", hint)
            names.setdefault((kind, name), item.file)


def _senseless(mades: "list[Made]") -> None:
    """What Croupier would refuse of the documents, noted at the field that it comes from."""
    from croupier.adapters.manifests import parse_objects

    owners = [(made, index) for made in mades for index in range(len(made.documents))]
    bundle = parse_objects([made.documents[index] for made, index in owners], partial=True)
    for item in bundle.errors:
        first, *path = item.problem.path
        made, index = owners[int(first)]
        place = made.origin((index, *path)) if made.origins else tuple(part for part in path if part != "analysis")
        made.wrong(place, item.problem.message, item.problem.hint)


def _texts(documents: list[dict[str, Any]]) -> dict[str, str]:
    """A file for each document: a Gate's has its name, others also their kind."""
    texts: dict[str, str] = {}
    for document in documents:
        kind, name = document["kind"], document["metadata"]["name"]
        file = f"{name}.yaml" if kind == "Gate" else f"{name}.{kind.lower()}.yaml"
        while file in texts:  # a Gate may be called a.rollout, and another one rollout-a.rollout
            file = f"{kind.lower()}-{file}"
        texts[file] = _yaml(document)
    return texts


def _texts_in(data: Any) -> Iterator[str]:
    """Every line of every text."""
    if isinstance(data, str):
        yield from data.split("\n")
    for each in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
        yield from _texts_in(each)


def _yaml(document: Mapping[str, Any]) -> str:
    from ruamel.yaml import YAML

    writer, text = YAML(typ="safe", pure=True), io.StringIO()
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # its stub has None for a switch
    writer.width = 110
    writer.representer.ignore_aliases = lambda *_: True
    # What a terminal or an editor would act on instead of showing it (bidirectional text) is written as its number.
    writer.allow_unicode = not any(clean(text) != text for text in _texts_in(document))
    writer.dump(document, text)
    return text.getvalue()
