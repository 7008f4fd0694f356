"""``croupier preset …``: changes of flags, prepared and approved beforehand, made at once and undone exactly."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from croupier.cli.complete import preset_names
from croupier.cli.connection import Connection, segment
from croupier.cli.output import Exit, Json, Reason, counted, note, out, plain, print_json, print_table, when
from croupier.errors import Rejected

app = typer.Typer(help="Prepare changes of flags, and make them at once.", no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[
    str,
    typer.Argument(help="The preset, for example provider-x-off.", metavar="PRESET", autocompletion=preset_names),
]


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """Presets by name: whether they are approved and in force."""
    connection: Connection = context.obj
    with connection.open() as client:
        presets = client.pages("presets", 10_000)
    if as_json:
        print_json(presets)
        return
    if not presets:
        note("No presets yet. Prepare one: croupier preset put FILE")
    rows = [
        (item["name"], _standing(item), len(item["preset"]["changes"]), item["author"], item["description"])
        for item in presets
    ]
    print_table(("PRESET", "STATE", "CHANGES", "BY", "WHAT"), rows)


@app.command()
def show(context: typer.Context, preset: Name, as_json: Json = False) -> None:
    """One preset: its changes, its approval, and its digest."""
    connection: Connection = context.obj
    with connection.open() as client:
        found = client.get(f"presets/{segment(preset)}")
    if as_json:
        print_json(found)
        return
    _show(found)
    for change in found["preset"]["changes"]:
        out.print(plain(f"  {_change(change)}"))


@app.command()
def put(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A Preset document, or JSON with name and changes.")],
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Prepare the changes of this file. A preset that is changed needs a new approval."""
    written = _read(file)
    connection: Connection = context.obj
    with connection.open() as client:
        done = client.put(f"presets/{segment(str(written['name']))}", written, reason=reason)
    if as_json:
        print_json(done)
    else:
        _show(done)


@app.command()
def approve(
    context: typer.Context,
    preset: Name,
    digest: Annotated[str | None, typer.Option(help="Of what you have looked at; without it you are shown it.")] = None,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Approve a preset that somebody else wrote. An approval is for one digest, and dies with it."""
    connection: Connection = context.obj
    with connection.open() as client:
        if digest is None:
            found, seen = (
                client.get(f"presets/{segment(preset)}"),
                client.post(f"presets/{segment(preset)}/preview", {}),
            )
            digest = _looked_at(found, seen, person=sys.stdin.isatty() and not as_json)
        done = client.post(f"presets/{segment(preset)}/approve", {"digest": digest, "reason": reason})
    if as_json:
        print_json(done)
    else:
        _show(done)


@app.command()
def preview(context: typer.Context, preset: Name, as_json: Json = False) -> None:
    """Say what it would change now. Where it is in force, what undoing it would change."""
    connection: Connection = context.obj
    with connection.open() as client:
        seen = client.post(f"presets/{segment(preset)}/preview", {})
    if as_json:
        print_json(seen)
    else:
        _show_preview(seen)


@app.command()
def apply(
    context: typer.Context,
    preset: Name,
    digest: Annotated[str | None, typer.Option(help="Only if it is still this.")] = None,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Make all its changes at once, under one version. It must be approved."""
    _act(context, preset, "apply", as_json, reason=reason, **({"digest": digest} if digest else {}))


@app.command()
def undo(context: typer.Context, preset: Name, reason: Reason = "", as_json: Json = False) -> None:
    """Put every flag back to what it was. Refused where somebody changed one of them since."""
    _act(context, preset, "undo", as_json, reason=reason)


def _act(context: typer.Context, preset: str, verb: str, as_json: bool, **body: Any) -> None:
    connection: Connection = context.obj
    with connection.open() as client:
        done = client.post(f"presets/{segment(preset)}/{verb}", body)
    if as_json:
        print_json(done)
        return
    flags = f": {', '.join(done['flags'])}" if done["flags"] else ""
    what = "is in force" if verb == "apply" else "is undone"
    changed = counted(len(done["flags"]), "flag")
    out.print(f"{plain(done['preset'])} {what}; {changed} changed under version {done['version']}{plain(flags)}")
    for warning in done.get("warnings", ()):
        _show_warning(warning)


def _standing(preset: dict[str, Any]) -> str:
    if preset["applied"]:
        return "in force"
    return "approved" if preset["approved"] else "not approved"


def _show(found: dict[str, Any]) -> None:
    out.print(f"[bold]{plain(found['name'])}[/] is {_standing(found)}  {plain(found['description'])}")
    out.print(f"digest    {plain(found['digest'])}")
    out.print(f"version   {found['version']}, changed {when(found['changedAt'])} by {plain(found['author'])}")
    if found["approved"]:
        out.print(f"approved  {when(found['approval']['at'])} by {plain(found['approval']['actor'])}")
    if applied := found["applied"]:
        out.print(f"in force  {when(applied['at'])} by {plain(applied['actor'])}: {plain(applied['reason'] or '-')}")
        if applied["digest"] != found["digest"]:
            standing = "approved" if found["approved"] else "not approved"
            out.print(f"          with another content, {plain(applied['digest'])}; the one above is {standing}")


def _show_preview(seen: dict[str, Any]) -> None:
    rows = [(item["flag"], "; ".join(item["changes"])) for item in seen["changes"]]
    print_table(("FLAG", "CHANGES"), rows)
    for problem in seen["problems"]:
        note(f"it would be refused: {problem['field']}: {problem['message']}")
    for warning in seen.get("warnings", ()):
        _show_warning(warning)
    note("this is what undoing it changes" if seen["undo"] else "nothing was changed")


def _show_warning(warning: dict[str, Any]) -> None:
    note(f"warning: {warning['message']} {warning.get('hint', '')}".rstrip())


def _change(change: dict[str, Any]) -> str:
    where = f" in {change['environment']}" if change.get("environment") else ""
    if change.get("kill"):
        return f"{change['flag']}: kill"
    settings = {name: value for name, value in change.items() if name not in ("flag", "environment", "kill")}
    return f"{change['flag']}{where}: {json.dumps(settings, ensure_ascii=False)}"


def _looked_at(found: dict[str, Any], seen: dict[str, Any], *, person: bool) -> str:
    """The digest of what is shown now, where a person says yes to it."""
    if not person:
        raise Rejected(
            "An approval is for what you have looked at.", hint=f"Look at it, then add --digest {found['digest']}"
        )
    _show(found)
    _show_preview(seen)
    if not typer.confirm("Approve this?"):
        raise typer.Exit(1)
    return str(found["digest"])


def _read(file: Path) -> dict[str, Any]:
    """The preset of a document of ours, or of plain JSON."""
    from croupier.adapters.manifests import read_json, read_paths
    from croupier.cli.validate import show_problems
    from croupier.core.flags.preset import write_preset

    try:
        found = read_json(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        found = None  # the reader of documents says what is wrong
    if isinstance(found, dict) and "apiVersion" not in found and "changes" in found:
        return {"name": "", **found}
    bundle = read_paths([file], known=None)
    show_problems(bundle)
    if bundle.errors:
        raise typer.Exit(Exit.REJECTED)
    if len(bundle.presets) != 1:
        raise Rejected(f"{file} holds {counted(len(bundle.presets), 'preset')}; it takes one.")
    return write_preset(bundle.presets[0].preset)
