"""From the shapes of a smoke check to the core's, with the core's defaults. Nothing is judged here."""

import json
from collections.abc import Iterator, Mapping

from croupier.adapters.manifests.given import given
from croupier.adapters.manifests.shapes import smoke as shapes
from croupier.adapters.manifests.shapes.rollout import SmokeShape
from croupier.core.rollout.spec import NO_DATA, Resort, Smoke, Undecided
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


def asked(shape: SmokeShape | None) -> Smoke | None:
    """What a rollout, or a step of it, says about smoke checks."""
    if shape is None:
        return None
    wait = shape.on_no_data
    return Smoke(
        checks=tuple(shape.checks),
        on_fail=Resort(given(shape.on_fail, Resort.ABORT)),
        on_no_data=Undecided(Resort(wait.then), given(wait.after, NO_DATA.after_s)) if wait is not None else None,
    )


def smoke_check(shape: shapes.SmokeCheckShape) -> SmokeCheck:
    spec, usual = shape.spec, SmokeCheck("")
    accounts = (spec.accounts or {}).items()
    return SmokeCheck(
        name=shape.metadata.name,
        steps=tuple(map(_step, spec.steps or ())),
        cleanup=tuple(map(_step, spec.cleanup or ())),
        command=_command(spec.command) if spec.command else None,
        accounts=tuple(
            Account(name, tuple((key, _secret(ref)) for key, ref in fields.items())) for name, fields in accounts
        ),
        variables=tuple((spec.variables or {}).items()),
        max_amount=spec.max_amount,
        amount_fields=tuple(given(spec.amount_fields, list(usual.amount_fields))),
        timeout_s=given(spec.timeout, usual.timeout_s),
        description=given(spec.description, usual.description),
    )


def _step(shape: shapes.SmokeStepShape) -> SmokeStep:
    expect = shape.expect or shapes.ExpectShape()
    usual = SmokeStep("", Request("GET", "/"))
    return SmokeStep(
        name=shape.name,
        request=_request(shape.request),
        statuses=tuple(expect.status or ()),
        refused=given(expect.refused, usual.refused),
        claims=tuple(_claims(expect)),
        extracts=tuple(_extract(name, each) for name, each in (shape.extract or {}).items()),
        timeout_s=given(shape.timeout, usual.timeout_s),
        usually_s=expect.usually,
        retries=given(shape.retries, usual.retries),
    )


def _request(shape: shapes.RequestShape) -> Request:
    return Request(
        method=given(shape.method, "GET"),
        path=shape.path,
        headers=tuple((shape.headers or {}).items()),
        json=shape.json_body,
        form=tuple((shape.form or {}).items()),
    )


def _claims(expect: shapes.ExpectShape) -> Iterator[Claim]:
    for where, found in ((Where.JSON, expect.json_claims), (Where.HEADER, expect.headers)):
        yield from (_claim(where, at, each) for at, each in (found or {}).items())
    if expect.text is not None:
        yield _claim(Where.TEXT, "", expect.text)


def _claim(where: Where, at: str, shape: shapes.ClaimShape) -> Claim:
    said: Mapping[Op, str | None] = {
        Op.EQUALS: shape.equals,
        Op.CONTAINS: shape.contains,
        Op.MATCHES: None if shape.matches is None else json.dumps(shape.matches),
        Op.EXISTS: None if shape.exists is None else json.dumps(shape.exists),
    }
    op, wanted = next((op, wanted) for op, wanted in said.items() if wanted is not None)
    return Claim(where, op, wanted, at)


def _extract(name: str, shape: shapes.ExtractShape) -> Extract:
    if shape.text is not None:
        return Extract(name, Where.TEXT, "", shape.text)
    if shape.header is not None:
        return Extract(name, Where.HEADER, shape.header, shape.pattern)
    return Extract(name, Where.JSON, shape.json_pointer or "", shape.pattern)


def _command(shape: shapes.CommandShape) -> Command:
    return Command(
        argv=tuple(shape.run),
        junit=shape.junit or None,
        env=tuple((shape.env or {}).items()),
        secrets=tuple((name, _secret(ref)) for name, ref in (shape.secrets or {}).items()),
        directory=shape.directory,
    )


def _secret(shape: shapes.SmokeSecretShape) -> SecretRef:
    return SecretRef(shape.env, shape.file)
