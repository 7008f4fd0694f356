"""What one condition costs: tested, parsed, compiled, explained; side by side with the C++ reference in one run.

`python -m benchmarks.flags.cel_speed`. The best of several rounds counts, since neighbours only slow down.
"""

import json
import timeit
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.flags._cel_reference import leave_after
from cel_expr_python import cel as reference

from croupier.core.flags import cel

# Read like a request's attributes, so that no string is the literal's own.
CONTEXT = json.loads("""{
    "market": "SE", "brand": "X", "deposits": 5, "email": "player@example.org", "version": "2.10.0",
    "user": {"isEmployee": true, "roles": ["beta", "vip"], "country": "DE"}
}""")
TARGETS_NS = {"market in ['DE', 'SE']": 80, "brand == 'X' && user.isEmployee": 200}
CONDITIONS = (
    *TARGETS_NS,
    "user.country == 'DE'",
    "market == 'DE' || market == 'SE'",
    "!user.isEmployee",
    "'vip' in user.roles",
    "deposits >= 3",
    "email.endsWith('@example.org')",
    "email.matches('^[a-z]+@example[.]org$')",
    "now >= timestamp('2026-01-01T00:00:00Z')",
    "semver(version) >= semver('2.1.0')",
    "has(user.vip)",
    "missing == 'x'",
)


def best_ns(call: Callable[[], Any], number: int) -> float:
    return min(timeit.repeat(call, number=number, repeat=9)) / number * 1e9


def test_ns(test: cel.Test) -> float:
    # Called as evaluation calls it, without another function in between.
    statement = "test(context)" if decided(test) else "try: test(context)\nexcept Exception: pass"
    return (
        min(timeit.repeat(statement, globals={"test": test, "context": CONTEXT}, number=50_000, repeat=9))
        / 50_000
        * 1e9
    )


def decided(test: cel.Test) -> bool:
    try:
        test(CONTEXT)
    except LookupError:
        return False
    return True


def reference_ns(text: str) -> float | None:
    names = {name.partition(".")[0] for name in cel.attributes(cel.parse(text))}
    environment = reference.NewEnv(variables=dict.fromkeys(names, reference.Type.DYN))
    try:
        compiled = environment.compile(text)
    except RuntimeError:
        return None
    return best_ns(lambda: compiled.eval(data=CONTEXT).plain_value(), 5_000)


def main() -> int:
    print(f"{'condition':<45}{'test, ns':>9}{'C++, ns':>9}{'parse, µs':>11}{'compile, µs':>13}{'why, µs':>9}")
    missed = []
    for text in CONDITIONS:
        node = cel.parse(text)
        test = cel.compile_condition(node, now=lambda: 1.8e9)
        own, other = test_ns(test), reference_ns(text)
        parse = best_ns(partial(cel.parse, text), 500) / 1e3
        compiled = best_ns(partial(cel.compile_condition, node, now=lambda: 1.8e9), 500) / 1e3
        why = best_ns(partial(cel.why, node, CONTEXT), 500) / 1e3
        print(f"{text:<45}{own:>9.0f}{f'{other:.0f}' if other else '–':>9}{parse:>11.1f}{compiled:>13.1f}{why:>9.1f}")
        if own > TARGETS_NS.get(text, own):
            missed.append(text)
    for text in missed:
        print(f"missed: {text} should take less than {TARGETS_NS[text]} ns")
    return 1 if missed else 0


if __name__ == "__main__":
    leave_after(main)
