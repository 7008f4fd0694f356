"""What a declared flag must satisfy beside being readable: its type's duties, its conditions, the flags it requires.

Mistakes refuse the declaration, doubts are told with the answer. Called by ``FlagChanges`` and by presets.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from croupier.control.flags.book import FlagBook
from croupier.core.flags import cel
from croupier.core.flags.bucketing import ALGORITHMS
from croupier.core.flags.model import Bucketing, Flag, FlagType, Prerequisite, Rule
from croupier.core.flags.requirements import weigh
from croupier.core.flags.write import write_flag
from croupier.errors import Problem

_DAY_S: Final = 86_400.0

LIFETIME_S: Final[Mapping[FlagType, float]] = {FlagType.RELEASE: 90 * _DAY_S, FlagType.EXPERIMENT: 30 * _DAY_S}
"""How long a flag of a type that must expire lives where nobody says, in seconds."""

MOST_BYTES: Final = 64 * 1024
"""A declaration may have so many as JSON."""

ATTRIBUTES: Final[Mapping[str, cel.Type]] = {
    "market": cel.Type.STRING,
    "brand": cel.Type.STRING,
    "country": cel.Type.STRING,
    "currency": cel.Type.STRING,
    "language": cel.Type.STRING,
    "employee": cel.Type.BOOL,
    "user.isEmployee": cel.Type.BOOL,
}
"""The attributes that every casino has, and what they are; others may be anything."""


def completed(flag: Flag, before: Flag | None, actor: str, now: float) -> tuple[Flag, tuple[Problem, ...]]:
    """The flag with an owner and an expiry where its type needs them, and what was filled in.

    What was filled in at an earlier declaration stays: declaring the same again changes nothing.
    """
    if flag.type not in LIFETIME_S:
        return flag, ()
    notes: list[Problem] = []
    if not flag.owner:
        flag = replace(flag, owner=before.owner if before and before.owner else actor)
        notes.append(Problem(f"no owner is named, so it is {flag.owner}.", ("owner",)))
    if flag.expires_at is None:
        lifetime = LIFETIME_S[flag.type]
        until = before.expires_at if before and before.expires_at is not None else now + lifetime
        flag = replace(flag, expires_at=until)
        text = f"no expiry is named, so it is {lifetime / _DAY_S:g} days after the first declaration."
        notes.append(Problem(text, ("expires",), "Renew it when you still need it then."))
    return flag, tuple(notes)


@dataclass(slots=True)
class Check:
    """One request's flags, among each other and with what is in the book. Conditions that are alike are looked at once.

    ``problems`` and ``warnings`` have the flag's place in the request before their path.
    """

    book: FlagBook
    flags: Mapping[str, Flag]
    now: float
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    _conditions: dict[str, tuple[Problem | None, tuple[Problem, ...]]] = field(default_factory=dict)

    def flag(self, index: int, flag: Flag) -> None:
        """Look at one of the flags; ``index`` is its place in the request."""
        self.problems += (replace(item, path=(index, *item.path)) for item in self._mistakes(flag))
        for path, rule in _rules(flag):
            if rule.condition:
                mistake, doubts = self._condition(rule.condition)
                place = (index, *path, "if")
                self.problems += [replace(mistake, path=place)] if mistake else []
                self.warnings += [replace(doubt, path=place) for doubt in doubts]

    def _mistakes(self, flag: Flag) -> Iterable[Problem]:
        before = self.book.recorded(flag.key)
        known = before.flag.expires_at if before else None
        if flag.type is FlagType.PERMISSION and flag.expires_at is not None:
            yield Problem("a permission flag does not expire.", ("expires",), "Leave it out, or choose type: release.")
        elif flag.expires_at is not None and flag.expires_at <= self.now and flag.expires_at != known:
            yield Problem("that is over already.", ("expires",), "Name a day to come.")
        for name in flag.environments:
            if name not in self.book.environments:
                names = ", ".join(self.book.environments)
                yield Problem(f"there is no environment '{name[:60]}'.", ("environments", name), f"There are: {names}.")
        for path, bucketing in _bucketings(flag):
            if bucketing.algorithm not in ALGORITHMS:
                hint = f"Known are {', '.join(ALGORITHMS)}."
                yield Problem(f"'{bucketing.algorithm[:60]}' is no way of bucketing.", (*path, "algorithm"), hint)
        size = len(json.dumps(write_flag(flag), ensure_ascii=False).encode())
        if size > MOST_BYTES:
            yield Problem(f"it has {size} bytes, {MOST_BYTES} are the most.", (), "Put long lists into segments.")
        yield from self._required(flag)
        yield from self._requiring(flag)

    def _required(self, flag: Flag) -> Iterable[Problem]:
        """What it requires must be there, and must not lead back to it."""
        for index, item in enumerate(flag.prerequisites):
            other = self._find(item.flag)
            if other is None:
                yield Problem(f"there is no flag '{item.flag[:60]}'.", ("prerequisites", index, "flag"))
            elif missing := [name for name in item.variants if name not in other.variants]:
                hint = f"It has {', '.join(other.variants)}."
                place = ("prerequisites", index, "variants")
                yield Problem(f"{other.key} has no variant '{missing[0][:60]}'.", place, hint)
        if flag.prerequisites:
            yield from self._weigh(flag.key)

    def _requiring(self, flag: Flag) -> Iterable[Problem]:
        """What others require of it must stay."""
        for key, items in self.book.requiring(flag.key).items():
            wanted = () if key in self.flags else items
            if missing := [name for item in wanted for name in item.variants if name not in flag.variants]:
                hint = f"Keep it, or change {key} first."
                yield Problem(f"{key} requires the variant '{missing[0]}' of it.", ("variants",), hint)
            if key not in self.flags and flag.prerequisites:
                yield from self._weigh(key)

    def _weigh(self, key: str) -> Iterable[Problem]:
        try:
            weigh(key, lambda name: [item.flag for item in self._requires(name)])
        except ValueError as refused:
            yield Problem(f"{refused}.", ("prerequisites",), "Require fewer, or only flags that stand alone.")

    def _requires(self, key: str) -> Sequence[Prerequisite]:
        flag = self._find(key)
        return flag.prerequisites if flag else ()

    def _find(self, key: str) -> Flag | None:
        if key in self.flags:
            return self.flags[key]
        state = self.book.recorded(key)
        return state.flag if state is not None and not state.archived else None

    def _condition(self, text: str) -> tuple[Problem | None, tuple[Problem, ...]]:
        """What refuses the condition, if anything does, and what is doubtful about it."""
        if text not in self._conditions:
            self._conditions[text] = self._judged(text)
        return self._conditions[text]

    def _judged(self, text: str) -> tuple[Problem | None, tuple[Problem, ...]]:
        try:
            node = cel.parse(text)
            cel.compile_condition(node, now=lambda: self.now, segment=self._segment)
        except cel.CelError as refused:
            return Problem(f"column {refused.column}: {refused.message}", (), refused.hint), ()
        doubts = cel.check(node, ATTRIBUTES)
        return None, tuple(Problem(f"column {doubt.column}: {doubt.message}.") for doubt in doubts)

    def _segment(self, name: str) -> cel.Test:
        if name not in self.book.segments:
            raise LookupError(name)
        return lambda _: False


def _rules(flag: Flag) -> Iterable[tuple[tuple[str | int, ...], Rule]]:
    for index, rule in enumerate(flag.rules):
        yield ("rules", index), rule
    for name, override in flag.environments.items():
        for index, rule in enumerate(override.rules or ()):
            yield ("environments", name, "rules", index), rule


def _bucketings(flag: Flag) -> Iterable[tuple[tuple[str | int, ...], Bucketing]]:
    yield ("bucketing",), flag.bucketing
    for path, rule in _rules(flag):
        if rule.bucketing is not None:
            yield (*path, "bucketing"), rule.bucketing
