"""Which edition of the gates' arithmetic a rollout is judged by, and which ones this program has.

The same counts must give the same verdict for as long as anybody keeps the record. So whatever changes a verdict, or
the evidence behind one, is a new edition: a rollout's frozen plan names the one that it began with, and a program
without it says so instead of finding differences. Asked by ``asking`` for rollouts that run and by ``rejudge`` for the
record. ``tests/core/rollout/editions`` holds recorded histories of every edition here.
"""

from typing import Final

EDITION: Final = 1
"""What a rollout that starts now is judged by."""

KEPT: Final = frozenset({EDITION})
"""Editions whose functions are here. One that is dropped stays in old records: they cannot be judged again then."""

RELEASED: Final = 0
"""The last edition that a released version had: from there on it must never change. A later one may, until then."""


def lacks(edition: int | None) -> str | None:
    """Why this program cannot judge what began with that edition (``None``: none was noted), in words that go on from
    "it"; ``None`` where it can.
    """
    if edition in KEPT:
        return None
    here = f"and this program has {_named(sorted(KEPT))}"
    if edition is None:
        return f"began before editions of the gates' arithmetic were noted, {here}"
    return f"began with edition {edition} of the gates' arithmetic, {here}"


def _named(editions: list[int]) -> str:
    return f"edition{'s' if len(editions) > 1 else ''} {' and '.join(map(str, editions))}"
