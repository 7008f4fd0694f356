"""What is wrong with a smoke check, by the place in its document."""

from dataclasses import replace
from typing import Any

import pytest

from croupier.core.smoke import Account, Claim, Command, Extract, Op, Request, SecretRef, SmokeCheck, SmokeStep, Where
from croupier.core.smoke.check import check_smoke
from croupier.core.smoke.model import MOST_STEPS

LOGIN = SmokeStep(
    "log in",
    Request("POST", "/auth/login", json='{"login": "${player.login}", "code": "${totp:player.totp}"}'),
    extracts=(Extract("token", Where.JSON, "/token"),),
)
PAY = SmokeStep(
    "deposit",
    Request("POST", "/payments/deposit", (("authorization", "Bearer ${token}"),), '{"amount_minor": 500}'),
    claims=(Claim(Where.JSON, Op.EQUALS, '"${run}"', "/id"),),
)
PLAYER = Account("player", (("login", SecretRef(env="SMOKE_LOGIN")), ("totp", SecretRef(file="totp"))))
GOOD = SmokeCheck("money", (LOGIN, PAY), (PAY,), accounts=(PLAYER,), max_amount="500")


def found(check: SmokeCheck) -> list[str]:
    return [f"{problem.field}: {problem.message}" for problem in check_smoke(check)]


def test_a_sound_check_has_nothing_wrong() -> None:
    assert found(GOOD) == []
    assert found(SmokeCheck("tests", command=Command(("pytest",)))) == []
    assert found(replace(GOOD, variables=(("psp", "kestrel"), ("key", "${psp}-${uuid}")))) == []


def with_step(step: SmokeStep, **changes: Any) -> SmokeCheck:
    return replace(GOOD, steps=(LOGIN, replace(step, **changes)), cleanup=())


def body(text: str) -> dict[str, Request]:
    return {"request": Request("POST", "/", json=text)}


@pytest.mark.parametrize(
    "check,problem",
    [
        (replace(GOOD, timeout_s=0.0), "spec.timeout: 0 s is no time for a check."),
        (replace(GOOD, timeout_s=1e9), "spec.timeout: 1e+09 s is no time for a check."),
        (with_step(PAY, timeout_s=61.0), "spec.steps[1].timeout: 61 s is no time for a request."),
        (replace(SmokeCheck("c", command=Command(("x",))), cleanup=(LOGIN,), accounts=(PLAYER,)), "spec.cleanup: a "),
        (replace(GOOD, steps=(LOGIN,) * MOST_STEPS), "spec.steps: there are more than 60 steps."),
        (with_step(PAY, retries=1), "spec.steps[1].retries: a POST is never sent again."),
        (with_step(PAY, refused=True, statuses=(200,)), "spec.steps[1].expect.status: who refuses answers with 400"),
        (replace(GOOD, accounts=()), "spec.steps[0]: nothing gives '${player.login}' a value"),
        (replace(GOOD, steps=(PAY, LOGIN)), "spec.steps[0]: nothing gives '${token}' a value before this step."),
        (replace(GOOD, variables=(("a", "${a}"),)), "spec.variables.a: nothing gives '${a}' a value"),
        (with_step(PAY, **body('"${totp:nobody}"')), "spec.steps[1]: nothing gives '${totp:nobody}' a value"),
        (replace(GOOD, max_amount=None), "spec.steps[1].request.json: 'amount_minor' is an amount, and"),
        (with_step(PAY, **body('{"amount": "500.01"}')), "'amount' is 500.01, more than maxAmount (500)."),
        (with_step(PAY, **body('[{"in": {"stake": -501}}]')), "'stake' is -501, more than maxAmount (500)."),
        (
            with_step(PAY, request=Request("POST", "/", form=(("amount", "1e9"),))),
            "spec.steps[1].request.form: 'amount' is 1E+9, more than",
        ),
    ],
)
def test_problems_name_their_place(check: SmokeCheck, problem: str) -> None:
    assert any(problem in text for text in found(check)), found(check)


@pytest.mark.parametrize("value", ['"${token}"', "true", '"NaN"', "[5]"])
def test_amounts_that_are_not_known_yet_are_for_whoever_runs_it(value: str) -> None:
    assert found(with_step(PAY, **body(f'{{"amount": {value}}}'))) == []
