"""``setMirrorRoute`` of Argo Rollouts as ours, without the writes that it would copy unasked. Called by ``canary``."""

import re
from collections.abc import Mapping
from typing import Any, Final

from croupier.adapters.imports.argo.strategy import Strategy
from croupier.adapters.imports.made import Path

_READS: Final = ("GET", "HEAD")
_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9-]+")


def mirror(given: Mapping[str, Any], at: Path, strategy: Strategy) -> None:
    """One step. Without a match it ends the copies there, too."""
    made, matches = strategy.made, given.get("match")
    name = f"{_NOT_IN_NAMES.sub('-', given['name'].lower()).strip('-')[:50] or 'copies'}"
    name = f"{name}-copies" if name == "shadow" else name
    if matches is None:
        strategy.steps.copy({"name": name}, at)
        made.kept(at, f"the copies of {name} end")
        return
    taken = [ours for each in matches if (ours := _match(each)) is not None]
    if not taken:
        made.lost(
            at,
            "it would copy all writes whose path matches, and a copied write is done for real here, too; "
            "name each path whose copy does no harm in full (path.exact)",
        )
        return
    share = given.get("percentage")
    strategy.steps.copy({"name": name, "percentage": 100 if share is None else share, "match": taken}, at)
    if taken == [dict(each) for each in matches]:
        made.kept(at, "the same requests are copied, marked with x-croupier-shadow")
    else:
        made.changed(at, "only reads are copied: GET and HEAD, and other methods at paths that are named in full")


def _match(given: Mapping[str, Any]) -> dict[str, Any] | None:
    """The match, with reads alone where it names no method; ``None`` where it would copy any write."""
    ours = {name: value for name, value in given.items() if value is not None and name != "method"}
    method = given.get("method") or {}
    if not method:
        return ours
    exact = method.get("exact")
    named = "exact" in (given.get("path") or {})
    if exact is None:
        return ours  # of a pattern of methods the reads
    return {**ours, "method": {"exact": exact}} if exact in _READS or named else None
