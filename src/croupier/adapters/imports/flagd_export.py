"""Our flags of one environment as a flagd definition, for any OpenFeature SDK that evaluates by itself.

Everybody gets there what they get here, or the flag is left out and the report says why: flagd's evaluators have
murmur3 only, so they cannot deal shares by another hash (docs/decisions/0014). Kills, expiries and overrides are
decided here, as in a flag's line.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from croupier.adapters.imports.report import Fate, Impossible, Note
from croupier.adapters.imports.to_jsonlogic import condition_logic, is_present
from croupier.core.flags.line import flag_line
from croupier.core.flags.state import FlagState
from croupier.core.segments import BUCKETS, Segment

_SCHEMA: Final = "https://flagd.dev/schema/v0/flags.json"

_ALGORITHMS: Final = {1: (None, "flagd.1"), 2: (None, "flagd.2"), 3: ("flagd.3", "flagd.3.value")}
"""Each version's bucketing: of the short form (salted with the flag's key), and of a text that salt and key join to."""


def export_flagd(
    states: Iterable[FlagState],
    environment: str,
    segments: Mapping[str, Segment],
    *,
    fractional: Literal[1, 2, 3],
) -> tuple[dict[str, Any], tuple[Note, ...]]:
    """The definition for ``environment``, and what became of each flag. ``fractional`` is the version that will
    evaluate it. A flag that cannot be said in flagd is left out, so that the code's default answers.
    """
    known = {state.key: state for state in states if not state.archived}
    definition: dict[str, Any] = {}
    notes: list[Note] = []
    for key, state in known.items():
        try:
            definition[key] = _Export(known, environment, segments, fractional).flag(state)
        except Impossible as reason:
            notes.append(Note(key, Fate.LEFT_OUT, f"{reason}."))
        else:
            notes.append(Note(key, Fate.KEPT, "everybody gets the same there."))
    metadata = {"flagSetId": environment, "version": str(max((state.version for state in known.values()), default=0))}
    return {"$schema": _SCHEMA, "metadata": metadata, "flags": definition}, tuple(notes)


class _Export:
    """One flag while it is written, from what its line says."""

    def __init__(
        self, known: Mapping[str, FlagState], environment: str, segments: Mapping[str, Segment], fractional: int
    ) -> None:
        self._known, self._environment, self._segments, self._fractional = known, environment, segments, fractional
        self._here = _ALGORITHMS[fractional]

    def flag(self, state: FlagState) -> dict[str, Any]:
        line = self._line(state)
        targeting = self._answer(state.key, line, ())
        constant = isinstance(targeting, str)
        written = {
            "state": "ENABLED",
            "variants": dict(line["variants"]),
            "defaultVariant": targeting if constant else line["serve"],
            "metadata": {"version": state.version},
        }
        return written if constant else {**written, "targeting": targeting}

    def _line(self, state: FlagState) -> dict[str, Any]:
        line: dict[str, Any] = json.loads(flag_line(state, self._environment).split("\t", 2)[2])
        return line

    def _answer(self, key: str, line: Mapping[str, Any], above: tuple[str, ...]) -> Any:
        """JSONLogic that answers the name of a variant, for everybody; a name alone where it is the same for all."""
        if "fixed" in line:
            return line["fixed"]
        branches: list[Any] = []
        for rule in line.get("rules", ()):
            branches += [self._asked(key, rule, line), self._served(key, rule, line)]
        answer = {"if": [*branches, line["serve"]]} if branches else line["serve"]
        if "requires" not in line:
            return answer
        met = [self._required(other, variants, (*above, key)) for other, variants in line["requires"]]
        return {"if": [{"and": met}, answer, line["off"]]}

    def _required(self, key: str, variants: list[str], above: tuple[str, ...]) -> Any:
        if key in above or key not in self._known:
            return False
        try:
            answer = self._answer(key, self._line(self._known[key]), above)
        except Impossible as reason:
            raise Impossible(f"it requires {key}, and there {reason}") from None
        return answer in variants if isinstance(answer, str) else {"in": [answer, variants]}

    def _asked(self, key: str, rule: Mapping[str, Any], line: Mapping[str, Any]) -> Any:
        """For whom the rule is; players without the attribute that its shares go by are not among them."""
        algorithm, salt, _, by = rule.get("by") or line["by"]
        share, several = rule.get("rollout", BUCKETS), isinstance(rule["serve"], list)
        parts = [condition_logic(rule.get("if", ""), self._segments)]
        if share < BUCKETS or several:
            parts.append(is_present(tuple((by or "targetingKey").split("."))))
        if share < BUCKETS:
            dealt = self._fractional_of(key, algorithm, salt, by, [["in", share], ["out", BUCKETS - share]])
            parts.append({"===": [dealt, "in"]})
        return parts[0] if len(parts) == 1 else {"and": parts}

    def _served(self, key: str, rule: Mapping[str, Any], line: Mapping[str, Any]) -> Any:
        serve = rule["serve"]
        if isinstance(serve, str):
            return serve
        algorithm, _, salt, by = rule.get("by") or line["by"]
        return self._fractional_of(key, algorithm, salt, by, serve)

    def _fractional_of(self, key: str, algorithm: str, salt: str, by: str, parts: list[Any]) -> Any:
        """The shares as ``fractional``, which hashes the salt and the player's key joined, or (version 3's short form)
        both as a pair.
        """
        short, joined = self._here
        if algorithm == short and salt == key and not by:
            return {"fractional": parts}
        if algorithm != joined:
            words = f"{algorithm}, salted with '{salt}'" if algorithm == short else algorithm
            raise Impossible(
                f"its players are dealt by {words}, which flagd's fractional {self._fractional} does not compute; pin "
                f"'bucketing: {{algorithm: {short or joined}}}' before anybody has it, or ask by OFREP"
            )
        return {"fractional": [{"cat": [salt, {"var": by or "targetingKey"}]}, *parts]}
