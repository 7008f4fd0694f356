"""What was applied, listed and shown: shared by ``document``, ``gate``, ``segment`` and ``service``."""

from typing import Any, Final

import typer

from croupier.cli.complete import KINDS
from croupier.cli.connection import Connection, segment
from croupier.cli.difference import HIDDEN, masked
from croupier.cli.output import note, print_json, print_table
from croupier.errors import Rejected

_MOST: Final = 10_000


def kind_of(word: str) -> str:
    """The kind that somebody means by ``gate``, ``Gate`` or ``gates``, also one that the control plane will refuse with
    what to do instead. Raises ``Rejected`` for any other word.
    """
    known = {
        form: kind for kind in (*KINDS, "Release", "Flag", "Preset") for form in (kind.lower(), f"{kind.lower()}s")
    }
    found = known.get(word.lower().replace("-", ""))
    if found is None:
        raise Rejected(f"There is no kind '{word}'.", hint=f"There are: {', '.join(KINDS)}.")
    return found


def list_all(connection: Connection, kind: str | None, as_json: bool) -> None:
    """A line for each document, with what it says."""
    with connection.open() as client:
        found = client.pages("documents", _MOST, kind=kind)
    if as_json:
        print_json(found)
        return
    if not found:
        note(f"No {kind or 'document'} was applied yet. Apply one: croupier apply FILE")
    if kind is None:
        print_table(("KIND", "NAME", "SAYS"), [(each["kind"], each["name"], each["text"]) for each in found])
    else:
        print_table((kind.upper(), "SAYS"), [(each["name"], each["text"]) for each in found])


def show_one(connection: Connection, kind: str, name: str, as_json: bool) -> None:
    """The document as it was applied, and who uses it."""
    with connection.open() as client:
        found = client.get(f"documents/{segment(kind)}/{segment(name)}")
    if as_json:
        print_json(found)
        return
    show_document(found)


def show_document(found: dict[str, Any]) -> None:
    """Its text, without what may be secret; who uses it is said beside."""
    from croupier.adapters.manifests.ready import as_text

    text = as_text(masked(found["document"]))
    typer.echo(text.rstrip())
    if HIDDEN in text:
        note("Values that may be secrets are not shown; --json has them.")
    for each in found["usedBy"] or ():
        note(f"In use: {each}.")
