"""Ids that say by themselves on which version they were begun: ``r-17@1.1.0``. Pure; written by the SDK, matched by the
data plane.
"""

from typing import Final

MARK: Final = "@"
"""Between an id and the version; no version has one in it."""


def named(id_: str, version: str) -> str:
    """The id that names the version."""
    return f"{id_}{MARK}{version}"


def version_in(id_: str) -> str | None:
    """The version that the id names; ``None`` where it names none."""
    front, mark, version = id_.rpartition(MARK)
    return version if mark and front and version else None
