"""How each function is written, and what is wrong with a call. Called by the parser, for every call.

Literals that could never work (a regular expression that does not compile, a date that does not exist) are refused
here, when the rule is written, not when it meets a player.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from croupier.core.flags.cel.errors import CelError, Undecided
from croupier.core.flags.cel.functions import FUNCTIONS
from croupier.core.flags.cel.kinds import Type
from croupier.core.flags.cel.refusals import refuse_function
from croupier.core.flags.cel.syntax import Call, Literal, Node, walk

SEGMENT: Final = "segment"


@dataclass(frozen=True, slots=True)
class Signature:
    """One function: the usual way to write it, how many operands it takes, and what comes out.

    ``method`` and ``function`` say whether it may be written ``text.size()`` and ``size(text)``.
    """

    usage: str
    result: Type
    operands: frozenset[int] = frozenset({1})
    takes: frozenset[Type] = frozenset()
    method: bool = False
    function: bool = False


def _conversion(name: str, result: Type, *takes: Type) -> Signature:
    return Signature(f"{name}(value)", result, takes=frozenset(takes), function=True)


def _of_text(name: str, *, function: bool = False) -> Signature:
    usage = f"text.{name}('...')"
    return Signature(usage, Type.BOOL, frozenset({2}), frozenset({Type.STRING}), method=True, function=function)


def _of_time(name: str, *takes: Type) -> Signature:
    usage = f"now.{name}() or now.{name}('Europe/Berlin')"
    return Signature(usage, Type.INT, frozenset({1, 2}), frozenset({Type.TIMESTAMP, *takes}), method=True)


SIGNATURES: Final = {
    "int": _conversion("int", Type.INT, Type.INT, Type.DOUBLE, Type.STRING, Type.TIMESTAMP),
    "double": _conversion("double", Type.DOUBLE, Type.INT, Type.DOUBLE, Type.STRING),
    "string": _conversion(
        "string", Type.STRING, Type.BOOL, Type.INT, Type.DOUBLE, Type.STRING, Type.TIMESTAMP, Type.DURATION
    ),
    "bool": _conversion("bool", Type.BOOL, Type.BOOL, Type.STRING),
    "timestamp": _conversion("timestamp", Type.TIMESTAMP, Type.STRING, Type.INT, Type.TIMESTAMP),
    "duration": _conversion("duration", Type.DURATION, Type.STRING, Type.DURATION),
    "semver": _conversion("semver", Type.VERSION, Type.STRING, Type.VERSION),
    "size": Signature(
        "size(value)", Type.INT, takes=frozenset({Type.STRING, Type.LIST, Type.MAP}), method=True, function=True
    ),
    "startsWith": _of_text("startsWith"),
    "endsWith": _of_text("endsWith"),
    "contains": _of_text("contains"),
    "matches": _of_text("matches", function=True),
    SEGMENT: Signature("segment('name')", Type.BOOL, function=True),
} | {
    name: _of_time(name)
    for name in ("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfYear", "getDayOfWeek")
} | {
    name: _of_time(name, Type.DURATION) for name in ("getHours", "getMinutes", "getSeconds", "getMilliseconds")
}  # fmt: skip

_CHECKED: Final = {"timestamp", "duration", "semver"}


def checked_call(call: Call) -> Call:
    """The call itself. Raises CelError for an unknown function, wrong operands, or a literal that can never work."""
    name, column = call.function, call.column
    signature = SIGNATURES.get(name)
    if signature is None:
        raise refuse_function(name, column, [*SIGNATURES, "has"])
    written = signature.method if call.receiver is not None else signature.function
    if not written or len(call.operands) not in signature.operands:
        raise CelError(f"{name} is not called like this.", column=column, hint=f"Write {signature.usage}.")
    last = call.operands[-1]
    text = last.value if type(last) is Literal and type(last.value) is str else None
    if name == SEGMENT and text is None:
        raise CelError("segment(...) takes a name in quotes.", column=column, hint="Write segment('name').")
    if text is not None:
        _try_literal(name, text, last.column)
    return call


def segments_in(node: Node) -> Iterator[tuple[str, int]]:
    """The segments that the condition asks for, each with its column."""
    for part in walk(node):
        match part:
            case Call(function=function, operands=(Literal(value=str(name)),)) if function == SEGMENT:
                yield name, part.column
            case _:
                pass


def _try_literal(name: str, text: str, column: int) -> None:
    try:
        if name in _CHECKED:
            FUNCTIONS[name](text)
        elif name == "matches":
            FUNCTIONS[name]("", text)
    except Undecided as error:
        sentence = str(error)
        raise CelError(f"{sentence[0].upper()}{sentence[1:]}.", column=column, hint="Mend the literal.") from None
