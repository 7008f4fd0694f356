import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from croupier.core.flags.cel.compiler import compile_value
from croupier.core.flags.cel.errors import CelError, Undecided
from croupier.core.flags.cel.times import Duration

CASES = Path(__file__).parents[5] / "shared" / "conformance" / "cel"
"""The cases of the CEL specification (google/cel-spec), beside the repository where they are there at all."""

LEFT_OUT = {
    # What the case needs : why the language does not have it.
    r"\b[bB][rR]?['\"]|[rR][bB]['\"]|\bbytes\b": "bytes",
    r"(?<![\w.])(?:0x[0-9a-fA-F]+|\d+)[uU]\b|\buint\(": "unsigned integers",
    r"\b(?:\w+\.)*[A-Z]\w*\{|google\.protobuf|TestAllTypes": "protobuf messages",
    r"\.(?:exists|all|exists_one|map|filter|existsOne|transformList|transformMap)\(": "comprehensions",
    r"\btype\(": "type()",
}
TYPE_NAMES = {"bool", "int", "uint", "double", "string", "bytes", "list", "map", "null_type", "type", "dyn"}
RUN_AT_LEAST = 690
"""Cases that ran when this was written last: a change that runs fewer has lost some of the language."""


# The reader of text protobuf, as far as the cases use it


TOKEN = re.compile(
    r"""\s+|\#[^\n]*|(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|(?P<word>[\w.+-]+|\[[\w./]+\])|(?P<sign>[{}:,;])"""
)


def read_textproto(text: str) -> dict[str, list[Any]]:
    found = [(match.lastgroup, match.group()) for match in TOKEN.finditer(text) if match.lastgroup]
    assert "".join(TOKEN.sub("", text)) == ""
    message, end = read_message([*found, ("sign", "}")], 0)
    assert end == len(found) + 1
    return message


def read_message(tokens: list[tuple[str | None, str]], at: int) -> tuple[dict[str, list[Any]], int]:
    message: dict[str, list[Any]] = {}
    while tokens[at][1] != "}" or tokens[at][0] == "string":
        if tokens[at][1] in {",", ";"}:
            at += 1
            continue
        name = tokens[at][1]
        at += 1
        if tokens[at][1] == ":":
            at += 1
        value: Any
        if tokens[at][1] == "{" and tokens[at][0] == "sign":
            value, at = read_message(tokens, at + 1)
        elif tokens[at][0] == "string":
            parts: list[bytes] = []
            while tokens[at][0] == "string":
                parts.append(unescape(tokens[at][1][1:-1]))
                at += 1
            value = b"".join(parts)
        else:
            value = tokens[at][1]
            at += 1
        message.setdefault(name, []).append(value)
    return message, at + 1


def unescape(text: str) -> bytes:
    parts = re.split(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[xX][0-9a-fA-F]{1,2}|[0-7]{1,3}|.)", text)
    return b"".join(unescaped(part) if place % 2 else part.encode() for place, part in enumerate(parts))


def unescaped(escape: str) -> bytes:
    if escape[0] in "uU" and len(escape) > 1:
        return chr(int(escape[1:], 16)).encode()
    if escape[0] in "xX" and len(escape) > 1:
        return bytes([int(escape[1:], 16)])
    if escape[0] in "01234567":
        return bytes([int(escape, 8)])
    return {"a": b"\a", "b": b"\b", "f": b"\f", "n": b"\n", "r": b"\r", "t": b"\t", "v": b"\v"}.get(
        escape, escape.encode()
    )


def value_of(message: dict[str, list[Any]]) -> Any:
    ((kind, (value,)),) = message.items()
    match kind:
        case "bool_value":
            return value == "true"
        case "int64_value":
            return int(value)
        case "double_value":
            return float(value)
        case "string_value":
            return value.decode()
        case "null_value":
            return None
        case "list_value":
            return [value_of(item) for item in value.get("values", ())]
        case "map_value":
            entries = value.get("entries", ())
            return {value_of(entry["key"][0]): value_of(entry["value"][0]) for entry in entries}
        case "object_value":
            return object_of(value)
        case _:
            raise LookupError(kind)


def object_of(message: dict[str, list[Any]]) -> Any:
    ((name, (fields,)),) = message.items()
    if "Duration" in name:
        return Duration(int(fields.get("seconds", ["0"])[0]) * 10**9 + int(fields.get("nanos", ["0"])[0]))
    raise LookupError(name)


# The cases


def all_cases() -> Iterator[tuple[str, dict[str, list[Any]]]]:
    for path in sorted(CASES.glob("*.textproto")):
        for section in read_textproto(path.read_text())["section"]:
            for test in section.get("test", ()):
                name = f"{path.stem}/{section['name'][0].decode()}/{test['name'][0].decode()}"
                yield name, test


def left_out(test: dict[str, list[Any]]) -> str | None:
    expression = test["expr"][0].decode()
    for pattern, reason in LEFT_OUT.items():
        if re.search(pattern, expression):
            return reason
    if expression in TYPE_NAMES:
        return "names of types as values"
    if "f_unknown" in expression or re.search(r"a\.\w+\(\) \|\| true", expression):
        return "unknown functions: refused when written, not when evaluated"
    try:
        bindings(test)
        wanted(test)
    except LookupError as error:
        return {"bytes_value": "bytes", "uint64_value": "unsigned integers"}.get(
            str(error.args[0]), "protobuf messages"
        )
    return None


def bindings(test: dict[str, list[Any]]) -> dict[str, Any]:
    return {
        binding["key"][0].decode(): value_of(binding["value"][0]["value"][0]) for binding in test.get("bindings", ())
    }


def wanted(test: dict[str, list[Any]]) -> Any:
    return value_of(test["value"][0]) if "value" in test else None


FOUND = list(all_cases())
RUN = [(name, test) for name, test in FOUND if left_out(test) is None]


@pytest.mark.skipif(not FOUND, reason=f"no conformance data in {CASES}")
def test_no_case_of_the_supported_language_is_left_out() -> None:
    reasons = Counter(filter(None, (left_out(test) for _, test in FOUND)))
    assert len(RUN) >= RUN_AT_LEAST, f"{len(RUN)} of {len(FOUND)} cases run; left out: {dict(reasons.most_common())}"


@pytest.mark.parametrize(
    "test",
    [pytest.param(test, id=name) for name, test in RUN]
    or [pytest.param(None, marks=pytest.mark.skip(reason=f"no conformance data in {CASES}"))],
)
def test_cases_of_the_specification(test: dict[str, list[Any]]) -> None:
    # Every value is dynamic here, so that dyn(x) is x.
    expression = re.sub(r"\bdyn\(", "(", test["expr"][0].decode())
    if "eval_error" in test:
        # What can never work is refused when it is written, which is an error all the earlier.
        with pytest.raises((CelError, Undecided, LookupError)):
            compile_value(expression, now=lambda: 0.0)(bindings(test))
        return
    result = compile_value(expression, now=lambda: 0.0)(bindings(test))
    assert same(result, wanted(test) if "value" in test else True), (expression, result)


def same(result: Any, value: Any) -> bool:
    if isinstance(value, float) and isinstance(result, float):
        # Their texts tell 0 from -0, and NaN is itself.
        return repr(result) == repr(value)
    if isinstance(value, list):
        return isinstance(result, list | tuple) and len(result) == len(value) and all(map(same, result, value))
    if isinstance(value, dict):
        return result.keys() == value.keys() and all(same(result[key], value[key]) for key in value)
    return type(result) is type(value) and result == value
