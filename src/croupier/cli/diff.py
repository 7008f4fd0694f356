"""``croupier diff``: what ``apply`` would change, field by field. Leaves with 0, 1 or 2 as diff(1) does."""

import io
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from croupier.cli.apply import PROCESS, warning
from croupier.cli.connection import Connection, segment
from croupier.cli.difference import Difference, differences, masked
from croupier.cli.output import Json, counted, note, out, plain, print_json, report
from croupier.errors import CroupierError, NotFound, Rejected

if TYPE_CHECKING:
    from croupier.adapters.manifests import Bundle
    from croupier.cli.client import Client

SAME: Final = 0
DIFFERS: Final = 1
TROUBLE: Final = 2

_AT_ONCE: Final = {
    "Calendar": "rollouts in progress wait for it, or no longer do, at once",
    "Segment": "flags use it at once",
    "Flag": "clients get it at once",
    "Preset": "it can be applied at once",
}
"""What counts for more than the next rollout."""


def diff(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="Files or directories.", metavar="PATH…")],
    text: Annotated[bool, typer.Option("--text", help="As lines of YAML with - and +, for tools.")] = False,
    as_json: Json = False,
) -> None:
    """What apply would change, field by field. Values that may be secrets are not shown.

    Leaves with 0 where nothing differs, 1 where something does, and 2 where it cannot be said.
    """
    try:
        found = _compared(context.obj, paths)
    except CroupierError as error:
        report(error)
        raise typer.Exit(TROUBLE) from None
    changed = [each for each in found["documents"] if each["effect"] != "unchanged"]
    if as_json:
        print_json(found)
    elif text:
        for each in changed:
            typer.echo("".join(_lines(each)), nl=False)
    else:
        _show(found, changed)
    raise typer.Exit(DIFFERS if changed else SAME)


def _compared(connection: Connection, paths: list[Path]) -> dict[str, Any]:
    """Every document with its effect and what differs; ``rollouts`` are those in progress."""
    from croupier.adapters.manifests import read_paths, to_objects

    bundle = read_paths(paths, known=None)
    bundle.require_clean()
    objects = [to_objects(item) for item in bundle.items]
    if not objects:
        raise Rejected("There is no document in these files.")
    with connection.open() as client:
        answer = client.post("apply", {"documents": objects, "dryRun": True})
        before = _recorded(client, {item["kind"] for item in answer["applied"] if item["effect"] == "updated"})
        after = _written(bundle)
        documents = [_document(client, item, before, after) for item in answer["applied"]]
        active = client.pages("rollouts", 500, phase=["pending", "progressing", "paused", "promoting"])
    rollouts = [{"id": item["id"], "service": item["service"], "canary": item["canary"]} for item in active]
    return {"documents": documents, "warnings": answer["warnings"], "rollouts": rollouts}


def _recorded(client: "Client", kinds: set[str]) -> dict[tuple[str, str], Any]:
    """The documents of these kinds as they are recorded."""
    out_: dict[tuple[str, str], Any] = {}
    for kind in kinds - {"Flag", "Preset", "Release"}:
        for item in client.pages("documents", 10_000, kind=kind):
            out_[kind, item["name"]] = item["document"]
    return out_


def _written(bundle: "Bundle") -> dict[tuple[str, str], Any]:
    from croupier.core.flags.write import write_flag

    found: dict[tuple[str, str], Any] = {(item.kind, item.name): dict(item.source) for item in bundle.documents}
    found |= {("Flag", draft.name): write_flag(draft.flag) for draft in bundle.flags}
    found |= {("Preset", draft.name): dict(draft.source) for draft in bundle.presets}
    return found | {("Release", draft.name): dict(draft.source) for draft in bundle.releases}


def _document(
    client: "Client", item: dict[str, Any], before: dict[tuple[str, str], Any], after: dict[tuple[str, str], Any]
) -> dict[str, Any]:
    kind, name, effect = item["kind"], item["name"], item["effect"]
    told = {"kind": kind, "name": name, "effect": effect, "changes": []}
    if effect == "unchanged":
        return told
    old, new = before.get((kind, name)), after.get((kind, name))
    if kind == "Flag" and effect == "updated":
        try:
            old = client.get(f"flags/{segment(name)}")["declaration"]
        except NotFound:  # it was archived, and comes back
            old = None
    changes = list(differences(old, new)) if old is not None and new is not None else []
    told["changes"] = [{"field": each.field, "before": each.before, "after": each.after} for each in changes]
    return told | {"before": masked(old), "after": masked(new)}


def _show(found: dict[str, Any], changed: list[dict[str, Any]]) -> None:
    signs = {"created": "[green]+[/]", "updated": "[yellow]~[/]"}
    for each in changed:
        out.print(
            f"{signs.get(each['effect'], '~')} {plain(each['kind'])} {plain(each['name'])} [dim]{each['effect']}[/]"
        )
        for change in each["changes"]:
            out.print(f"    {plain(Difference(change['field'], change['before'], change['after']).words)}")
        if each["effect"] == "updated" and not each["changes"]:
            out.print("    its text differs, and means the same")
    same = len(found["documents"]) - len(changed)
    out.print(f"{counted(len(changed), 'document')} would change, {same} stay{'s' if same == 1 else ''} the same.")
    for item in found["warnings"]:
        note(warning(item))
    if changed:
        _tell_of_rollouts(found["rollouts"], {each["kind"] for each in changed})
        _tell_of_processes(changed)


def _tell_of_rollouts(rollouts: list[dict[str, Any]], kinds: set[str]) -> None:
    """What it means for what is in progress: plans are frozen when they start."""
    if rollouts and kinds - set(_AT_ONCE):
        ids = ", ".join(item["id"] for item in rollouts[:5]) + (", …" if len(rollouts) > 5 else "")
        note(f"In progress: {ids}. Plans are frozen at their start, so nothing of this changes them.")
    for kind in sorted(kinds & set(_AT_ONCE)):
        note(f"A {kind} counts at once: {_AT_ONCE[kind]}.")


def _tell_of_processes(changed: list[dict[str, Any]]) -> None:
    services = (each for each in changed if each["kind"] == "Service" and each["effect"] == "updated")
    if any(change["field"].startswith("spec.process") for each in services for change in each["changes"]):
        note(PROCESS)


def _lines(each: dict[str, Any]) -> list[str]:
    """The document as unified lines."""
    name = f"{each['kind']}/{each['name']}"
    old, new = _yaml(each.get("before")), _yaml(each.get("after"))
    names = f"recorded/{name}" if old else "/dev/null", f"files/{name}" if new else "/dev/null"
    return list(unified_diff(old, new, *names))


def _in_order(value: Any) -> Any:
    """Fields by name: the record keeps no other order."""
    if isinstance(value, dict):
        return {name: _in_order(value[name]) for name in sorted(value)}
    return [_in_order(item) for item in value] if isinstance(value, list) else value


def _yaml(document: Any) -> list[str]:
    from ruamel.yaml import YAML

    if document is None:
        return []
    writer = YAML()
    writer.width = 4_096
    text = io.StringIO()
    writer.dump(_in_order(document), text)
    return text.getvalue().splitlines(keepends=True)
