"""``croupier apply``: hand files to the control plane, all or none of them. Used by ``release add`` too."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from croupier.cli.connection import Connection
from croupier.cli.output import Exit, Json, Reason, note, print_json, print_table, working
from croupier.cli.validate import show_problems
from croupier.errors import Rejected

if TYPE_CHECKING:
    from croupier.adapters.manifests import Bundle
    from croupier.cli.client import Client

_MOST_PREVIEWS: Final = 20
_MOST_DOUBTS: Final = 20
_MANY: Final = 5_000
PROCESS: Final = (
    "A Service's process is for versions that are rolled out from now on: those that run keep what they began with."
)
_PLACE: Final = re.compile(r"^documents\[\d+\]\s*")


def apply(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="Files or directories.", metavar="PATH…")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Declare what the files hold, all of it or nothing."""
    send(context.obj, paths, kinds=None, dry_run=dry_run, reason=reason, as_json=as_json)


def send(
    connection: Connection, paths: list[Path], *, kinds: set[str] | None, dry_run: bool, reason: str, as_json: bool
) -> None:
    """Read the files, keep the wanted kinds, and apply them in one request. ``Rejected`` by the server names the
    fields.
    """
    from croupier.adapters.manifests import read_paths, to_objects

    bundle = read_paths(paths, known=None)  # what refers to something outside these files, the server checks
    show_problems(bundle, end="; nothing was changed.")
    if bundle.errors:
        raise typer.Exit(Exit.REJECTED)
    objects = [item for item in map(to_objects, bundle.items) if kinds is None or item.get("kind") in kinds]
    if not objects:
        raise Rejected(f"There is no {' or '.join(sorted(kinds or {'document'}))} in these files.")
    with connection.open() as client:
        previews: list[dict[str, Any]] = []
        if len(objects) > _MANY:  # to try them takes as long as to declare them
            note(f"{len(objects):,} flags: who gains and who loses is not said of so many. 'flag preview' says it.")
        elif bundle.flags:
            previews = _previews(client, bundle, _post(client, bundle, objects, reason, True))
        with working(f"the control plane reads and checks {len(objects):,} documents"):
            answer = _post(client, bundle, objects, reason, dry_run)
    if as_json:
        print_json(answer | ({"previews": previews} if previews else {}))
        return
    rows = [(item["kind"], item["name"], item["effect"]) for item in answer["applied"]]
    print_table(("KIND", "NAME", "EFFECT"), rows)
    for item in previews:
        note(f"{item['key']}: {item['text']}")
    doubts = _doubts(bundle, answer)
    for text in doubts[:_MOST_DOUBTS]:
        note(text)
    if len(doubts) > _MOST_DOUBTS:
        note(f"and {len(doubts) - _MOST_DOUBTS:,} warnings more: --json lists them all")
    if any(item["kind"] == "Service" and item["effect"] == "updated" for item in answer["applied"]):
        note(PROCESS)
    if dry_run:
        note("dry run: nothing was changed")


def of_files(document: str) -> str:
    """``Gate/deposits`` of ``documents[2] Gate/deposits``: places in a request say nothing to who wrote files."""
    return _PLACE.sub("", document) or document


def _doubts(bundle: "Bundle", answer: dict[str, Any]) -> list[str]:
    """What the control plane has doubts about, but for what the files alone showed already."""
    said = {item.problem.message for item in bundle.problems}
    return [warning(item) for item in answer.get("warnings", ()) if item["message"] not in said]


def warning(item: dict[str, Any]) -> str:
    """A doubt of the control plane in a line."""
    place = f"{of_files(item.get('document') or '')} {item['field']}"
    return f"warning: {place}: {item['message']} {item.get('hint') or ''}".rstrip()


def _post(
    client: "Client", bundle: "Bundle", objects: list[dict[str, Any]], reason: str, dry_run: bool
) -> dict[str, Any]:
    """The answer to all of it in one request. More than documents may be, flags alone go where very many are taken."""
    from croupier.adapters.manifests import MAX_DOCUMENTS
    from croupier.core.flags.write import write_flag

    more = {"reason": reason, "dryRun": dry_run}
    answer: dict[str, Any]
    if len(objects) <= MAX_DOCUMENTS:
        answer = client.post("apply", {"documents": objects, **more})
        return answer
    if len(bundle.flags) < len(objects):
        raise Rejected(
            f"There are {len(objects):,} documents; {MAX_DOCUMENTS:,} are taken at a time.",
            hint="Only flags may be more, without other documents: name the files of the two one after the other.",
        )
    answer = client.post("flags/apply", {"flags": [write_flag(draft.flag) for draft in bundle.flags], **more})
    applied = [{"kind": "Flag", "name": item["key"], "effect": item["effect"]} for item in answer.pop("flags")]
    return {"applied": applied, **answer}


def _previews(client: "Client", bundle: "Bundle", planned: dict[str, Any]) -> list[dict[str, Any]]:
    """Who gains and who loses by the flags that are going to change; of many, by the first."""
    from croupier.cli.flag.declared import flags_of
    from croupier.cli.flag.preview import preview_of
    from croupier.core.flags.write import write_flag

    changing = {item["name"] for item in planned["applied"] if item["kind"] == "Flag" and item["effect"] != "unchanged"}
    if len(changing) > _MOST_PREVIEWS:
        note(f"{len(changing)} flags change; who gains and who loses is said of {_MOST_PREVIEWS}.")
    flags = [flag for flag in flags_of(bundle) if flag.key in changing][:_MOST_PREVIEWS]
    found = []
    for flag in flags:
        try:
            found.append(preview_of(client, write_flag(flag)))
        except Rejected:  # it needs something that comes with it, a segment or a flag: the dry run found nothing wrong
            note(f"{flag.key}: who gains and who loses cannot be said before it is there.")
    return found
