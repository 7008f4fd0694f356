"""Rollouts of several services on the command line: how they are named, and how they are shown side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from croupier.cli.output import percent, plain, styled
from croupier.errors import Rejected


def versions(words: Sequence[str]) -> Mapping[str, str] | None:
    """``wallet=2.0.0 payments=3.1.0``: versions by service; ``None`` for ``wallet 2.0.0``. Raises ``Rejected`` for what
    is neither.
    """
    if len(words) == 2 and not any("=" in word for word in words):
        return None
    found: dict[str, str] = {}
    for word in words:
        service, equals, version = word.partition("=")
        if not (service and equals and version):
            raise Rejected(f"'{word}' is no SERVICE=VERSION.", hint="Write for example: wallet=2.0.0 payments=3.1.0.")
        if service in found:
            raise Rejected(f"{service} is named twice.", hint="Keep one of them.")
        found[service] = version
    return found


def side_by_side(together: Sequence[Mapping[str, Any]], rollout: str) -> Table:
    """The members of a whole, in the order of moving up; the one that is looked at is marked."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for head in ("MOVES AS ONE", "RELEASE", "PHASE", "CANARY", "NOW"):
        table.add_column(head)
    for each in together:
        mark = "▸ " if each["rollout"] == rollout else "  "
        seen = "" if each["confirmedWeight"] == each["weight"] else " [dim](not confirmed yet)[/]"
        table.add_row(
            Text.from_markup(f"{mark}{plain(each['rollout'])}"),
            plain(each["version"]),
            Text.from_markup(styled(each["phase"])),
            Text.from_markup(f"{plain(each['exposure'] or percent(each['weight']))}{seen}"),
            Text.from_markup(f"[dim]{plain(each['waitingFor'])}[/]"),
        )
    return table
