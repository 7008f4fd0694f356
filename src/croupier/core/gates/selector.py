"""Reads the selectors of PromQL that a gate names its counters by, and says what of PromQL it does not take.

A gate counts events exactly, from each counter's own samples; only a selector leaves them as they are. What computes
(``rate``, ``sum``, ``+``) has mixed counters or extrapolated before we could count. Called by ``check_gate``, which
refuses, and by the Prometheus source, which asks.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from croupier.errors import Rejected

Operator: TypeAlias = Literal["=", "!=", "=~", "!~"]


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a label."""

    label: str
    operator: Operator
    value: str


@dataclass(frozen=True, slots=True)
class Selector:
    """Counters of one name that meet all conditions."""

    metric: str
    matchers: tuple[Matcher, ...] = ()

    def __str__(self) -> str:
        """As PromQL, with every value quoted anew."""
        inside = ",".join(f"{each.label}{each.operator}{quoted(each.value)}" for each in self.matchers)
        return f"{self.metric}{{{inside}}}"


def read(text: str) -> tuple[Selector, ...]:
    """The selectors of ``a{...} or b{...}``. Raises ``Rejected`` for everything else, with what to write instead."""
    parts = list(_parts(text))
    found: list[Selector] = []
    while True:
        found.append(_selector(parts))
        kind, word = parts.pop(0)
        if kind == "end":
            return tuple(found)
        if word != "or":
            raise _refused(kind, word)


def filled(selector: Selector, service: str, version: str) -> Selector:
    """The selector with ``{{service}}`` and ``{{version}}`` replaced by these very words, whatever is in them."""
    words = {"service": service, "version": version}
    return replace(selector, matchers=tuple(_filled(matcher, words) for matcher in selector.matchers))


def names_version(selector: Selector) -> bool:
    """Whether it counts the version that is asked for and no other: some matcher asks for its very name, with fixed
    text around it at the most. ``!=`` would count the other version, and a regular expression may count both.
    """
    return any(
        "version" in _PLACEHOLDER.findall(each.value)
        and (each.operator == "=" or (each.operator == "=~" and _FIXED.fullmatch(_PLACEHOLDER.sub("", each.value))))
        for each in selector.matchers
    )


def quoted(value: str) -> str:
    """The value as a string of PromQL."""
    return '"' + value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n") + '"'


def exactly(values: tuple[str, ...]) -> str:
    """A regular expression (RE2, anchored by Prometheus) that accepts these values and no others."""
    return "|".join(map(re.escape, values))


_PLACEHOLDER: Final = re.compile(r"\{\{\s*(\w*)\s*\}\}")
_FIXED: Final = re.compile(r"[\w\s:/@-]*")
"""What a regular expression takes as it stands."""
_STRING: Final = r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`[^`]*`"
_TOKEN: Final = re.compile(
    rf"\s*(?:(?P<string>{_STRING})|(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)|(?P<sign>=~|!~|!=|==|<=|>=|\{{\{{|[^\s\w])"
    r"|(?P<number>\w+)|(?P<end>\Z))",
    re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(?:([abfnrtv\\'\"])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_OPERATORS: Final[dict[str, Operator]] = {"=": "=", "!=": "!=", "=~": "=~", "!~": "!~"}
_HINT: Final = 'Name counters: errors_total{app="{{service}}", version="{{version}}"}; several are joined by "or".'

_Part: TypeAlias = tuple[str, str]


def _parts(text: str) -> Iterator[_Part]:
    at = 0
    while True:
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:  # pragma: no cover - some sign always matches
            raise AssertionError(text)
        yield found.lastgroup, found[found.lastgroup]
        if found.lastgroup == "end":
            return
        at = found.end()


def _selector(parts: list[_Part]) -> Selector:
    kind, metric = parts.pop(0)
    if kind != "name":
        raise _refused(kind, metric)
    if parts[0][1] in {"(", "by", "without"}:
        raise Rejected(
            f"{metric}(...) computes, and what was computed cannot be counted exactly any more.",
            hint=f"Name the counter itself; Croupier takes the increases of each. {_HINT}",
        )
    matchers: list[Matcher] = []
    if parts[0] == ("sign", "{"):
        parts.pop(0)
        while parts[0] != ("sign", "}"):
            matchers.append(_matcher(parts))
            if parts[0] == ("sign", ","):
                parts.pop(0)
            elif parts[0] != ("sign", "}"):
                raise _refused(*parts[0])
        parts.pop(0)
    return Selector(metric, tuple(matchers))


def _matcher(parts: list[_Part]) -> Matcher:
    kind, label = parts.pop(0)
    if kind != "name" or ":" in label:
        raise _refused(kind, label)
    kind, sign = parts.pop(0)
    if sign not in _OPERATORS:
        raise _refused(kind, sign)
    kind, value = parts.pop(0)
    if kind != "string":
        raise _refused(kind, value)
    text = _unquoted(value)
    if any("\ud800" <= sign <= "\udfff" for sign in text):
        raise Rejected(f"{text!a} holds half a sign, which no label has.", hint="Write the sign itself.")
    for found in _PLACEHOLDER.finditer(text):
        if found[1] not in {"service", "version"}:
            raise Rejected(
                f"'{found[0]}' is no placeholder.", hint="There are {{service}} and {{version}} and no others."
            )
    return Matcher(label, _OPERATORS[sign], text)


def _unquoted(string: str) -> str:
    inside = string[1:-1]
    return inside if string[0] == "`" else _ESCAPE.sub(_unescaped, inside)


def _unescaped(found: re.Match[str]) -> str:
    sign, byte, unit, other = found.groups()
    if other is not None:
        raise Rejected(f"'\\{other}' is no escape of PromQL.", hint=r"Write \\ for a backslash, or use `...`.")
    return _ESCAPED.get(sign, sign) if sign else chr(int(byte or unit, 16))


def _filled(matcher: Matcher, words: dict[str, str]) -> Matcher:
    regex = matcher.operator in {"=~", "!~"}
    return replace(
        matcher,
        value=_PLACEHOLDER.sub(
            lambda found: re.escape(words[found[1]]) if regex else words[found[1]],
            matcher.value,
        ),
    )


_WHY: Final = {
    "[": "a range is taken by Croupier itself, so that each sample counts once.",
    "offset": "'offset' would count another time than the one that is judged.",
    "@": "'@' would count another time than the one that is judged.",
    "{{": "a placeholder stands within the value of a matcher and nowhere else.",
    "{": "a counter without a name may be any.",
    "(": "brackets are not needed: selectors are joined by 'or'.",
}


def _refused(kind: str, word: str) -> Rejected:
    if kind == "end":
        return Rejected("the expression ends before its selector does.", hint=_HINT)
    why = _WHY.get(word, f"'{word}' does not belong in a selector, and only selectors can be counted exactly.")
    return Rejected(why, hint=_HINT)
