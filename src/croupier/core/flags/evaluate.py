"""A flag's line, turned once into what answers a player's context with an ``Outcome``.

Evaluation is total: whatever the rules and the context, it answers and says why. The hot path of the product: nothing
is allocated, the functions are shared by all flags, and what a flag keeps for itself is a few tuples, since there may
be 50,000. Rules that cannot be decided (an attribute is missing) are left to ``undecided``. Called by ``Ruleset``.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

from xxhash import xxh64_intdigest

from croupier.core.flags.bucketing import ALGORITHMS, Split
from croupier.core.flags.measurement import measured
from croupier.core.flags.model import NATIVE
from croupier.core.flags.outcome import Measured, Outcome, Reason
from croupier.core.flags.step import Context, Lookup, Step, Take
from croupier.core.flags.targeting_key import KeyOf, key_of
from croupier.core.flags.undecided import Undecided
from croupier.core.segments import BUCKETS, bucket

__all__ = ["Compiled", "Context", "compile_line"]


class Compiled:
    """A flag, ready: ``flag.answer(flag, context)`` is its answer. A method would be looked up at each call."""

    __slots__ = ("_place", "_rest", "_undecided", "answer", "default", "lookup", "needs", "steps")

    def __init__(self, answer: "Answer", default: Outcome, lookup: Lookup, rest: str = "") -> None:
        self.answer = answer
        self.default = default
        self.lookup = lookup
        self.steps: tuple[Step, ...] = ()
        self.needs: tuple[tuple[str, frozenset[str], Outcome], ...] = ()
        self._rest = rest
        self._undecided: Undecided | None = None
        self._place: tuple[str, KeyOf] | None = None

    def undecided(self, context: Context) -> Outcome:
        """The answer where a rule cannot be decided."""
        if self._undecided is None:
            self._undecided = Undecided(self.steps, self.default, self._rest, self.lookup)
        return self._undecided(context)

    def bucket_of(self, context: Context) -> int | None:
        """The player's bucket in the flag's own bucketing, for people to read; ``None`` for another algorithm's, and
        where nothing is bucketed. Never raises.
        """
        try:
            if self._place is None:
                algorithm, salt, _, by = json.loads(self._rest.partition("\t")[2])["by"]
                self._place = (salt, key_of(by if algorithm == NATIVE else _NEVER))
            salt, key = self._place
            return bucket(salt, key(context))
        except Exception:  # noqa: BLE001 -- total, as every question to a flag
            return None


Answer: TypeAlias = Callable[[Compiled, Context], Outcome]

_NEVER: Final = "\0"
"""The name of no attribute: by it, nobody has a key."""


def always(flag: Compiled, _: Context) -> Outcome:
    """The same for everybody."""
    return flag.default


def by_rules(flag: Compiled, context: Context) -> Outcome:
    """The first rule that takes the player decides."""
    last = flag.default
    try:
        for test, outcome, share, by, outside in flag.steps:
            if test is None or test(context):
                if share is not None:
                    key = context.get("targetingKey")
                    if type(key) is not str or not key:
                        key = _usual_key(context)
                    # ``bucket`` of the segments, written out: a call would cost as much as the hash.
                    if xxh64_intdigest((by + key).encode()) % BUCKETS < share:
                        return outcome
                elif by is None:
                    return outcome
                else:
                    taken: Outcome | None = by(context)
                    if taken is not None:
                        return taken
                last = outside
    except Exception:  # noqa: BLE001 -- evaluation is total: whatever a context does, there is an answer
        return flag.undecided(context)
    return last


def if_met(flag: Compiled, context: Context) -> Outcome:
    """Off, unless the flags that it requires answer as they must."""
    for key, variants, off in flag.needs:
        if flag.lookup.outcome(key, context).variant not in variants:
            return off
    return by_rules(flag, context)


def compile_line(rest: str, lookup: Lookup) -> Compiled:
    """The flag of this line. Raises what a damaged line raises; the caller answers with an error outcome."""
    number, _, text = rest.partition("\t")
    return _Compilation(_one(int(number)), json.loads(text), rest, lookup).compiled()


class _Compilation:
    """The parts of one flag, while it is compiled. Words that flags have in common are kept once."""

    def __init__(self, version: int, line: Mapping[str, Any], rest: str, lookup: Lookup) -> None:
        self.version, self.line, self.rest, self.lookup = version, line, rest, lookup
        self.prefixes: dict[str, str] = {}
        self.run, self.measured_rule = measured(line)

    def compiled(self) -> Compiled:
        line = self.line
        if "fixed" in line:
            return Compiled(always, self.outcome(line["fixed"], Reason.DISABLED, detail=line["why"]), self.lookup)
        rules = line.get("rules", ())
        default = self.outcome(line["serve"], Reason.DEFAULT if rules else Reason.STATIC)
        flag = Compiled(by_rules if rules else always, default, self.lookup, self.rest)
        flag.steps = tuple(self.step(rule, index) for index, rule in enumerate(rules, 1))
        if "requires" in line:
            flag.answer = if_met
            flag.needs = tuple((key, frozenset(variants), self.needing(key)) for key, variants in line["requires"])
        return flag

    def needing(self, key: str) -> Outcome:
        return self.outcome(self.line["off"], Reason.DISABLED, detail=f"needs {key}")

    def outcome(
        self, variant: str, reason: Reason, *, rule: str | None = None, detail: str = "", measure: bool = True
    ) -> Outcome:
        value = self.line["variants"][variant]
        if measure and self.run and rule == self.measured_rule and reason is Reason.SPLIT:
            run, version = self.run, self.version
            return Measured(value, sys.intern(variant), reason, rule=rule, version=version, detail=detail, run=run)
        return Outcome(value, sys.intern(variant), reason, rule=rule, version=self.version, detail=detail)

    def step(self, rule: Mapping[str, Any], index: int) -> Step:
        name = sys.intern(rule.get("name") or f"rule {index}")
        text, serve = rule.get("if", ""), rule["serve"]
        algorithm, salt, variant_salt, by = rule.get("by") or self.line["by"]
        share = int(rule.get("rollout", BUCKETS))
        several = isinstance(serve, list)
        reason = Reason.SPLIT if share < BUCKETS or several else Reason.TARGETING_MATCH
        parts = serve if several else [[serve, 1]]
        served = tuple(self.outcome(variant, reason, rule=name) for variant, _ in parts)
        test = self.lookup.condition(text) if text else None
        outside = served[0]
        if share < BUCKETS:
            # Of those whom it leaves out some are the next rule's, so the others are no fair part of all.
            last, said = index == len(self.line["rules"]), _outside(share, name)
            outside = self.outcome(self.line["serve"], Reason.SPLIT, rule=name, detail=said, measure=last)
        if share < BUCKETS and algorithm == NATIVE and not several and not by:
            return test, served[0], _one(share), self.prefixes.setdefault(salt, f"{salt}:"), outside
        take: Take | None = None
        key = key_of(by)
        if several:
            split = ALGORITHMS[algorithm].split(variant_salt, [weight for _, weight in parts])
            take = _take_one(key, split, served)
        if share < BUCKETS:
            take = _take_share(key, algorithm, salt, share, take, served[0])
        return test, served[0], None, take, outside


_usual_key: Final = key_of("")


@lru_cache(maxsize=1024)
def _one(number: int) -> int:
    """The same object for equal numbers."""
    return number


@lru_cache(maxsize=4096)
def _outside(share: int, name: str) -> str:
    return f"outside of the {share / 100:g} % of {name}"


def _take_one(key: KeyOf, split: Split, served: Sequence[Outcome]) -> Take:
    return lambda context: served[split(key(context))]


def _take_share(key: KeyOf, algorithm: str, salt: str, share: int, then: Take | None, outcome: Outcome) -> Take:
    """The share's players get the outcome, or what ``then`` chooses for them; the others ``None``."""
    inside = ALGORITHMS[algorithm].inside(salt, share)

    def take(context: Context) -> Outcome | None:
        if not inside(key(context)):
            return None
        return outcome if then is None else then(context)

    return take
