"""Does a flag make sense, among the others? Judged when it is written, before anything is recorded.

``check`` and ``misplaced`` refuse, ``advise`` only warns. The paths in the problems are those of the declaration
(``rules[0].if``), so that they lead into the user's file; a condition's problem names the column too.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Final

from croupier.core.flags import cel
from croupier.core.flags.bucketing import ALGORITHMS
from croupier.core.flags.model import Bucketing, Flag, OnExpiry, Rule
from croupier.core.flags.reading import Path
from croupier.core.flags.requirements import weigh
from croupier.core.flags.types import DUTIES
from croupier.core.flags.write import write_flag
from croupier.core.segments import BUCKETS
from croupier.errors import Problem

LARGEST: Final = 100_000
"""Bytes of a declaration as compact JSON; its line must fit into a delta."""

VOCABULARY: Final[Mapping[str, cel.Type]] = MappingProxyType(
    {
        "targetingKey": cel.Type.STRING,
        "market": cel.Type.STRING,
        "brand": cel.Type.STRING,
        "country": cel.Type.STRING,
        "currency": cel.Type.STRING,
        "language": cel.Type.STRING,
        "platform": cel.Type.STRING,
        "user.isEmployee": cel.Type.BOOL,
    }
)
"""Attributes whose types are known unless the operator says otherwise."""


@dataclass(frozen=True)
class Surroundings:
    """What a flag may refer to. ``flags`` are all as they will be, without archived ones; ``attributes`` the types of
    attributes by dotted path, as far as they are known. Made once for all flags of a request.
    """

    flags: Mapping[str, Flag] = field(default_factory=dict)
    segments: Collection[str] = ()
    environments: Collection[str] = ("production",)
    attributes: Mapping[str, cel.Type] = field(default_factory=lambda: VOCABULARY)

    @cached_property
    def requiring(self) -> Mapping[str, Collection[str]]:
        """Which flags require each flag."""
        found: dict[str, list[str]] = {}
        for key, flag in self.flags.items():
            for needed in flag.prerequisites:
                found.setdefault(needed.flag, []).append(key)
        return found

    def doubts(self, text: str, node: cel.Node) -> Collection[cel.Doubt]:
        """What to warn of about the condition; thousands of flags share a few."""
        if text not in self._doubts:
            self._doubts[text] = cel.check(node, self.attributes)
        return self._doubts[text]

    @cached_property
    def _doubts(self) -> dict[str, Collection[cel.Doubt]]:
        return {}


def check(flag: Flag, around: Surroundings) -> tuple[Problem, ...]:
    """What is wrong with the flag; empty when it may be recorded."""
    return (
        *_wrong_duties(flag),
        *_wrong_conditions(flag, around),
        *_wrong_bucketing(flag),
        *_wrong_prerequisites(flag, around),
        *_wrong_for_others(flag, around),
        *_wrong_size(flag),
    )


def misplaced(flag: Flag, around: Surroundings, before: Flag | None) -> tuple[Problem, ...]:
    """Environments that the flag newly names and that do not exist: a misspelt one would change nothing, without a
    word. Refused apart from ``check``: what ``before`` names already (a setting took the environment away) must not
    stand in the way of another change.
    """
    named = () if before is None else before.environments
    return tuple(problem for problem in _doubtful_places(flag, around) if problem.path[-1] not in named)


def advise(flag: Flag, around: Surroundings, now: float) -> tuple[Problem, ...]:
    """What is allowed but rarely meant. ``now`` is in epoch seconds."""
    return (
        *_doubtful_conditions(flag, around),
        *_doubtful_rules(flag),
        *_doubtful_places(flag, around),
        *_doubtful_expiry(flag, now),
    )


def _rule_lists(flag: Flag) -> Iterator[tuple[Path, tuple[Rule, ...]]]:
    yield ("rules",), flag.rules
    for name, override in flag.environments.items():
        if override.rules is not None:
            yield ("environments", name, "rules"), override.rules


def rules_of(flag: Flag) -> Iterator[tuple[Path, Rule]]:
    """All rules of the flag, of all environments, each with its place in the declaration."""
    for path, rules in _rule_lists(flag):
        for index, rule in enumerate(rules):
            yield (*path, index), rule


# --- refused ----------------------------------------------------------------------------------------------------------


def _wrong_duties(flag: Flag) -> Iterator[Problem]:
    duty = DUTIES[flag.type]
    if duty.has_owner and not flag.owner:
        yield Problem(f"{duty.named} needs an owner.", ("owner",), "Write who answers for it: a person or a team.")
    if duty.expires and flag.expires_at is None:
        yield Problem(f"{duty.named} needs an expiry.", ("expires_at",), "Write until when it is needed.")
    if duty.stays and flag.expires_at is not None:
        yield Problem(
            f"{duty.named} does not expire.", ("expires_at",), "Remove it, or make the flag a release or an experiment."
        )


def _wrong_conditions(flag: Flag, around: Surroundings) -> Iterator[Problem]:
    for path, rule in rules_of(flag):
        if not rule.condition:
            continue
        place = (*path, "if")
        node = _parsed(rule.condition)
        if isinstance(node, cel.CelError):
            yield Problem(f"column {node.column}: {node.message}", place, node.hint)
            continue
        for name, column in cel.segments_in(node):
            if name not in around.segments:
                known = f"Known are {', '.join(sorted(around.segments))}." if around.segments else "Declare it."
                yield Problem(f"column {column}: there is no segment '{name}'.", place, known)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> cel.Node | cel.CelError:
    """Thousands of flags share a few conditions."""
    try:
        return cel.parse(text)
    except cel.CelError as error:
        return error


def _wrong_bucketing(flag: Flag) -> Iterator[Problem]:
    named: list[tuple[Path, Bucketing]] = [(("bucketing",), flag.bucketing)]
    named += [((*path, "bucketing"), rule.bucketing) for path, rule in rules_of(flag) if rule.bucketing is not None]
    for path, bucketing in named:
        if bucketing.algorithm not in ALGORITHMS:
            yield Problem(
                f"there is no bucketing algorithm '{bucketing.algorithm}'.",
                (*path, "algorithm"),
                f"Known are {', '.join(ALGORITHMS)}.",
            )


def _wrong_prerequisites(flag: Flag, around: Surroundings) -> Iterator[Problem]:
    for index, needed in enumerate(flag.prerequisites):
        other = flag if needed.flag == flag.key else around.flags.get(needed.flag)
        if other is None:
            yield Problem(
                f"there is no flag '{needed.flag}'.", ("prerequisites", index, "flag"), "Declare it first, or together."
            )
            continue
        for position, variant in enumerate(needed.variants):
            if variant not in other.variants:
                yield Problem(
                    f"flag '{needed.flag}' has no variant '{variant}'.",
                    ("prerequisites", index, "variants", position),
                    f"Its variants are {', '.join(other.variants)}.",
                )
    if flag.prerequisites:
        yield from _wrong_chain(flag, around)


def _wrong_chain(flag: Flag, around: Surroundings) -> Iterator[Problem]:
    """The flag's own chain, and those of the flags above that require it."""
    above = {flag.key: None}
    waiting = [flag.key]
    while waiting:
        found = [key for key in around.requiring.get(waiting.pop(), ()) if key not in above]
        above |= dict.fromkeys(found)
        waiting += found

    def requires(key: str) -> list[str]:
        other = flag if key == flag.key else around.flags.get(key)
        return [needed.flag for needed in other.prerequisites] if other is not None else []

    for key in above:
        try:
            weigh(key, requires)
        except ValueError as error:
            whose = "" if key == flag.key else f"of flag '{key}': "
            yield Problem(f"{whose}{error}.", ("prerequisites",), "Remove a prerequisite.")
            return


