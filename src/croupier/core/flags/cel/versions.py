"""Semantic versions as values of conditions: ``semver(app.version) >= semver('2.1.0')``. Called by the functions."""

from dataclasses import dataclass
from functools import lru_cache

from croupier.core.flags.cel.errors import Undecided


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A version, reduced to its precedence as SemVer 2.0 §11 orders it; build metadata does not count.

    ``precedence`` is major, minor, patch, whether it is a release, then a pre-release's identifiers, numbers first.
    """

    precedence: tuple[int | bool | tuple[bool, int, str], ...]


@lru_cache(maxsize=1_024)
def read_version(text: str) -> Version:
    """The version that the text names. Raises Undecided if it is none."""
    # Late, since few rules compare versions and the SDK's start should stay quick.
    from semver import Version as Semver

    try:
        # A version longer than a line is none; nothing is gained by parsing it.
        major, minor, patch, prerelease, _ = Semver.parse(text if len(text) <= 256 else "").to_tuple()
    except ValueError:
        raise Undecided("the text is no semantic version such as 1.2.3 or 1.2.3-rc.1") from None
    parts = prerelease.split(".") if prerelease else ()
    identifiers = tuple((False, int(part), "") if part.isdecimal() else (True, 0, part) for part in parts)
    return Version((major, minor, patch, not parts, *identifiers))
