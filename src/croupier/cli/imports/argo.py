"""``croupier import argo``: Argo Rollouts' AnalysisTemplates become Gates. Needs no control plane."""

import io
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from croupier.cli.output import Exit, Json, counted, err, note, out, plain, print_json
from croupier.errors import Problem, Rejected

if TYPE_CHECKING:
    from croupier.adapters.imports.argo import Made
    from croupier.adapters.manifests.located import Located, Mark

_FATES: Final = {
    "kept": ("green", "carried over"),
    "changed": ("yellow", "changed"),
    "left out": ("red", "not possible"),
}


@dataclass(frozen=True, slots=True)
class _Imported:
    """One document of a file, and what was made of it."""

    file: str
    marks: "Mapping[tuple[str | int, ...], Mark]"
    made: "Made"

    def line(self, path: tuple[str | int, ...]) -> tuple[int, int]:
        """Where the field stands, or what it would stand in."""
        for length in range(len(path), -1, -1):
            if (mark := self.marks.get(path[:length])) is not None:
                return (mark.key_line, mark.key_column) if length and mark.key_line else (mark.line, mark.column)
        return 1, 1


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
    as_json: Json = False,
) -> None:
    """Turn AnalysisTemplates of Argo Rollouts into Gates. A report says of every field whether it was carried over,
    what is different here and why, or what to do where it is not possible. Nothing is applied: look at the files, then
    'croupier apply'. Leaves with 5 when a file is not valid, and writes nothing then.
    """
    from croupier.adapters.manifests.located import Located

    found, problems = _read(files, _args(arg or []), argo=compat == "argo")
    for item in found:
        for wrong in (*item.made.problems, *_senseless(item.made)):
            problems.append(Located(item.file, *item.line(wrong.path), wrong))
    if as_json:
        print_json(
            {
                "ok": not problems,
                "documents": [] if problems else [made for item in found for made in item.made.documents],
                "report": [_line(item, line) for item in found for line in item.made.lines],
                "problems": [_as_object(problem) for problem in problems],
            }
        )
    else:
        _report(found, problems)
    if problems:
        raise typer.Exit(Exit.REJECTED)
    texts = {made["metadata"]["name"]: _yaml(made) for item in found for made in item.made.documents}
    if not texts:
        raise Rejected("None of these documents could be carried over.", hint="The report says what to do instead.")
    if folder is not None:
        _write(folder, texts)
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


def _read(files: list[Path], args: Mapping[str, str], *, argo: bool) -> tuple[list[_Imported], "list[Located]"]:
    from croupier.adapters.imports.argo import import_argo
    from croupier.adapters.manifests.files import read_sources
    from croupier.adapters.manifests.located import Located
    from croupier.adapters.manifests.tree import parse_trees

    found: list[_Imported] = []
    problems: list[Located] = []
    names: dict[str, str] = {}
    for source in read_sources(files):
        problems += [source.problem] if source.problem is not None else []
        trees, wrong = parse_trees(source.text, source.file) if source.text is not None else ([], [])
        problems += wrong
        for tree in trees:
            if tree.data is None:
                continue
            item = _Imported(source.file, tree.marks, import_argo(tree.data, args, argo=argo))
            name = item.made.name
            if name and name in names:
                hint = "Gates have no namespaces: give one of them another name."
                twice = Problem(f"'{name}' is in {names[name]} already.", ("metadata", "name"), hint)
                problems.append(Located(source.file, *item.line(twice.path), twice))
            names.setdefault(name, source.file)
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


def _report(found: list[_Imported], problems: "list[Located]") -> None:
    counts: Counter[str] = Counter()
    for item in found:
        if item.made.lines:
            err.print(f"[bold]{plain(item.made.name or item.file)}[/] [dim]{plain(item.file)}[/]")
        for line in item.made.lines:
            colour, word = _FATES[line.fate]
            counts[word] += 1
            field = Problem("", line.path).field
            err.print(f"  {item.line(line.path)[0]:>4} {plain(field)} [{colour}]{word}[/]: {plain(line.text)}")
    note(", ".join(f"{counts[word]} {word}" for _, word in _FATES.values()))
    for problem in problems:
        place = f"{problem.file}:{problem.line}:{problem.column}" if problem.line else problem.file
        field = f" {problem.problem.field}:" if problem.problem.path else ""
        hint = f" [dim]{plain(problem.problem.hint)}[/]" if problem.problem.hint else ""
        err.print(f"[bold]{plain(place)}[/] [red]error[/]{plain(field)} {plain(problem.problem.message)}{hint}")
    if problems:
        err.print(f"[red]✗[/] {counted(len(problems), 'mistake')}; nothing was written.")


def _line(item: _Imported, line: Any) -> dict[str, Any]:
    return {
        "file": item.file,
        "line": item.line(line.path)[0],
        "document": item.made.name,
        "field": Problem("", line.path).field,
        "fate": _FATES[line.fate][1],
        "text": line.text,
    }


def _as_object(item: "Located") -> dict[str, Any]:
    from croupier.cli.validate import as_object

    return as_object(item)


def _yaml(document: Mapping[str, Any]) -> str:
    from ruamel.yaml import YAML

    writer, text = YAML(typ="safe", pure=True), io.StringIO()
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # its stub has None for a switch
    writer.width = 110
    writer.dump(document, text)
    return text.getvalue()


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    """A file per Gate; none where one of them is there already."""
    paths = {folder / f"{name}.yaml": text for name, text in texts.items()}
    taken = [str(path) for path in paths if path.exists()]
    if taken:
        raise Rejected(f"{', '.join(taken[:5])} exists already.", hint="Name another directory.")
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in paths.items():
        path.write_text(text, encoding="utf-8")
        out.print(str(path), markup=False)
