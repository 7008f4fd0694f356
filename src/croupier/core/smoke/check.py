"""Does a smoke check make sense? Judged from the document alone. Called by whoever takes it in.

The paths in the problems are those of the document, so that they lead into the user's file.
"""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from croupier.core.smoke.model import MOST_STEPS, SmokeCheck, SmokeStep
from croupier.core.smoke.variables import BUILT_IN, amounts_in, names_in
from croupier.errors import Problem

_LONGEST_S: Final = 1800.0
_LONGEST_REQUEST_S: Final = 60.0
_SAFE: Final = ("GET", "HEAD", "OPTIONS")

Path = tuple[str | int, ...]


def check_smoke(check: SmokeCheck) -> tuple[Problem, ...]:
    """What is wrong with the check, in the order of the document."""
    return (*_wrong_times(check), *_wrong_steps(check), *_wrong_names(check), *_wrong_amounts(check))


def _wrong_times(check: SmokeCheck) -> Iterator[Problem]:
    if not 0 < check.timeout_s <= _LONGEST_S:
        yield Problem(f"{check.timeout_s:g} s is no time for a check.", ("spec", "timeout"), "Write 1s to 30m.")
    for step, at in _placed(check):
        if not 0 < step.timeout_s <= _LONGEST_REQUEST_S:
            yield Problem(f"{step.timeout_s:g} s is no time for a request.", (*at, "timeout"), "Write 10ms to 60s.")


def _wrong_steps(check: SmokeCheck) -> Iterator[Problem]:
    if check.cleanup and not check.steps:
        yield Problem("a command cleans up by itself.", ("spec", "cleanup"), "Remove it.")
    if len(check.steps) + len(check.cleanup) > MOST_STEPS:
        yield Problem(f"there are more than {MOST_STEPS} steps.", ("spec", "steps"), "Make two checks of it.")
    for step, at in _placed(check):
        if step.retries and step.request.method not in _SAFE:
            hint = "Remove it: a request that moves something is sent once, and its key is made anew in each run."
            yield Problem(f"a {step.request.method} is never sent again.", (*at, "retries"), hint)
        if step.refused and any(status < 400 for status in step.statuses):
            yield Problem("who refuses answers with 400 or more.", (*at, "expect", "status"), "Write for example 401.")


def _wrong_names(check: SmokeCheck) -> Iterator[Problem]:
    """Names that nothing gives a value, at the step that uses them."""
    known = {name for name, _ in check.variables}
    known |= {f"{account.name}.{field}" for account in check.accounts for field, _ in account.fields}
    for name, text in check.variables:
        for used in names_in(text):
            if not _known(used, known - {name}):
                yield _unknown(used, ("spec", "variables", name), known)
    for step, at in _placed(check):
        for used in dict.fromkeys(name for text in _texts(step) for name in names_in(text)):
            if not _known(used, known):
                yield _unknown(used, at, known)
        known |= {extract.name for extract in step.extracts}


def _known(used: str, known: set[str]) -> bool:
    function, _, argument = used.partition(":")
    return used in BUILT_IN or used in known or (function == "totp" and argument in known)


def _unknown(name: str, at: Path, known: set[str]) -> Problem:
    there = ", ".join(sorted(known | BUILT_IN)[:12])
    return Problem(f"nothing gives '${{{name}}}' a value before this step.", at, f"Known here: {there}.")


def _wrong_amounts(check: SmokeCheck) -> Iterator[Problem]:
    most = Decimal(check.max_amount) if check.max_amount is not None else None
    for step, at in _placed(check):
        body = _body(step)
        for field, value in amounts_in(body, check.amount_fields):
            place = (*at, "request", "json" if step.request.json is not None else "form")
            if most is None:
                hint = "Write the most that one request may move: maxAmount: 500."
                yield Problem(f"'{field}' is an amount, and the check has no maxAmount.", place, hint)
            elif isinstance(value, Decimal) and abs(value) > most:
                yield Problem(f"'{field}' is {value}, more than maxAmount ({most}).", place, "Try a small amount.")


def _body(step: SmokeStep) -> Any:
    if step.request.json is not None:
        return json.loads(step.request.json, parse_float=Decimal, parse_int=Decimal)
    return dict(step.request.form)


def _texts(step: SmokeStep) -> Iterator[str]:
    request = step.request
    yield request.path
    yield request.json or ""
    yield from (value for _, value in (*request.headers, *request.form))
    yield from (claim.wanted for claim in step.claims)


def _placed(check: SmokeCheck) -> Iterator[tuple[SmokeStep, Path]]:
    yield from ((step, ("spec", "steps", index)) for index, step in enumerate(check.steps))
    yield from ((step, ("spec", "cleanup", index)) for index, step in enumerate(check.cleanup))
