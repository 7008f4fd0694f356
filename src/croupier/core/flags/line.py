"""One flag as clients of one environment get it: a line of text, ``KEY <tab> VERSION <tab> JSON``.

The key and the version stand before the JSON, so that a client can hold 50,000 flags as text and read only those that
it is asked for. What the environment overrides, what is killed or expired is already decided here.
"""

import json
from typing import Any, Final

from croupier.core.flags.measurement import NAME
from croupier.core.flags.model import Bucketing, Rule, Share
from croupier.core.flags.state import FlagState
from croupier.core.segments import BUCKETS, Segment

SEGMENT: Final = "segment/"
"""What the key of a segment's line starts with; a flag's key has no slash."""


def flag_line(state: FlagState, environment: str) -> str:
    """The flag's line; an archived flag's has no JSON (a tombstone)."""
    body = "" if state.archived else _compact(_flag(state, environment))
    return f"{state.key}\t{state.version}\t{body}"


def segment_line(segment: Segment, version: int) -> str:
    """The line of a segment that flags may name; ``version`` is the ruleset's at which it changed."""
    matches = [[match.attribute, list(match.values)] for match in segment.matches]
    return f"{SEGMENT}{segment.name}\t{version}\t{_compact(matches)}"


def _flag(state: FlagState, environment: str) -> dict[str, Any]:
    flag = state.flag
    there = flag.in_environment(environment)
    line: dict[str, Any] = {"type": flag.value_type.value, "variants": dict(flag.variants)}
    if state.killed is not None:
        return line | {"fixed": flag.safe, "why": f"killed: {state.killed.reason}"}
    if state.reverted_at is not None:
        return line | {"fixed": flag.safe, "why": "expired and not renewed"}
    if not there.enabled:
        return line | {"fixed": flag.off, "why": "not enabled"}
    line["serve"] = there.default
    if flag.prerequisites:
        line["off"] = flag.off
        line["requires"] = [[item.flag, list(item.variants)] for item in flag.prerequisites]
    bucketing = _bucketing(flag.bucketing, flag.key)
    if there.rules:
        line["by"] = bucketing
        line["rules"] = [_rule(rule, bucketing) for rule in there.rules]
    for measurement in state.measured:
        if measurement.environment == environment:
            line[NAME] = measurement.line()
    return line


def _rule(rule: Rule, flags_own: list[str]) -> dict[str, Any]:
    """Defaults are left out: most lines are short."""
    line: dict[str, Any] = {"serve": _serve(rule.serve)}
    if rule.condition:
        line["if"] = rule.condition
    if rule.rollout != BUCKETS:
        line["rollout"] = rule.rollout
    if rule.name:
        line["name"] = rule.name
    if rule.bucketing is not None:
        line["by"] = _bucketing(rule.bucketing, flags_own[1])
    return line


def _serve(shares: tuple[Share, ...]) -> str | list[list[Any]]:
    return shares[0].variant if len(shares) == 1 else [[share.variant, share.weight] for share in shares]


def _bucketing(bucketing: Bucketing, default_salt: str) -> list[str]:
    """``[algorithm, salt, variant salt, by]``, all spelled out: a client fills in nothing."""
    salt = default_salt if bucketing.salt is None else bucketing.salt
    variant_salt = f"{salt}/variant" if bucketing.variant_salt is None else bucketing.variant_salt
    return [bucketing.algorithm, salt, variant_salt, bucketing.by]


def _compact(data: Any) -> str:
    """The same text for the same data everywhere: digests are made of it."""
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
