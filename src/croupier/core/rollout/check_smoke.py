"""Smoke checks that a rollout names: what makes no sense there, and where each is named. For ``check``, ``resolve``."""

from collections.abc import Iterator
from typing import Final

from croupier.core.rollout.blue_green import place
from croupier.core.rollout.check_pace import wrong_wait
from croupier.core.rollout.spec import Resort, RolloutSpec, Smoke
from croupier.errors import Problem

_STEPS: Final = ("spec", "strategy", "canary", "steps")

Uses = tuple[tuple[str, tuple[str | int, ...]], ...]


def smoke_uses(spec: RolloutSpec) -> Uses:
    """Every smoke check that the rollout names, with the place in the document where it does."""
    asked: list[tuple[Smoke, tuple[str | int, ...]]] = []
    if spec.smoke is not None:
        asked.append((spec.smoke, ("spec", "smoke")))
    steps = [(step, (*_STEPS, index, "smoke")) for index, step in enumerate(spec.steps) if isinstance(step, Smoke)]
    asked += [(step, place(spec, at)) for step, at in steps]
    return tuple((name, (*at, "checks", position)) for smoke, at in asked for position, name in enumerate(smoke.checks))


def wrong_smoke(smoke: Smoke, at: tuple[str | int, ...]) -> Iterator[Problem]:
    """What is wrong with one mention of smoke checks."""
    if not smoke.checks:
        yield Problem("no smoke check is named.", (*at, "checks"), "Write smoke: [<name of a SmokeCheck>].")
    for position, name in enumerate(smoke.checks):
        if name in smoke.checks[:position]:
            yield Problem(f"smoke check '{name}' is named twice here.", (*at, "checks", position), "Remove one.")
    if smoke.on_fail is Resort.HOLD:
        hint = "Write abort or pause. Who only wants to be told leaves the check out and runs: croupier smoke run FILE"
        yield Problem("a check that failed will not pass by waiting.", (*at, "onFail"), hint)
    yield from wrong_wait(smoke.on_no_data, (*at, "onNoData"))
