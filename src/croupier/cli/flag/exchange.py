"""``croupier flag import`` and ``flag export``: other vendors' flags become ours with their bucketing, so that nobody
moves; ours become a file, or flagd's definition for any OpenFeature SDK.
"""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias

import typer

from croupier.cli.complete import flag_keys
from croupier.cli.connection import Connection, segment
from croupier.cli.folder import write_each
from croupier.cli.output import Json, err, note, plain, print_json
from croupier.errors import NotFound, Rejected

if TYPE_CHECKING:
    from croupier.adapters.imports import Imported, Note
    from croupier.cli.client import Client
    from croupier.core.flags.state import FlagState

Vendor: TypeAlias = Literal["flagd", "growthbook", "unleash", "launchdarkly"]
_MAX_BYTES: Final = 64 * 1024 * 1024
_FATES: Final = {"kept": "green", "changed": "yellow", "left out": "red"}


def import_(
    vendor: Annotated[Vendor, typer.Argument(help="Whose flags these are.")],
    file: Annotated[Path, typer.Argument(help="Their JSON export; - is standard input.", allow_dash=True)],
    fractional: Annotated[
        Literal["1", "2", "3"] | None,
        typer.Option(
            help="flagd: the version of 'fractional' that dealt the players so far; 3 for Python's flagd-core 2."
        ),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write a file per flag there, instead of printing all.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Turn another vendor's flags into files of ours. Each keeps its bucketing, so that no player moves; a report says
    what became of every flag. Nothing is applied: look at the files, then 'croupier apply'.
    """
    from croupier.core.flags.write import write_flag

    imported = _imported(vendor, fractional, _read(file))
    declarations = [write_flag(flag) for flag in imported.flags]
    if as_json:
        notes = [{"flag": item.flag, "fate": item.fate.value, "text": item.text} for item in imported.notes]
        print_json({"flags": declarations, "notes": notes})
        return
    _report(imported)
    if folder is None:
        sys.stdout.write("---\n".join(map(_text, declarations)))
    else:
        write_each(folder, {f"{item['feature']}.json": _text(item) for item in declarations})
    if not declarations:
        raise Rejected("None of these flags could be carried over.")


def _imported(vendor: Vendor, fractional: str | None, data: Any) -> "Imported":
    from croupier.adapters import imports

    match vendor:
        case "flagd":
            return imports.import_flagd(data, fractional=_version(fractional))
        case "growthbook":
            return imports.import_growthbook(data)
        case "unleash":
            return imports.import_unleash(data)
        case "launchdarkly":
            return imports.import_launchdarkly(data)


def _read(file: Path) -> Any:
    try:
        if str(file) == "-":
            text = sys.stdin.read(_MAX_BYTES + 1)
        else:
            with file.open(encoding="utf-8") as stream:
                text = stream.read(_MAX_BYTES + 1)
    except (OSError, UnicodeDecodeError) as wrong:
        raise Rejected(f"{file} cannot be read: {getattr(wrong, 'strerror', None) or 'it is no UTF-8'}.") from None
    if len(text) > _MAX_BYTES:
        raise Rejected(f"{file} is larger than {_MAX_BYTES >> 20} MiB.", hint="Export fewer flags at a time.")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as wrong:
        raise Rejected(f"{file} holds no JSON ({wrong}).") from None


def _report(imported: "Imported") -> None:
    for item in imported.notes:
        err.print(f"{plain(item.flag or 'all')} [{_FATES[item.fate]}]{item.fate}[/]: {plain(item.text)}")
    counts = Counter(item.fate.value for item in imported.notes)
    note(", ".join(f"{counts[fate]} {fate}" for fate in _FATES))


def _text(declaration: dict[str, Any]) -> str:
    return json.dumps(declaration, indent=2, ensure_ascii=False) + "\n"


def export(
    context: typer.Context,
    flags: Annotated[
        list[str] | None,
        typer.Argument(help="Only these; all without one.", metavar="FLAG…", autocompletion=flag_keys),
    ] = None,
    form: Annotated[Literal["croupier", "flagd"], typer.Option("--format", help="Whose format.")] = "croupier",
    environment: Annotated[
        str | None,
        typer.Option(
            "--environment", "-e", help="For flagd: what this environment has; without it the control plane's first."
        ),
    ] = None,
    fractional: Annotated[
        Literal["1", "2", "3"] | None,
        typer.Option(help="For flagd: the version of 'fractional' that will evaluate it."),
    ] = None,
) -> None:
    """Print flags as a file. Ours, to apply elsewhere, or flagd's definition for any OpenFeature SDK."""
    connection: Connection = context.obj
    with connection.open() as client:
        there = _environment(client, environment)
        found = [client.get(f"flags/{segment(key)}") for key in flags] if flags else client.pages("flags", 100_000)
        if form == "croupier":
            sys.stdout.write("---\n".join(_text(item["declaration"]) for item in found))
            return
        segments = client.pages("documents", 10_000, kind="Segment")
    definition, notes = _definition(found, segments, there, _version(fractional))
    for item in notes:
        if item.fate != "kept":
            err.print(f"{plain(item.flag)} [{_FATES[item.fate]}]{item.fate}[/]: {plain(item.text)}")
    sys.stdout.write(_text(definition))


def _environment(client: "Client", named: str | None) -> str:
    """The environment that is meant. Raises ``NotFound`` with those that there are."""
    from croupier.cli.flag.propagation import environments

    known = environments(client)
    if named is not None and named not in known:
        raise NotFound(f"There is no environment '{named}'.", hint=f"There are: {', '.join(known)}.")
    return named or known[0]


def _definition(
    flags: list[dict[str, Any]], segments: list[dict[str, Any]], environment: str, fractional: Literal[1, 2, 3]
) -> tuple[dict[str, Any], "tuple[Note, ...]"]:
    """flagd's definition of these flags as they answer now: killed and expired ones with their safe variant."""
    from croupier.adapters.imports import export_flagd
    from croupier.adapters.manifests import parse_objects
    from croupier.core.segments import Segment

    bundle = parse_objects([item["document"] for item in segments])
    known = {item.name: item.spec for item in bundle.documents if isinstance(item.spec, Segment)}
    return export_flagd(map(_state, flags), environment, known, fractional=fractional)


def _state(flag: dict[str, Any]) -> "FlagState":
    from croupier.core.flags import events as e
    from croupier.core.flags.read import read_flag
    from croupier.core.flags.state import declare, evolve
    from croupier.core.flags.write import write_flag

    source = write_flag(read_flag({name: value for name, value in flag["declaration"].items() if name != "expires"}))
    at: Any = {"version": flag["version"], "actor": "", "at": 0.0}
    state = declare(e.FlagDeclared(source, flag["digest"]), **at)
    if flag["standing"] == "reverted":
        return evolve(state, e.FlagReverted(), **at)
    return evolve(state, e.FlagKilled(""), **at) if flag["standing"] == "killed" else state


def _version(fractional: str | None) -> Literal[1, 2, 3]:
    versions: dict[str | None, Literal[1, 2, 3]] = {"1": 1, "2": 2, "3": 3}
    if fractional not in versions:
        hint = "3 for Python's flagd-core since 2.0, 2 for the daemon since July 2026, 1 before."
        raise Rejected("Which --fractional? Each version deals players differently.", hint=hint)
    return versions[fractional]
