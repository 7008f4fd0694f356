"""Cuts the text of an expression into tokens. Called by the parser."""

import re
from typing import Final, NamedTuple

from croupier.core.expr.errors import ExprError

_TOKEN: Final = re.compile(
    r"""
    (?P<space> (?: \s+ | //[^\n]* | /\*[\s\S]*?\*/ )+ )
  | (?P<string> '(?:[^'\\\n]|\\.)*' | "(?:[^"\\\n]|\\.)*" | `[^`]*` )
  | (?P<number> 0[xX][0-9a-fA-F_]+ | 0[oO][0-7_]+ | 0[bB][01_]+
      | (?: [0-9][0-9_]* (?: \.(?!\.)[0-9_]* )? | \.[0-9][0-9_]* ) (?:[eE][+-]?[0-9]+)? )
  | (?P<name> [A-Za-z_][A-Za-z0-9_]* )
  | (?P<item> \# [a-z]* )
  | (?P<op> \?\? | \?\. | \.\. | \*\* | \|\| | && | == | != | <= | >= | [-+*/%^<>!?:.,()\[\]{}|;] )
    """,
    re.VERBOSE,
)
_CHARACTERS: Final = {
    "=": ("A single = compares nothing.", "Write ==."),
    "&": ("A single & is no operator.", "Write &&."),
    "$": ("The environment is not needed: there is one variable.", "Write result."),
    "'": ("The string is not closed.", "End it with '."),
    '"': ("The string is not closed.", 'End it with ".'),
    "`": ("The string is not closed.", "End it with a backtick."),
    "‘": ("A typographic quote opens no string.", "Write '."),
    "’": ("A typographic quote opens no string.", "Write '."),
    "“": ("A typographic quote opens no string.", 'Write ".'),
    "”": ("A typographic quote opens no string.", 'Write ".'),
}
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_ESCAPE: Final = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|([\s\S]))")
LARGEST: Final = 2**63 - 1


class Token(NamedTuple):
    """``kind`` is string, number, name, item, op or end; ``column`` counts from 1."""

    kind: str
    text: str
    column: int


def tokens(text: str) -> list[Token]:
    """All tokens, the last one of kind ``end``. Raises ExprError at the first character that starts none."""
    found: list[Token] = []
    at = 0
    while token := _TOKEN.match(text, at):
        kind = token.lastgroup or ""
        if kind != "space":
            found.append(Token(kind, token.group(), at + 1))
        at = token.end()
    if at < len(text):
        message, hint = _CHARACTERS.get(text[at], (f"{text[at]!r} has no meaning here.", "Remove it."))
        raise ExprError(message, column=at + 1, hint=hint)
    found.append(Token("end", "", at + 1))
    return found


def number(token: Token) -> int | float:
    """The value of a number. Raises ExprError if it does not fit into 64 bits."""
    text = token.text.replace("_", "")
    if text[:2].lower() in {"0x", "0o", "0b"}:
        value: int | float = int(text, 0) if text[2:] else LARGEST + 1
    elif text.isdigit():
        value = int(text) if len(text) < 20 else LARGEST + 1
    else:
        value = float(text)
    if isinstance(value, int) and value > LARGEST:
        raise ExprError("The number does not fit into 64 bits.", column=token.column, hint="Write it with a point.")
    return value


def string(token: Token) -> str:
    """The value of a string, given with its quotes."""
    body = token.text[1:-1]
    return body if token.text[0] == "`" else _ESCAPE.sub(_unescaped, body)


def _unescaped(match: re.Match[str]) -> str:
    two, four, plain = match.groups()
    return chr(int(two or four, 16)) if two or four else _ESCAPES.get(plain, plain)
