"""What a flag answers where a rule cannot be decided: the rule does not match, and the outcome says why.

The words take time, and contexts of one kind lack the same attributes, so each outcome with its words is kept. Called
by ``evaluate`` when a rule raised.
"""

import json
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Final

from croupier.core.flags import cel
from croupier.core.flags.outcome import Outcome
from croupier.core.flags.step import Context, Lookup, Step
from croupier.core.flags.targeting_key import NoKey, key_of
from croupier.core.segments import bucket

_MOST_NOTED: Final = 64
"""So many different notes a flag keeps words for; beyond, one outcome says that there are more."""

_usual_key: Final = key_of("")
_MORE: Final = "some rules could not be decided"


class Undecided:
    """Goes through the rules one by one and notes those that cannot be decided."""

    def __init__(self, steps: Sequence[Step], default: Outcome, rest: str, lookup: Lookup) -> None:
        self._steps = steps
        self._default = default
        self._lookup = lookup
        self._rules: list[Mapping[str, Any]] = json.loads(rest.partition("\t")[2])["rules"]
        self._reads = tuple(_paths(rule.get("if", "")) for rule in self._rules)
        self._noted: dict[Hashable, Outcome] = {}

    def __call__(self, context: Context) -> Outcome:
        """Never raises."""
        notes: list[tuple[int, str, Exception]] = []
        last = self._default
        for index, step in enumerate(self._steps):
            part = "if"
            try:
                test, outside = step[0], step[-1]
                if test is not None and not test(context):
                    continue
                part = "key"
                taken = _taken(step, context)
            except Exception as error:  # noqa: BLE001 -- total: whatever a context does, there is an answer
                notes.append((index, part, error))
                continue
            if taken is not None:
                return self._with(taken, notes, context)
            last = outside
        return self._with(last, notes, context)

    def _with(self, outcome: Outcome, notes: Sequence[tuple[int, str, Exception]], context: Context) -> Outcome:
        if not notes:
            return outcome
        place = (id(outcome), *(self._kind(index, part, error, context) for index, part, error in notes))
        found = self._noted.get(place)
        if found is None:
            words = [self._words(index, part, error, context) for index, part, error in notes]
            found = self._said(outcome, words)
            if len(self._noted) < 4 * _MOST_NOTED:
                found = self._noted.setdefault(place, found)
        return found

    def _said(self, outcome: Outcome, words: Sequence[str]) -> Outcome:
        """The outcome with these words, of which there is one however many kinds of contexts lead to them."""
        place: Hashable = (id(outcome), "; ".join(words))
        if place not in self._noted and len(self._noted) >= _MOST_NOTED:
            words, place = (_MORE,), (id(outcome), _MORE)
        if place not in self._noted:
            detail = "; ".join(filter(None, (outcome.detail, *words)))
            made = outcome.saying(detail)
            self._noted.setdefault(place, made)  # another thread may have been faster, and counts on its own
        return self._noted[place]

    def _kind(self, index: int, part: str, error: Exception, context: Context) -> Hashable:
        """What tells contexts apart for which the words differ: the error, and which attributes are there."""
        there = tuple(_there(context, path) for path in self._reads[index])
        return index, part, type(error), _text(error), there

    def _words(self, index: int, part: str, error: Exception, context: Context) -> str:
        rule = self._rules[index]
        name = rule.get("name") or f"rule {index + 1}"
        if part == "if":
            return f"{name}: {self._lookup.why(rule.get('if', ''), context)}"
        return f"{name}: {error if isinstance(error, NoKey) else 'no usable targeting key'}"


def _taken(step: Step, context: Context) -> Outcome | None:
    """As ``evaluate.by_rules`` does it, which raised somewhere."""
    _, outcome, share, by, _ = step
    if share is not None:
        return outcome if bucket(by[:-1], _usual_key(context)) < share else None
    if by is None:
        return outcome
    taken: Outcome | None = by(context)
    return taken


def _paths(condition: str) -> tuple[tuple[str, ...], ...]:
    """The attributes that a condition reads."""
    return tuple(tuple(path.split(".")) for path in sorted(cel.attributes(cel.parse(condition)))) if condition else ()


def _there(context: Context, path: Sequence[str]) -> bool:
    """Whether the attribute can be found at all; a guess is enough, since the error tells the rest."""
    try:
        value: Any = context
        for name in path:
            value = value[name] if isinstance(value, Mapping) else getattr(value, name)
    except Exception:  # noqa: BLE001 -- as above
        return False
    return value is not None


def _text(error: Exception) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 -- as above
        return ""
