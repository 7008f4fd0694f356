"""The context of an evaluation as it is written on a command line. Called by ``flag eval`` and ``flag explain``."""

import json
from collections.abc import Iterable
from typing import Any

from croupier.errors import Rejected

_HINT = "Write market=DE, user.isEmployee=true, or level:=5 for a number or other JSON."


def read_context(whole: str | None, attributes: Iterable[str]) -> dict[str, Any]:
    """The context from a JSON object and single attributes, which come on top of it.

    ``name=value`` is text, but for ``true`` and ``false``; ``name:=value`` is JSON. A dotted name is a part of an
    object.
    """
    context = _object(whole) if whole else {}
    for text in attributes:
        name, equals, value = text.partition("=")
        if not equals or not name.strip(":"):
            raise Rejected(f"'{text}' is no attribute.", hint=_HINT)
        if name.endswith(":"):
            _put(context, name[:-1], _json(value, text))
        else:
            _put(context, name, {"true": True, "false": False}.get(value, value))
    return context


def _object(whole: str) -> dict[str, Any]:
    found = _json(whole, "--context")
    if not isinstance(found, dict):
        raise Rejected("A context is a JSON object.", hint="""Write --context '{"user": "p1", "market": "DE"}'.""")
    return found


def _json(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as wrong:
        raise Rejected(f"{where} holds no JSON ({wrong}).", hint=_HINT) from None


def _put(context: dict[str, Any], name: str, value: Any) -> None:
    *path, last = name.split(".")
    for part in path:
        context = context.setdefault(part, {})
        if not isinstance(context, dict):
            raise Rejected(f"'{part}' has a value of its own, so it has no '{last}'.", hint=_HINT)
    context[last] = value
