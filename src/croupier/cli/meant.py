"""Which rollout was meant, where a command was given a service: its error names the rollout and the command to type.

Around every command that takes a rollout's id. No command guesses: to abort the wrong rollout harms a healthy release.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import typer

from croupier.cli.connection import Connection
from croupier.core.rollout.phase import Phase
from croupier.errors import CroupierError, NotFound

if TYPE_CHECKING:
    from croupier.cli.client import Client

_STEER: Final = ("promote", "pause", "resume", "abort")
"""Refused for a rollout that is over, so none of them is proposed there."""


@contextmanager
def opened(context: typer.Context, rollout: str) -> Iterator["Client"]:
    """A client for a command about this rollout. Raises ``NotFound`` with what was meant where it is a service."""
    connection: Connection = context.obj
    with connection.open() as client:
        try:
            yield client
        except NotFound as unknown:
            group = context.parent.info_name if context.parent else ""
            better = _of_service(client, rollout, f"croupier {group}", context.info_name or "")
            raise better or unknown from None


def _of_service(client: "Client", service: str, group: str, verb: str) -> NotFound | None:
    """What to say where this is a service that has rollouts; ``None`` where it is not, or nobody can tell."""
    try:
        active = client.get("rollouts", service=service, phase=[phase for phase in Phase if phase.active], limit=1)
        found = active["items"] or client.get("rollouts", service=service, limit=1)["items"]
    except CroupierError:
        return None
    if not found or any(item["id"] == service for item in found):
        return None
    latest = found[0]
    which = f"{latest['id']} ({latest['stable'] or 'nothing'} → {latest['canary']})"
    said = f"{which} is in progress" if active["items"] else f"none is in progress, the last was {which}"
    possible = "show" if verb in _STEER and not active["items"] else verb
    return NotFound(f"{service} is a service, not a rollout; {said}.", hint=f"{group} {possible} {latest['id']}")
