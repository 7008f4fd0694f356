"""``croupier import argo``: Argo Rollouts' AnalysisTemplates become Gates. Needs no control plane."""

import io
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from croupier.cli.folder import write_each
from croupier.cli.imports.argo_report import Imported, as_object, say, tally
from croupier.cli.output import Exit, Json, print_json
from croupier.errors import Problem, Rejected

if TYPE_CHECKING:
    from croupier.adapters.imports.argo import Made
    from croupier.adapters.manifests.located import Located


def argo(
    files: Annotated[list[Path], typer.Argument(help="Files or directories with documents of Argo Rollouts.")],
    arg: Annotated[
        list[str] | None,
        typer.Option(
            help="A value for an argument of the templates, which rollouts give there: service-name=payments. May be "
            "given several times.",
            metavar="NAME=VALUE",
        ),
    ] = None,
    compat: Annotated[
        Literal["argo"] | None,
        typer.Option(help="argo: behave as Argo Rollouts does where gates differ by default; the report says where."),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write a file per Gate there, instead of printing them.")
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Leave with 1, and write nothing, if a metric or a template is not carried over."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Turn AnalysisTemplates of Argo Rollouts into Gates. A report says of every field whether it was carried over,
    what is different here and why, or what to do where it is not possible. Nothing is applied: look at the files, then
    'croupier apply'. Leaves with 5 when a file is not valid, or nothing of it can be carried over, and writes nothing
    then.
    """
    from croupier.cli.validate import as_object as mistake

    found, problems = _read(files, _args(arg or []), argo=compat == "argo")
    templates = tally(found)
    short = strict and not templates.is_whole
    documents = [] if problems or short else [made for item in found for made in item.made.documents]
    if as_json:
        print_json(
            {
                "ok": bool(documents),
                "templates": templates.as_object(),
                "documents": documents,
                "report": [as_object(item, line) for item in found for line in item.made.lines],
                "problems": [mistake(problem) for problem in problems],
            }
        )
    else:
        say(found, problems, templates, strict=strict)
    if problems:
        raise typer.Exit(Exit.REJECTED)
    if not any(item.made.documents for item in found):
        raise Rejected("None of these documents could be carried over.", hint="The report says what to do instead.")
    if short:
        raise typer.Exit(Exit.FAILED)
    texts = {f"{made['metadata']['name']}.yaml": _yaml(made) for made in documents}
    if folder is not None:
        write_each(folder, texts)
    elif not as_json:
        sys.stdout.write("---\n".join(texts.values()))


def _args(given: list[str]) -> dict[str, str]:
    values = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise Rejected(f"'{text}' gives no argument a value.", hint="Write --arg service-name=payments.")
        values[name] = value
    return values


def _read(files: list[Path], args: Mapping[str, str], *, argo: bool) -> tuple[list[Imported], "list[Located]"]:
    """The documents and what was made of each, and every mistake."""
    from croupier.adapters.imports.argo import import_argo
    from croupier.adapters.manifests.files import read_sources
    from croupier.adapters.manifests.located import Located
    from croupier.adapters.manifests.tree import parse_trees

    found: list[Imported] = []
    problems: list[Located] = []
    names: dict[str, str] = {}
    for source in read_sources(files):
        problems += [source.problem] if source.problem is not None else []
        trees, wrong = parse_trees(source.text, source.file) if source.text is not None else ([], [])
        problems += wrong
        for tree in trees:
            if tree.data is None:
                continue
            made = import_argo(tree.data, args, argo=argo)
            made.problems += _senseless(made)
            if made.name and made.name in names:
                hint = "Gates have no namespaces: give one of them another name."
                made.wrong(("metadata", "name"), f"'{made.name}' is in {names[made.name]} already.", hint)
            names.setdefault(made.name, source.file)
            item = Imported(source.file, tree.marks, made)
            problems += (Located(item.file, *item.line(wrong.path), wrong) for wrong in made.problems)
            found.append(item)
    return found, problems


def _senseless(made: "Made") -> list[Problem]:
    """What is wrong with the Gate that was made, at the template's field that it comes from."""
    from croupier.adapters.manifests import parse_objects

    problems = parse_objects(made.documents).errors
    return [
        Problem(
            item.problem.message, tuple(part for part in item.problem.path[1:] if part != "analysis"), item.problem.hint
        )
        for item in problems
    ]


def _yaml(document: Mapping[str, Any]) -> str:
    from ruamel.yaml import YAML

    writer, text = YAML(typ="safe", pure=True), io.StringIO()
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # its stub has None for a switch
    writer.width = 110
    writer.dump(document, text)
    return text.getvalue()
