"""A/B tests: the matches of headers that can be said as a Segment. Called by ``canary``."""

import re
from collections.abc import Mapping, Sequence
from typing import Any


def segment_of(matches: Sequence[Mapping[str, Any]]) -> tuple[dict[str, list[str]], dict[str, str]] | None:
    """What a Segment matches, and the header of each of its attributes; ``None`` if a Segment cannot say it.

    All headers of a match must be there, and one of the matches is enough. A Segment asks for every attribute, and one
    of its values is enough: so it stands for one match, or for several of a single header.
    """
    asked: list[dict[str, str]] = []
    for match in matches:
        headers = match.get("headers") or {}
        others = [name for name in match if name != "headers" and match[name]]
        if not headers or others or any(not _is_exact(way) for way in headers.values()):
            return None
        asked.append({name.lower(): way["exact"] for name, way in headers.items()})
    names = {name for each in asked for name in each}
    if len(asked) > 1 and (len(names) > 1 or any(len(each) != 1 for each in asked)):
        return None
    attributes = {name: _attribute(name) for name in sorted(names)}
    if len(set(attributes.values())) < len(attributes) or names & {"cookie", "user-agent"}:
        return None
    values = {attributes[name]: list(dict.fromkeys(each[name] for each in asked)) for name in sorted(names)}
    return values, {attribute: name for name, attribute in attributes.items()}


def _is_exact(way: Mapping[str, Any] | None) -> bool:
    """Whether it asks for the whole value, and nothing else."""
    return way is not None and [name for name in way if way[name]] == ["exact"]


def _attribute(header: str) -> str:
    """A name for the attribute: x-canary is canary."""
    plain = re.sub(r"[^a-z0-9]+", "_", header.removeprefix("x-")).strip("_")
    return plain if re.match("[a-z]", plain) else f"header_{plain}"
