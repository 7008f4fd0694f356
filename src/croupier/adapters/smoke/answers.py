"""Answers of a service, looked into: parts by JSON Pointer, header or pattern, and whether claims about them hold.

Numbers are exact decimals. Patterns are RE2 and numbers bounded, so that no answer can keep the control plane busy.
Called by the scenario.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import re2

from croupier.core.smoke import Claim, Extract, Op, Where
from croupier.core.smoke.variables import as_text, filled, filled_json

_SHOWN: Final = 120
_FURTHEST: Final = 400
"""Digits before or after the point: more are no amount of anything, and would be written out as gigabytes."""


class Missing(Exception):
    """The answer has no such part; the words say which."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, its header names in lower case, its body as text. ``told`` is what may be told of a text."""

    status: int
    headers: Mapping[str, str]
    text: str
    told: Callable[[str], str] = field(default=str, compare=False)

    def part(self, where: Where, at: str) -> Any:
        """A part of it. Raises ``Missing``."""
        match where:
            case Where.TEXT:
                return self.text
            case Where.HEADER:
                if at.lower() not in self.headers:
                    raise Missing(f"there is no header {at}")
                return self.headers[at.lower()]
            case Where.JSON:
                return _pointed(self._json(), at)

    def _json(self) -> Any:
        try:
            return read_json(self.text)
        except ValueError:
            raise Missing(f"the body is no JSON: {self.shown(self.text)}") from None

    def shown(self, value: Any) -> str:
        """The value for messages, its end cut off after what must not be told was taken out: half of a secret is one,
        too.
        """
        text = self.told(value if isinstance(value, str) else write_json(value))
        return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def read_json(text: str) -> Any:
    """The JSON value, its numbers exact. Raises ``ValueError``."""
    try:
        return json.loads(text, parse_float=_decimal)
    except RecursionError:
        raise ValueError("too deep") from None


def _decimal(text: str) -> Decimal:
    number = Decimal(text)
    if abs(number.adjusted()) > _FURTHEST:
        raise ValueError(f"{text[:20]} is beyond all measure")
    return number


def write_json(value: Any) -> str:
    """The value as JSON, every digit of its decimals kept."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(key))}: {write_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(write_json, value)) + "]"
    return json.dumps(value)


def extracted(answer: Answer, extract: Extract) -> Any:
    """The part of the answer that later steps need. Raises ``Missing``."""
    found = answer.part(extract.where, extract.at)
    if extract.pattern is None:
        return found
    match = re2.search(extract.pattern, as_text(found))
    if match is None:
        raise Missing(f"nothing in {answer.shown(found)} is like {extract.pattern}")
    return match[1] if match.re.groups else match[0]


def broken(answer: Answer, claim: Claim, value: Callable[[str], Any]) -> str | None:
    """Why the claim does not hold; ``None`` where it does."""
    name = claim.at or ("the body" if claim.where is not Where.HEADER else "")
    written = read_json(claim.wanted)
    wanted = _literally(written, value) if claim.op is Op.MATCHES else filled_json(written, value)
    try:
        found = answer.part(claim.where, claim.at)
    except Missing as missing:
        return None if claim.op is Op.EXISTS and wanted is False else str(missing)
    holds = _HOLDS[claim.op](found, wanted)
    return None if holds else f"{name} is {answer.shown(found)}, and should {_WORDS[claim.op]} {answer.shown(wanted)}"


def _literally(pattern: str, value: Callable[[str], Any]) -> str:
    """The pattern with values that stand for themselves: what an answer holds is no pattern of ours."""
    return filled(pattern, lambda name: re2.escape(as_text(value(name))))


def _pointed(value: Any, pointer: str) -> Any:
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            raise Missing(f"there is no {pointer}")
    return value


def _equals(found: Any, wanted: Any) -> bool:
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    if isinstance(found, int | Decimal) and isinstance(wanted, str):
        return as_text(found) == wanted
    if isinstance(wanted, int | Decimal) and isinstance(found, str):
        return found == as_text(wanted)
    return bool(found == wanted)


def _contains(found: Any, wanted: Any) -> bool:
    if isinstance(found, list):
        return any(_equals(item, wanted) for item in found)
    return as_text(wanted) in as_text(found)


_HOLDS: Final[Mapping[Op, Callable[[Any, Any], bool]]] = {
    Op.EQUALS: _equals,
    Op.CONTAINS: _contains,
    Op.MATCHES: lambda found, wanted: re2.fullmatch(wanted, as_text(found)) is not None,
    Op.EXISTS: lambda _, wanted: wanted is True,
}
_WORDS: Final = {Op.EQUALS: "be", Op.CONTAINS: "contain", Op.MATCHES: "match", Op.EXISTS: "exist:"}
