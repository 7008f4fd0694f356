"""Regular expressions whose time grows with the text only, never with cunning: RE2. Called by the functions."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from croupier.core.flags.cel.errors import Undecided

MAX_PATTERN: Final = 1_024
_MEMORY: Final = 1 << 20
"""Bytes that one compiled expression may take."""

_PLAIN: Final = re.compile(r"(\^?)([A-Za-z0-9_@:/ ,;#%&=~<>!\"'-]*)(\$?)")


@lru_cache(maxsize=512)
def search_for(pattern: str) -> Callable[[str], bool]:
    """Says whether the pattern is found anywhere in a text. Raises Undecided if it is no pattern, or a huge one."""
    if len(pattern) > MAX_PATTERN:
        raise Undecided(f"the regular expression is longer than {MAX_PATTERN:,} characters")
    return _plain(pattern) or _compiled(pattern)


def _plain(pattern: str) -> Callable[[str], bool] | None:
    # Most patterns people write need no engine.
    if not (found := _PLAIN.fullmatch(pattern)):
        return None
    start, text, end = found.groups()
    if start and end:
        return lambda where: where == text
    if start:
        return lambda where: where.startswith(text)
    return (lambda where: where.endswith(text)) if end else (lambda where: text in where)


def _compiled(pattern: str) -> Callable[[str], bool]:
    # Late, since few rules need it and the SDK's start should stay quick.
    try:
        import re2
    except ImportError:
        raise Undecided("this regular expression needs the package google-re2, which is not installed") from None

    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _MEMORY
    try:
        search = re2.compile(pattern, options).search
    except re2.error:
        raise Undecided(
            "the text is no regular expression of RE2 (which has no lookaround and no references)"
        ) from None
    # Given bytes it counts no characters of the text, which nobody asks for.
    return lambda where: search(where.encode()) is not None
