"""Cuts the text of a condition into tokens. Called by the parser."""

import re
from typing import Final, NamedTuple

from croupier.core.flags.cel.refusals import refuse_character

_TOKEN: Final = re.compile(
    r"""
    (?P<space> (?: [ \t\n\r\f]+ | //[^\n]* )+ )
  | (?P<string>
        [rR] (?: '''[\s\S]*?''' | \"\"\"[\s\S]*?\"\"\" | '[^'\n\r]*' | "[^"\n\r]*" )
      | '''(?:[^\\]|\\[\s\S])*?''' | \"\"\"(?:[^\\]|\\[\s\S])*?\"\"\"
      | '(?:[^'\\\n\r]|\\.)*' | "(?:[^"\\\n\r]|\\.)*"
    )
  | (?P<bytes> (?: [bB][rR]? | [rR][bB] ) (?=['"]) )
  | (?P<float> (?: [0-9]*\.[0-9]+ (?:[eE][+-]?[0-9]+)? | [0-9]+[eE][+-]?[0-9]+ ) )
  | (?P<int> 0[xX][0-9a-fA-F]+ | [0-9]+ )
  | (?P<name> [A-Za-z_][A-Za-z0-9_]* )
  | (?P<quoted> `[A-Za-z0-9_./ -]+` )
  | (?P<op> == | != | <= | >= | && | \|\| | [-+*/%<>!?:.,()\[\]{}] )
    """,
    re.VERBOSE,
)


class Token(NamedTuple):
    """``kind`` is string, bytes, float, int, name, quoted, op or end; ``column`` counts from 1."""

    kind: str
    text: str
    column: int


def tokens(text: str) -> list[Token]:
    """All tokens, the last one of kind ``end``. Raises CelError at the first character that starts none."""
    found: list[Token] = []
    at = 0
    match = _TOKEN.match
    while token := match(text, at):
        kind = token.lastgroup or ""
        if kind != "space":
            found.append(Token(kind, token.group(), at + 1))
        at = token.end()
    if at < len(text):
        raise refuse_character(text, at)
    found.append(Token("end", "", at + 1))
    return found
