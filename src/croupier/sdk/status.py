"""How a client's flags stand, for health pages and for people. Made by ``FlagClient.status``."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Status:
    """``source``: ``nothing``, ``bootstrap``, ``cache``, ``rules`` or ``server``.

    ``name`` is what the server calls this client. ``troubles`` are sentences: files that were not used, why there is no
    connection.
    """

    source: str
    environment: str
    version: int
    lineage: str
    flags: int
    connected: bool
    name: str = ""
    troubles: tuple[str, ...] = ()
