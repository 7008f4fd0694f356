"""What a flag makes of one context, rule by rule: for ``flag explain``, the API and the page.

The answer itself is the ruleset's own; this looks at the line once more, slowly, for words. It never raises, and never
says a value of the context: contexts are about people.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from croupier.core.flags.bucketing import ALGORITHMS
from croupier.core.flags.evaluate import Context
from croupier.core.flags.model import NATIVE
from croupier.core.flags.outcome import Outcome
from croupier.core.flags.ruleset import Ruleset
from croupier.core.flags.targeting_key import NoKey, key_of
from croupier.core.segments import BUCKETS, bucket


class Verdict(StrEnum):
    """What a rule did."""

    TOOK = "took"
    OUTSIDE = "outside"
    """Its condition holds, but the player is not in its share."""
    NOT_MATCHED = "not matched"
    UNDECIDED = "undecided"
    """An attribute is missing or of another type: the rule counts as not matched."""
    NOT_REACHED = "not reached"


@dataclass(frozen=True, slots=True)
class Trace:
    """One rule. ``share`` is in basis points; ``bucket`` is the player's place, 0 to 9,999, where it decided and the
    algorithm has one. ``why`` is in words.
    """

    rule: str
    condition: str
    share: int
    verdict: Verdict
    why: str
    bucket: int | None = None


@dataclass(frozen=True, slots=True)
class Required:
    """Another flag that this one needs: what it must answer, what it answers, and whether that will do."""

    flag: str
    variants: tuple[str, ...]
    found: str | None
    met: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer, the player's bucket in the flag's own bucketing, and how it came about."""

    flag: str
    outcome: Outcome
    bucket: int | None
    requires: tuple[Required, ...] = ()
    rules: tuple[Trace, ...] = ()


def explain(ruleset: Ruleset, key: str, context: Context) -> Explanation:
    """Ask the flag and say why it answers so."""
    outcome = ruleset.outcome(key, context)
    place = ruleset.compiled(key).bucket_of(context)
    line = _line(ruleset, key)
    if line is None or outcome.error is not None:
        return Explanation(key, outcome, place)
    requires = tuple(_required(ruleset, context, line.get("requires", ())))
    open_to_rules = all(item.met for item in requires)
    return Explanation(key, outcome, place, requires, tuple(_traces(ruleset, line, context, reached=open_to_rules)))


def _line(ruleset: Ruleset, key: str) -> Mapping[str, Any] | None:
    try:
        found: Any = json.loads(ruleset.snapshot.lines[key].partition("\t")[2])
    except (KeyError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _required(ruleset: Ruleset, context: Context, requires: Sequence[Sequence[Any]]) -> Iterator[Required]:
    for flag, variants in requires:
        found = ruleset.outcome(flag, context).variant
        yield Required(flag, tuple(variants), found, found in variants)


def _traces(ruleset: Ruleset, line: Mapping[str, Any], context: Context, *, reached: bool) -> Iterator[Trace]:
    for index, rule in enumerate(line.get("rules", ()), 1):
        trace = _trace(ruleset, rule, rule.get("name") or f"rule {index}", rule.get("by") or line["by"], context)
        if not reached:
            trace = Trace(trace.rule, trace.condition, trace.share, Verdict.NOT_REACHED, "decided before")
        reached = reached and trace.verdict is not Verdict.TOOK
        yield trace


def _trace(ruleset: Ruleset, rule: Mapping[str, Any], name: str, by: Sequence[str], context: Context) -> Trace:
    text, share = rule.get("if", ""), int(rule.get("rollout", BUCKETS))

    def judged(verdict: Verdict, why: str, place: int | None = None) -> Trace:
        return Trace(name, text, share, verdict, why, place)

    try:
        matched = not text or ruleset.condition(text)(context)
    except Exception:  # noqa: BLE001 -- a context is anybody's
        return judged(Verdict.UNDECIDED, ruleset.why(text, context))
    if not matched:
        return judged(Verdict.NOT_MATCHED, "the condition does not hold")
    holds = "the condition holds" if text else "it is for everybody"
    if share == BUCKETS and not isinstance(rule["serve"], list):
        return judged(Verdict.TOOK, holds)
    algorithm, salt, _, attribute = by
    try:
        key = key_of(attribute)(context)
        inside = share == BUCKETS or ALGORITHMS[algorithm].inside(salt, share)(key)
    except Exception as error:  # noqa: BLE001 -- as above
        return judged(Verdict.UNDECIDED, str(error) if isinstance(error, NoKey) else "no usable targeting key")
    place = bucket(salt, key) if algorithm == NATIVE else None
    if share == BUCKETS:
        return judged(Verdict.TOOK, f"{holds}; the bucket decides the variant", place)
    where = "the player" if place is None else f"bucket {place}"
    verdict, found = (Verdict.TOOK, "inside") if inside else (Verdict.OUTSIDE, "outside")
    return judged(verdict, f"{holds}, and {where} is {found} of the first {share / 100:g} %", place)
