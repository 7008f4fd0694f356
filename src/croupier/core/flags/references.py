"""Where code names flags. One pass over the text, whatever the number of flags. Called by ``flag refs PATH``."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

# A whole string literal that could be a key. The second quote is only looked at, since it may open the next literal.
_LITERAL: Final = re.compile(r"""(["'`])(?=([A-Za-z0-9][A-Za-z0-9._-]{0,127})\1)""")
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Reference:
    """A flag's key in a text, as a whole string literal. ``line`` and ``column`` count from 1, the column points at the
    key; ``text`` is the line, without the space around it.
    """

    key: str
    line: int
    column: int
    text: str


def find_references(text: str, keys: Collection[str]) -> Iterator[Reference]:
    """The keys in the text, in order. ``keys`` should be a set or a mapping: every literal is looked up in it."""
    line, start = 1, 0
    for found in _LITERAL.finditer(text):
        key = found[2]
        if key not in keys:
            continue
        at = found.start(2)
        line += text.count("\n", start, at)
        first = text.rfind("\n", 0, at) + 1
        last = text.find("\n", at)
        start = at
        whole = text[first : last if last >= 0 else len(text)].strip()
        yield Reference(key, line, at - first + 1, whole[:_LONGEST])
