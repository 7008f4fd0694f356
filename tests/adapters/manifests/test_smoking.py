"""Smoke checks in files: what they become, and what is refused with its place."""

from typing import Any

import pytest

from croupier.adapters.manifests import parse_text
from croupier.core.rollout.spec import Resort, RolloutSpec, SetWeight, Smoke, Undecided
from croupier.core.smoke import (
    Account,
    Claim,
    Command,
    Extract,
    Op,
    Request,
    SecretRef,
    SmokeCheck,
    SmokeStep,
    Where,
)

V1 = "apiVersion: croupier/v1"
SCENARIO = """
  description: money
  maxAmount: 5.00
  amountFields: [amount]
  timeout: 30s
  variables: {psp: kestrel, tries: 2, dry: false}
  accounts: {player: {login: {env: SMOKE_LOGIN}, password: {file: player.password}}}
  steps:
    - name: log in
      request:
        method: post
        path: /auth/login
        headers: {accept: application/json}
        json: {login: "${player.login}", age: 1.50}
      expect:
        status: [200, 201]
        json: {/state: ok, /items: {contains: 5}, /gone: {exists: false}, /o: {a: 1}}
        headers: {content-type: {matches: "application/.*json"}}
        text: {contains: state}
        usually: 400ms
      extract: {token: /token, id: {header: x-id, pattern: "[0-9]+"}, code: {text: "code=([0-9]+)"}}
      timeout: 5s
    - name: too much
      request: {method: POST, path: /pay, form: {amount: "1.00"}}
      expect: refused
    - {name: look, request: /balance, expect: 204, retries: 2}
  cleanup:
    - name: leave
      request: {path: /out}
      expect: {refused: true, status: 401}
"""


def document(spec: str, kind: str = "SmokeCheck") -> Any:
    return parse_text(f"{V1}\nkind: {kind}\nmetadata: {{name: money}}\nspec:{spec}\n", known=None)


def test_a_scenario_with_everything() -> None:
    bundle = document(SCENARIO.replace("request: /balance", "request: {path: /balance}"))
    assert [str(problem) for problem in bundle.problems] == []
    login = SmokeStep(
        "log in",
        Request(
            "POST",
            "/auth/login",
            (("accept", "application/json"),),
            '{"login": "${player.login}", "age": 1.5}',
        ),
        (200, 201),
        claims=(
            Claim(Where.JSON, Op.EQUALS, '"ok"', "/state"),
            Claim(Where.JSON, Op.CONTAINS, "5", "/items"),
            Claim(Where.JSON, Op.EXISTS, "false", "/gone"),
            Claim(Where.JSON, Op.EQUALS, '{"a": 1}', "/o"),
            Claim(Where.HEADER, Op.MATCHES, '"application/.*json"', "content-type"),
            Claim(Where.TEXT, Op.CONTAINS, '"state"'),
        ),
        extracts=(
            Extract("token", Where.JSON, "/token"),
            Extract("id", Where.HEADER, "x-id", "[0-9]+"),
            Extract("code", Where.TEXT, "", "code=([0-9]+)"),
        ),
        timeout_s=5.0,
        usually_s=0.4,
    )
    (found,) = bundle.documents
    assert found.spec == SmokeCheck(
        "money",
        (
            login,
            SmokeStep("too much", Request("POST", "/pay", form=(("amount", "1.00"),)), refused=True),
            SmokeStep("look", Request("GET", "/balance"), (204,), retries=2),
        ),
        (SmokeStep("leave", Request("GET", "/out"), (401,), refused=True),),
        accounts=(
            Account("player", (("login", SecretRef("SMOKE_LOGIN")), ("password", SecretRef(None, "player.password")))),
        ),
        variables=(("psp", "kestrel"), ("tries", "2"), ("dry", "false")),
        max_amount="5.0",
        amount_fields=("amount",),
        timeout_s=30.0,
        description="money",
    )


def test_a_command() -> None:
    bundle = document(
        " {timeout: 5m, command: {run: [pytest, -q, '--junitxml={dir}/r.xml'], junit: r.xml, env: {A: 1}, "
        "secrets: {KEY: {file: key}}, directory: /srv}}"
    )
    assert bundle.documents[0].spec == SmokeCheck(
        "money",
        command=Command(
            ("pytest", "-q", "--junitxml={dir}/r.xml"),
            "r.xml",
            (("A", "1"),),
            (("KEY", SecretRef(None, "key")),),
            "/srv",
        ),
        timeout_s=300.0,
    )


