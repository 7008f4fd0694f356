"""Closures for && || ! and ?:. Called by the compiler.

As in CEL, && and || absorb errors from either side: false && (what cannot be decided) is false, whichever comes first.
"""

from collections.abc import Sequence

from croupier.core.flags.cel.reading import Context, Test, Value


def negation(test: Test) -> Test:
    """``!test``"""
    return lambda context: not test(context)


def conjunction(tests: Sequence[Test]) -> Test:
    """``a && b && c``"""
    *rest, last = tests
    for test in reversed(rest):
        last = _both(test, last)
    return last


def disjunction(tests: Sequence[Test]) -> Test:
    """``a || b || c``"""
    *rest, last = tests
    for test in reversed(rest):
        last = _either(test, last)
    return last


def _both(first: Test, second: Test) -> Test:
    def both(context: Context) -> bool:
        try:
            if not first(context):
                return False
        except (
            Exception
        ):  # whatever went wrong here does not count where the other side decides, says CEL; else it does
            if second(context):
                raise
            return False
        return second(context)

    return both


def _either(first: Test, second: Test) -> Test:
    def either(context: Context) -> bool:
        try:
            if first(context):
                return True
        except Exception:  # as above
            if second(context):
                return True
            raise
        return second(context)

    return either


def choice(condition: Test, then: Value, otherwise: Value) -> Value:
    """``condition ? then : otherwise``, only one of which is looked at."""
    return lambda context: then(context) if condition(context) else otherwise(context)
