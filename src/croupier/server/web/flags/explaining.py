"""``/flags/{key}/explain``: what a player would get, by which rule, and why. The context comes in a form, by POST:
contexts are about people, and addresses are written down everywhere.
"""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from croupier.core.flags.explain import Explanation, explain
from croupier.core.flags.model import Flag
from croupier.errors import Rejected
from croupier.server.context import Context, Here
from croupier.server.problems import kind_of
from croupier.server.web.dress import PageRoute, render
from croupier.server.web.flags.read import asked, keys_of, known
from croupier.server.web.session import Visitor, checked

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Key = Annotated[str, Path(max_length=128)]
Line = Annotated[str, StringConstraints(max_length=1_000)]

_NUMBER: Final = re.compile(r"-?(0|[1-9]\d{0,15})(\.\d{1,15})?")
_PLAIN: Final[Mapping[str, Any]] = {"true": True, "false": False, "null": None}


class Question(BaseModel):
    """A form as it was sent: attributes by name, dotted ones too, and more of them as JSON."""

    model_config = ConfigDict(frozen=True)

    csrf: str = Field("", max_length=200)
    environment: str = Field("", max_length=60)
    name: list[Line] = Field(default_factory=list, max_length=100)
    value: list[Line] = Field(default_factory=list, max_length=100)
    more: str = Field("", max_length=20_000)

    @property
    def given(self) -> dict[str, str]:
        """The attributes that were filled in, as text."""
        return {name: value for name, value in zip(self.name, self.value, strict=False) if name and value.strip()}


@router.get("/flags/{key}/explain")
async def ask(request: Request, here: Here, _who: Visitor, key: Key) -> Response:
    """The form, with nothing filled in."""
    return _page(request, here, known(here, key).flag, Question())


@router.post("/flags/{key}/explain")
async def answer(
    request: Request, here: Here, who: Visitor, key: Key, question: Annotated[Question, Form()]
) -> Response:
    """Ask the flag as it is now. Reading is for everybody; the form must be ours all the same."""
    checked(request, who, question.csrf)
    flag = known(here, key).flag
    told: Explanation | None = None
    error: Rejected | None = None
    try:
        told = explained(here, flag, question)
    except Rejected as refused:
        error = refused
    return _page(request, here, flag, question, told=told, error=error)


def _page(
    request: Request,
    here: Context,
    flag: Flag,
    question: Question,
    *,
    told: Explanation | None = None,
    error: Rejected | None = None,
) -> Response:
    return render(
        request,
        "flags/explain.html",
        # A script puts only good answers into the page.
        status=kind_of(error).status if error and "hx-request" not in request.headers else 200,
        key=flag.key,
        told=told,
        error=error,
        question=question,
        asked=asked(flag),
        given=question.given,
        environments=here.flags.book.environments,
    )


def explained(here: Context, flag: Flag, question: Question) -> Explanation:
    """Raises ``Rejected`` for what is no context, or no environment."""
    environment = question.environment or here.flags.book.environments[0]
    return explain(here.flags.rulesets.of(environment), flag.key, context_of(question, flag))


def context_of(question: Question, flag: Flag) -> dict[str, Any]:
    """The context of the form. Text reads as true, false or a number where it looks like one, but never what players
    are known by: 007 is a name.
    """
    context = _more(question.more)
    for name, text in question.given.items():
        value = text.strip() if name in keys_of(flag) else value_of(text.strip())
        *above, last = name.split(".")
        inside: Any = context
        for part in above:
            inside = inside.setdefault(part, {})
            if not isinstance(inside, dict):
                raise Rejected(f"{part} is given twice, with and without parts of its own.", hint="Leave one away.")
        inside[last] = value
    return context


def value_of(text: str) -> Any:
    """A value as people type it: true, 3, 0.5, or text; what is in double quotes is text in any case."""
    if text in _PLAIN:
        return _PLAIN[text]
    if _NUMBER.fullmatch(text):
        return json.loads(text)
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def _more(text: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise Rejected(f"The other attributes are no JSON{where}.", hint='Write {"market": "DE"}.') from None
    if not isinstance(data, dict):
        raise Rejected("The other attributes are no JSON object.", hint='Write {"market": "DE"}.')
    return data
