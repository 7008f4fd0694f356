"""A flag's line, turned once into a function from a player's context to an ``Outcome``.

Evaluation is total: whatever the rules and the context, it answers and says why. It allocates nothing on the way that
players usually go; only a rule that cannot be decided (an attribute is missing) is looked at again, slowly, for words.
Called by ``Ruleset``.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias

from croupier.core.flags.bucketing import ALGORITHMS, Split
from croupier.core.flags.cel import Test
from croupier.core.flags.model import NATIVE
from croupier.core.flags.outcome import Outcome, Reason
from croupier.core.flags.targeting_key import KeyOf, NoKey, key_of
from croupier.core.segments import BUCKETS, bucket

Context: TypeAlias = Mapping[str, Any]
"""What is known of the player and the request: attributes by name, nested ones as objects."""

Run: TypeAlias = Callable[[Context], Outcome]

_MOST_NOTED: Final = 64
"""So many different notes a flag keeps words for; beyond, one outcome says that there are more."""


class Lookup(Protocol):
    """What a flag needs of the others."""

    def condition(self, text: str) -> Test:
        """The compiled condition."""
        ...

    def why(self, text: str, context: Context) -> str:
        """Why the condition cannot be decided."""
        ...

    def outcome(self, key: str, context: Context) -> Outcome:
        """What another flag answers."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """One rule, compiled. Without ``take`` everybody who passes ``test`` gets ``outcome``; ``outside`` is the answer if
    no later rule takes a player whom this one's share left out.
    """

    name: str
    text: str
    test: Test | None
    take: Callable[[Context], Outcome | None] | None
    outcome: Outcome
    outside: Outcome


@dataclass(slots=True)
class Compiled:
    """A flag, ready. ``outcomes`` are all that it has answered so far, for counting."""

    run: Run
    outcomes: list[Outcome] = field(default_factory=list)
    bucket_of: Callable[[Context], int | None] = lambda _: None
    requires: bool = False


def compile_line(key: str, rest: str, lookup: Lookup) -> Compiled:
    """The flag of this line. Raises what a damaged line raises; the caller answers with an error outcome."""
    number, _, text = rest.partition("\t")
    return _Compilation(key, int(number), json.loads(text), lookup).compiled()


class _Compilation:
    """The parts of one flag, while it is compiled."""

    def __init__(self, key: str, version: int, line: Mapping[str, Any], lookup: Lookup) -> None:
        self.key, self.version, self.line, self.lookup = key, version, line, lookup
        self.outcomes: list[Outcome] = []

    def compiled(self) -> Compiled:
        line = self.line
        if "fixed" in line:
            fixed = self.outcome(line["fixed"], Reason.DISABLED, detail=line["why"])
            return Compiled(lambda _: fixed, self.outcomes)
        rules = line.get("rules", ())
        if not rules:
            always = self.outcome(line["serve"], Reason.STATIC)
            run: Run = lambda _: always  # noqa: E731 -- a function as a value, like its siblings
            bucket_of: Callable[[Context], int | None] = lambda _: None  # noqa: E731 -- as above
        else:
            steps = tuple(self.step(rule, index) for index, rule in enumerate(rules, 1))
            run = self.rules_run(steps, self.outcome(line["serve"], Reason.DEFAULT))
            bucket_of = _bucket_of(line["by"])
        if "requires" in line:
            run = self.guarded(run, line["requires"])
        return Compiled(run, self.outcomes, bucket_of, "requires" in line)

    def outcome(self, variant: str, reason: Reason, *, rule: str | None = None, detail: str = "") -> Outcome:
        value = self.line["variants"][variant]
        made = Outcome(value, variant, reason, rule=rule, version=self.version, detail=detail)
        self.outcomes.append(made)
        return made

    def step(self, rule: Mapping[str, Any], index: int) -> Step:
        name, text, serve = rule.get("name") or f"rule {index}", rule.get("if", ""), rule["serve"]
        algorithm, salt, variant_salt, by = rule.get("by") or self.line["by"]
        share = int(rule.get("rollout", BUCKETS))
        several = isinstance(serve, list)
        reason = Reason.SPLIT if share < BUCKETS or several else Reason.TARGETING_MATCH
        parts = serve if several else [[serve, 1]]
        served = [self.outcome(variant, reason, rule=name) for variant, _ in parts]
        take: Callable[[Context], Outcome | None] | None = None
        key = key_of(by)
        if several:
            split = ALGORITHMS[algorithm].split(variant_salt, [weight for _, weight in parts])
            take = _take_one(key, split, served)
        if share < BUCKETS:
            take = _take_share(key, algorithm, salt, share, take, served[0])
        outside = served[0]
        if share < BUCKETS:
            words = f"outside of the {share / 100:g} % of {name}"
            outside = self.outcome(self.line["serve"], Reason.SPLIT, rule=name, detail=words)
        return Step(name, text, self.lookup.condition(text) if text else None, take, served[0], outside)

    def rules_run(self, steps: tuple[Step, ...], default: Outcome) -> Run:
        undecided = _Undecided(self, steps, default)
        fast = tuple((step.test, step.take, step.outcome, step.outside) for step in steps)
        if len(fast) == 1:
            return _single(fast[0], default, undecided)

        def run(context: Context) -> Outcome:
            last = default
            try:
                for test, take, outcome, outside in fast:
                    if test is None or test(context):
                        if take is None:
                            return outcome
                        taken = take(context)
                        if taken is not None:
                            return taken
                        last = outside
            except Exception:  # noqa: BLE001 -- evaluation is total: whatever a context does, there is an answer
                return undecided(context)
            return last

        return run

    def guarded(self, run: Run, requires: Sequence[Sequence[Any]]) -> Run:
        off = {flag: self.outcome(self.line["off"], Reason.DISABLED, detail=f"needs {flag}") for flag, _ in requires}
        needs = tuple((flag, frozenset(variants)) for flag, variants in requires)
        other = self.lookup.outcome

        def run_if_met(context: Context) -> Outcome:
            for flag, variants in needs:
                if other(flag, context).variant not in variants:
                    return off[flag]
            return run(context)

        return run_if_met


_Fast: TypeAlias = tuple[Test | None, Callable[[Context], Outcome | None] | None, Outcome, Outcome]


def _single(step: _Fast, default: Outcome, undecided: Run) -> Run:
    """One rule, by far the most frequent: no loop."""
    test, take, outcome, outside = step

    def run(context: Context) -> Outcome:
        try:
            if test is None or test(context):
                if take is None:
                    return outcome
                return take(context) or outside
        except Exception:  # noqa: BLE001 -- as above
            return undecided(context)
        return default

    return run


class _Undecided:
    """Goes through the rules one by one and notes those that cannot be decided; they do not match."""

    def __init__(self, compilation: _Compilation, steps: tuple[Step, ...], default: Outcome) -> None:
        self._compilation = compilation
        self._steps = steps
        self._default = default
        self._noted: dict[tuple[int, tuple[str, ...]], Outcome] = {}

    def __call__(self, context: Context) -> Outcome:
        notes: list[str] = []
        last = self._default
        for step in self._steps:
            try:
                if step.test is not None and not step.test(context):
                    continue
            except Exception:  # noqa: BLE001 -- as above
                notes.append(f"{step.name}: {self._compilation.lookup.why(step.text, context)}")
                continue
            try:
                taken = step.outcome if step.take is None else step.take(context)
            except Exception as error:  # noqa: BLE001 -- as above
                notes.append(f"{step.name}: {_no_key(error)}")
                continue
            if taken is not None:
                return self._with(taken, notes)
            last = step.outside
        return self._with(last, notes)

    def _with(self, outcome: Outcome, notes: list[str]) -> Outcome:
        if not notes:
            return outcome
        place = (id(outcome), tuple(notes))
        if place not in self._noted:
            if len(self._noted) >= _MOST_NOTED:
                place = (id(outcome), ("some rules could not be decided",))
            if place not in self._noted:
                detail = "; ".join(filter(None, (outcome.detail, *place[1])))
                variant = outcome.variant or ""
                self._noted[place] = self._compilation.outcome(
                    variant, outcome.reason, rule=outcome.rule, detail=detail
                )
        return self._noted[place]


def _take_one(key: KeyOf, split: Split, served: Sequence[Outcome]) -> Callable[[Context], Outcome | None]:
    return lambda context: served[split(key(context))]


def _take_share(
    key: KeyOf,
    algorithm: str,
    salt: str,
    share: int,
    then: Callable[[Context], Outcome | None] | None,
    outcome: Outcome,
) -> Callable[[Context], Outcome | None]:
    """The share's players get the outcome, or what ``then`` chooses for them; the others ``None``."""
    if algorithm == NATIVE and then is None:
        return lambda context: outcome if bucket(salt, key(context)) < share else None
    inside = ALGORITHMS[algorithm].inside(salt, share)

    def take(context: Context) -> Outcome | None:
        if not inside(key(context)):
            return None
        return outcome if then is None else then(context)

    return take


def _bucket_of(by: Sequence[str]) -> Callable[[Context], int | None]:
    """The player's bucket in the flag's own bucketing, for people to read; ``None`` for another algorithm's."""
    algorithm, salt, _, attribute = by
    key = key_of(attribute)

    def bucket_of(context: Context) -> int | None:
        try:
            return bucket(salt, key(context)) if algorithm == NATIVE else None
        except Exception:  # noqa: BLE001 -- as above
            return None

    return bucket_of


def _no_key(error: Exception) -> str:
    return str(error) if isinstance(error, NoKey) else "no usable targeting key"