def _wrong_for_others(flag: Flag, around: Surroundings) -> Iterator[Problem]:
    """A variant that another flag requires must stay."""
    for key in around.requiring.get(flag.key, ()):
        needed = [each for each in around.flags[key].prerequisites if each.flag == flag.key and key != flag.key]
        for variant in [variant for each in needed for variant in each.variants]:
            if variant not in flag.variants:
                yield Problem(
                    f"flag '{key}' requires the variant '{variant}'.", ("variants",), f"Keep it, or change '{key}' too."
                )


def _wrong_size(flag: Flag) -> Iterator[Problem]:
    size = len(json.dumps(write_flag(flag), ensure_ascii=False, separators=(",", ":")).encode())
    if size > LARGEST:
        hint = "Put long lists of values into segments, or large values elsewhere."
        yield Problem(f"the declaration has {size} bytes, and {LARGEST} is the most.", (), hint)


# --- warned about -----------------------------------------------------------------------------------------------------


def _doubtful_conditions(flag: Flag, around: Surroundings) -> Iterator[Problem]:
    for path, rule in rules_of(flag):
        node = _parsed(rule.condition or "true")
        if isinstance(node, cel.CelError):  # refused already
            continue
        for doubt in around.doubts(rule.condition, node):
            end = "" if doubt.message.endswith("?") else "."
            yield Problem(f"column {doubt.column}: {doubt.message}{end}", (*path, "if"))


def _doubtful_rules(flag: Flag) -> Iterator[Problem]:
    for path, rules in _rule_lists(flag):
        taken: dict[str, int] = {}
        names: set[str] = set()
        for index, rule in enumerate(rules):
            place = (*path, index)
            before = taken.get("", taken.get(rule.condition))
            if before is not None:
                yield Problem(
                    f"nobody gets here: rule {before + 1} takes them all.", place, "Remove it, or move it up."
                )
            if rule.rollout == BUCKETS:
                taken.setdefault("" if rule.condition == "true" else rule.condition, index)
            if rule.rollout == 0:
                yield Problem("a rollout of 0 takes nobody.", (*place, "rollout"), "Raise it, or remove the rule.")
            for share in rule.serve:
                if share.weight == 0:
                    yield Problem(f"nobody gets '{share.variant}': its weight is 0.", (*place, "variants"))
            if rule.name and rule.name in names:
                hint = "Answers name the rule that decided: give each its own name."
                yield Problem(f"two rules are named '{rule.name}'.", (*place, "name"), hint)
            names.add(rule.name)


def _doubtful_places(flag: Flag, around: Surroundings) -> Iterator[Problem]:
    for name in flag.environments:
        if name not in around.environments:
            near = get_close_matches(name, around.environments, 1)
            hint = f"Did you mean '{near[0]}'?" if near else f"There are: {', '.join(around.environments)}."
            yield Problem(f"there is no environment '{name}'.", ("environments", name), hint)


def _doubtful_expiry(flag: Flag, now: float) -> Iterator[Problem]:
    if flag.expires_at is not None and flag.expires_at <= now:
        yield Problem(
            "this is in the past: the flag counts as expired at once.", ("expires_at",), "Write a later date."
        )
    if flag.expires_at is None and flag.on_expiry is OnExpiry.REVERT:
        yield Problem("the flag never expires, so it never returns to its safe variant.", ("on_expiry",))
