"""Compares our CEL with the C++ reference (cel-expr-python) on random expressions and contexts.

The reference checks types before it evaluates, so every literal is wrapped in dyn() for it: what is compared is
evaluation, and the fast shapes of conditions with the general values on the way.
`python -m benchmarks.flags.cel_differential [COUNT] [SEED]`; the tests run a few thousand of the same.
"""

import math
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.flags._cel_expressions import VARIABLES, Expressions
from benchmarks.flags._cel_reference import leave_after
from cel_expr_python import cel as reference

from croupier.core.flags.cel.compiler import compile_condition, compile_value
from croupier.core.flags.cel.errors import CelError
from croupier.core.flags.cel.functions import FUNCTIONS
from croupier.core.flags.cel.parser import parse
from croupier.core.flags.cel.times import Duration, Timestamp

NOW = datetime(2026, 11, 22, 8, 30, 15, 250_000, tzinfo=UTC)
ERROR = "error"
TYPED = "expressions left out: the reference's type checker refuses them"
HOPELESS = "expressions left out: we refuse a literal that can never work when it is written"


class Reference:
    """The C++ implementation."""

    def __init__(self) -> None:
        kinds = reference.Type
        variables = dict.fromkeys(VARIABLES, kinds.DYN) | {"now": kinds.TIMESTAMP}
        self._environment = reference.NewEnv(variables=variables)

    def compile(self, text: str) -> Any:
        """The compiled expression. Raises RuntimeError where the reference refuses it."""
        return self._environment.compile(text)

    def evaluate(self, compiled: Any, context: dict[str, Any]) -> Any:
        result = compiled.eval(data=context | {"now": NOW})
        return ERROR if result.type() == reference.Type.ERROR else plain(result.plain_value())


def ours(text: str, context: dict[str, Any]) -> Any:
    """Our value, and the same from the condition's fast shapes wherever the value is true or false."""
    try:
        value = plain(compile_value(text, now=NOW.timestamp)(context))
    except Exception:  # noqa: BLE001 - errors are compared as such, whatever they are
        value = ERROR
    try:
        decided: Any = compile_condition(text, now=NOW.timestamp)(context)
    except Exception:  # noqa: BLE001 - as above
        decided = ERROR
    if not same(decided, value if isinstance(value, bool) else ERROR):
        return f"condition {decided!r}, value {value!r}"
    return value


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


DOCUMENTED: dict[str, tuple[str, Callable[[Any], bool], Callable[[Any], Any]]] = {
    "int(true) is 1 to the reference, against the specification": ("int", lambda value: type(value) is bool, int),
    "NaN has a sign in the texts of the reference": ("string", _is_nan, lambda _: "-nan"),
}


def _either(
    applies: Callable[[Any], bool], then: Callable[[Any], Any], otherwise: Callable[..., Any]
) -> Callable[..., Any]:
    return lambda value: then(value) if applies(value) else otherwise(value)


def documented(text: str, context: dict[str, Any], theirs: Any) -> str | None:
    """Which known difference it is: the one that, were we to behave alike, would make us agree."""
    for reason, (name, applies, other) in DOCUMENTED.items():
        own = FUNCTIONS[name]
        FUNCTIONS[name] = _either(applies, other, own)
        try:
            if same(ours(text, context), theirs):
                return reason
        finally:
            FUNCTIONS[name] = own
    return None


def plain(value: Any) -> Any:
    """A value in the terms of both: moments and lengths to the microsecond, as the binding has them."""
    match value:
        case Timestamp():
            return ("moment", value.nanoseconds // 1_000)
        case Duration():
            # Towards zero, as the binding shortens it.
            return ("length", int(math.copysign(abs(value.nanoseconds) // 1_000, value.nanoseconds)))
        case datetime():
            return ("moment", (value - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1))
        case timedelta():
            return ("length", value // timedelta(microseconds=1))
        case list() | tuple():
            return [plain(item) for item in value]
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case _:
            return value


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    if type(one) is not type(other):
        return False
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


def run(count: int, seed: int) -> tuple[Counter[str], list[str]]:
    """Compares ``count`` pairs of expression and context: how they came out, and each finding in words."""
    expressions, cpp = Expressions(seed), Reference()
    outcomes: Counter[str] = Counter()
    findings: list[str] = []
    compared = 0
    while compared < count:
        text = expressions.one()
        compiled = None
        try:
            compiled = cpp.compile(text.theirs)
            parse(text.ours)
        except RuntimeError:
            outcomes[TYPED] += 1
            continue
        except CelError as error:
            if error.hint == "Mend the literal.":
                outcomes[HOPELESS] += 1
            else:
                findings.append(f"{text.ours}\n    we refuse it: {error}")
            continue
        for _ in range(3):
            context = expressions.context()
            compared += 1
            theirs, mine = cpp.evaluate(compiled, context), ours(text.ours, context)
            if same(mine, theirs):
                outcomes[
                    f"agree: {'an error' if mine == ERROR else mine if isinstance(mine, bool) else 'a value'}"
                ] += 1
            elif reason := documented(text.ours, context, theirs):
                outcomes[f"differ, as documented: {reason}"] += 1
            else:
                findings.append(f"{text.ours}\n    {context}\n    ours {mine!r}, theirs {theirs!r}")
    return outcomes, findings


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 120_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 20_261_122
    outcomes, findings = run(count, seed)
    for finding in findings[:20]:
        print(finding)
    agreed = sum(times for outcome, times in outcomes.items() if outcome.startswith("agree"))
    print(f"{agreed:,} pairs of expression and context agree, {len(findings):,} do not (seed {seed})")
    for outcome, times in outcomes.most_common():
        print(f"{times:>9,}  {outcome}")
    return 1 if findings else 0


if __name__ == "__main__":
    leave_after(main)
