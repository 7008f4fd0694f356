"""What changed between two declarations of a flag, in words that a person reads. Called by the history and dry runs."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from difflib import SequenceMatcher
from typing import Any, Final

from croupier.core.flags.model import Flag, Rule
from croupier.core.flags.types import DUTIES

_PLAIN = ("type", "description", "owner", "value_type", "off", "default", "safe", "on_expiry")

_SHOWN: Final = 60
"""Characters of a value, and how many of them before the first that changed."""
_BEFORE: Final = 20


def diff(before: Flag | None, after: Flag) -> tuple[str, ...]:
    """The changes, one line each, most important first; empty if the declarations mean the same."""
    if before is None:
        rules = f"{len(after.rules)} rule{'' if len(after.rules) == 1 else 's'}" if after.rules else "no rules"
        return (f"declared: {DUTIES[after.type].named} with {rules}",)
    return tuple(_changes(before, after))


def _changes(before: Flag, after: Flag) -> Iterator[str]:
    old, new = _full(before), _full(after)
    if old["kill_switch"] != new["kill_switch"]:
        yield "killed by its declaration" if after.kill_switch else "no longer killed by its declaration"
    if before.enabled != after.enabled:
        yield "enabled" if after.enabled else "disabled"
    yield from _rules("", before.rules, after.rules)
    yield from _environments(before, after)
    yield from _named("variant", before.variants, after.variants)
    for name in _PLAIN:
        if old[name] != new[name]:
            yield f"{name.replace('_', ' ')}: {_turned(old[name], new[name])}"
    if before.expires_at != after.expires_at:
        yield f"expires: {_date(before.expires_at)} -> {_date(after.expires_at)}"
    if before.prerequisites != after.prerequisites:
        yield f"requires: {_needs(before)} -> {_needs(after)}"
    if before.bucketing != after.bucketing:
        yield "bucketing changed: players are dealt anew"
    if before.tags != after.tags:
        yield f"tags: {_list(before.tags)} -> {_list(after.tags)}"


def _full(flag: Flag) -> dict[str, Any]:
    return {name: getattr(flag, name) for name in (*_PLAIN, "kill_switch")}


def _environments(before: Flag, after: Flag) -> Iterator[str]:
    """What an environment overrides; where one starts or stops to override its rules, all of them are told."""
    for name in dict.fromkeys((*before.environments, *after.environments)):
        old, new = before.in_environment(name), after.in_environment(name)
        had, has = before.environments.get(name), after.environments.get(name)
        if had == has:
            continue
        at = f"{name}: "
        if (had and had.enabled) != (has and has.enabled):
            yield f"{at}{'enabled' if new.enabled else 'disabled'}"
        if (had and had.rules) != (has and has.rules):
            if has is None or has.rules is None:
                yield f"{at}the same rules as everywhere"
            yield from _rules(at, old.rules, new.rules)
        if (had and had.default) != (has and has.default):
            yield f"{at}default: {old.default} -> {new.default}"


def _rules(at: str, before: Sequence[Rule], after: Sequence[Rule]) -> Iterator[str]:
    """Rules are the same rule if they have the same name or condition, or stand in the same place between such."""
    old_ids, new_ids = ([rule.name or rule.condition for rule in rules] for rules in (before, after))
    matcher = SequenceMatcher(None, old_ids, new_ids, autojunk=False)
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        pairs = 0
        if tag in {"equal", "replace"}:
            pairs = min(old_to - old_from, new_to - new_from)
            for index in range(pairs):
                new = after[new_from + index]
                yield from _rule(f"{at}{_called(new_from + index, new)}", before[old_from + index], new)
        for index in range(old_from + pairs, old_to):
            yield f"{at}{_called(index, before[index])} removed"
        for index in range(new_from + pairs, new_to):
            yield f"{at}{_called(index, after[index])} added: {_serves(after[index])}"


def _rule(called: str, old: Rule, new: Rule) -> Iterator[str]:
    if old.name != new.name:
        yield f"{called}: name {old.name or 'none'} -> {new.name or 'none'}"
    if old.condition != new.condition:
        yield f"{called}: if {old.condition or 'everybody'} -> {new.condition or 'everybody'}"
    if old.rollout != new.rollout:
        yield f"{called}: rollout {_percent(old.rollout)} -> {_percent(new.rollout)}"
    if old.serve != new.serve:
        yield f"{called}: serves {_shares(old)} -> {_shares(new)}"
    if old.bucketing != new.bucketing:
        yield f"{called}: bucketing changed: players are dealt anew"


def _called(index: int, rule: Rule) -> str:
    return f"rule {index + 1} ({rule.name or rule.condition or 'everybody'})"


def _serves(rule: Rule) -> str:
    return f"{_shares(rule)} for {_percent(rule.rollout)}"


def _shares(rule: Rule) -> str:
    if len(rule.serve) == 1:
        return rule.serve[0].variant
    return " / ".join(f"{share.variant} {share.weight}" for share in rule.serve)


def _percent(points: int) -> str:
    return f"{points / 100:g} %"


def _named(what: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for name in dict.fromkeys((*before, *after)):
        if name not in after:
            yield f"{what} {name} removed"
        elif name not in before:
            yield f"{what} {name} added: {_said(after[name])}"
        elif _text(before[name]) != _text(after[name]):  # to JSON, unlike to Python, 1 is not true
            yield f"{what} {name}: {_turned(before[name], after[name])}"


def _turned(before: Any, after: Any) -> str:
    """From the one to the other, from a little before they part where they are long."""
    texts = _text(before), _text(after)
    same = next((at for at, pair in enumerate(zip(*texts, strict=False)) if pair[0] != pair[1]), min(map(len, texts)))
    start = max(0, same - _BEFORE) if max(map(len, texts)) > _SHOWN else 0
    return " -> ".join(_cut(text, start) for text in texts)


def _said(value: Any) -> str:
    return _cut(_text(value), 0)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _cut(text: str, start: int) -> str:
    rest = f"{'…' if start else ''}{text[start:]}" or "nothing"
    return rest if len(rest) <= _SHOWN else f"{rest[: _SHOWN - 1]}…"


def _date(at: float | None) -> str:
    return "never" if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def _needs(flag: Flag) -> str:
    return _list([f"{needed.flag} = {' or '.join(needed.variants)}" for needed in flag.prerequisites])


def _list(items: Sequence[str]) -> str:
    return ", ".join(items) or "nothing"
