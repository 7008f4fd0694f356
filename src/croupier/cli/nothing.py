"""What to say where a list is empty: a mistyped filter finds nothing, so what there is instead. Called by the lists."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from croupier.cli.client import Client

_SHOWN: Final = 10
_LOOKED_AT: Final = 200


def no_rollouts(client: "Client", service: str | None, phases: Sequence[str]) -> str:
    """Why there is no rollout of the service in one of the phases."""
    which = f" {' or '.join(phases)}" if phases else ""
    if service:
        return _unknown_service(client, service) or f"No rollout of {service} is{which or ' there'}."
    return f"No rollout is{which}." if which else "No rollouts yet. Start one: croupier rollout start SERVICE VERSION"


def no_releases(client: "Client", service: str | None) -> str:
    """Why there is no release of the service."""
    unknown = _unknown_service(client, service) if service else None
    return unknown or f"No releases{f' of {service}' if service else ''} yet. Add one: croupier release add FILE"


def no_entries(client: "Client", subject: str | None) -> str:
    """Why no journal entry is about the subject."""
    if subject is None:
        return "The journal is empty."
    latest = client.get("journal", newest=True, limit=_LOOKED_AT)["items"]
    subjects = list(dict.fromkeys(item["subject"] for item in latest))
    return f"No entry is about '{subject}'. The newest are about: {_listed(subjects)}."


def _unknown_service(client: "Client", service: str) -> str | None:
    names = [item["name"] for item in client.pages("services", 1_000)]
    return None if service in names else f"There is no service '{service}'. Services: {_listed(names)}."


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "") if names else "none yet"