@pytest.mark.parametrize(
    "smoke,expected",
    [
        ("money", Smoke(("money",))),
        ("[money, limits]", Smoke(("money", "limits"))),
        (
            "{checks: money, onFail: pause, onNoData: {then: abort, after: 2m}}",
            Smoke(("money",), Resort.PAUSE, Undecided(Resort.ABORT, 120.0)),
        ),
        ("{checks: [money], onNoData: pause}", Smoke(("money",), on_no_data=Undecided(Resort.PAUSE, 300.0))),
    ],
)
def test_a_rollout_names_them(smoke: str, expected: Smoke) -> None:
    steps = f"[{{smoke: {smoke}}}, {{setWeight: 5}}]"
    text = f" {{service: s, smoke: {smoke}, strategy: {{canary: {{steps: {steps}}}}}}}"
    spec = document(text, "Rollout").documents[0].spec
    assert spec == RolloutSpec("money", "s", (expected, SetWeight(500)), smoke=expected)


STEP = "{name: a, request: {method: POST, path: /a}}"


@pytest.mark.parametrize(
    "spec,problem",
    [
        (" {description: nothing}", "exactly one of steps and command is needed"),
        (f" {{steps: [{STEP}], command: {{run: [x]}}}}", "'steps' and 'command' cannot stand together"),
        (" {steps: [{name: a, request: {url: /a}}]}", "'url' is not used here. Write path"),
        (" {steps: [{name: a, request: {path: //evil/a}}]}", "expected a path"),
        (" {steps: [{name: a, request: {path: 'http://evil/a'}}]}", "expected a path"),
        (" {steps: [{name: a, request: {path: '/a b'}}]}", "a path holds no spaces"),
        (" {steps: [{name: a, request: {method: PULL, path: /a}}]}", 'expected a method, found the text "PULL"'),
        (" {steps: [{name: a, request: {path: /a, json: {}, form: {a: b}}}]}", "'json' and 'form' cannot stand"),
        (" {steps: [{name: a, request: {path: /a}, expect: 99}]}", "expected a status from 200 to 599"),
        (" {steps: [{name: a, request: {path: /a}, expect: {json: {balance: 5}}}]}", "expected a JSON Pointer"),
        (" {steps: [{name: a, request: {path: /a}, expect: {text: {matches: '('}}}]}", "this is no regular expression"),
        (" {steps: [{name: a, request: {path: /a}, expect: {text: {matches: 5}}}]}", "expected a regular expression"),
        (" {steps: [{name: a, request: {path: /a}, extract: {a-b: /c}}]}", "expected a name"),
        (" {maxAmount: -5, steps: [{name: a, request: {path: /a}}]}", "expected an amount above 0"),
        (" {maxAmount: '1e999999999', steps: [{name: a, request: {path: /a}}]}", "expected an amount above 0"),
        (" {maxAmount: much, steps: [{name: a, request: {path: /a}}]}", "expected an amount, found the text"),
        (" {maxAmount: true, steps: [{name: a, request: {path: /a}}]}", "expected an amount, found the truth value"),
        (f" {{accounts: {{a: {{b: {{env: HOME}}}}}}, steps: [{STEP}]}}", "whose name begins with SMOKE_"),
        (f" {{accounts: {{a: {{b: {{file: ../x}}}}}}, steps: [{STEP}]}}", "expected the path of a file"),
        (f" {{variables: {{a: [b]}}, steps: [{STEP}]}}", "expected a text or a number, found a list"),
        (f" {{variables: {{a: {{c: 1}}}}, steps: [{STEP}]}}", "expected a text or a number, found a mapping"),
        (" {steps: [{name: a, request: {path: '/${b}'}}]}", "nothing gives '${b}' a value before this step"),
        (" {steps: [{name: a, request: {path: /a, json: .inf}}]}", "JSON has no infinite numbers"),
        (" {command: {shell: true, run: [x]}}", "There is no shell"),
        (" {command: {run: []}}", "this is empty"),
    ],
)
def test_what_is_refused(spec: str, problem: str) -> None:
    said = [str(found) for found in document(spec).errors]
    assert any(problem in text for text in said), said


def test_a_check_that_there_is_not() -> None:
    text = " {service: s, strategy: {canary: {steps: [{smoke: mony}, {setWeight: 5}]}}}"
    both = f"{V1}\nkind: Rollout\nmetadata: {{name: r}}\nspec:{text}\n---\n{V1}\nkind: SmokeCheck\n"
    both += f"metadata: {{name: money}}\nspec: {{steps: [{STEP}]}}\n"
    problem = "; ".join(str(found) for found in parse_text(both, known=()).errors)
    assert "unknown smoke check 'mony'; did you mean 'money'?" in problem
