"""What people write that the language does not have, and what to write instead. Called by the lexer and the parser."""

from collections.abc import Iterable
from typing import Final

from croupier.core.flags.cel.errors import CelError

_MACROS: Final = {"exists", "all", "map", "filter", "exists_one", "existsOne", "transformList", "transformMap"}
WORDS: Final = {
    "and": "Write &&.",
    "AND": "Write &&.",
    "or": "Write ||.",
    "OR": "Write ||.",
    "not": "Write ! before the condition, as in !(market in ['DE']).",
    "NOT": "Write ! before the condition, as in !(market in ['DE']).",
    "is": "Write ==.",
    "IN": "Write in.",
    "else": "Write condition ? this : that.",
    "if": "Write the condition alone, or condition ? this : that.",
}
"""Operators of other languages, and what to write for them."""

_CONSTANTS: Final = {"True": "true", "False": "false", "None": "null", "TRUE": "true", "FALSE": "false", "nil": "null"}
_RESERVED: Final = frozenset(
    {"as", "break", "const", "continue", "else", "for", "function", "if", "import", "in", "let", "loop", "namespace"}
    | {"package", "return", "var", "void", "while"}
)
_FUNCTIONS: Final = {
    "dyn": "Every value is dynamic here: leave dyn(...) away.",
    "type": "Compare the value itself, as in market == 'DE'.",
    "uint": "Whole numbers have a sign here: write int(...).",
    "bytes": "Write the string itself.",
    "lower": "Write both cases: market in ['de', 'DE'].",
    "upper": "Write both cases: market in ['de', 'DE'].",
    "lowerAscii": "Write both cases: market in ['de', 'DE'].",
    "upperAscii": "Write both cases: market in ['de', 'DE'].",
    "len": "Write size(...).",
    "length": "Write size(...).",
    "date": "Write timestamp('2026-12-01T00:00:00Z').",
    "regex": "Write market.matches('...').",
    "version": "Write semver('1.2.3').",
}
_CHARACTERS: Final = {
    "=": ("A single = compares nothing.", "Write ==."),
    "&": ("A single & is no operator.", "Write &&."),
    "|": ("A single | is no operator.", "Write ||."),
    "'": ("The string is not closed.", "End it with ' on the same line, or use ''' for several lines."),
    '"': ("The string is not closed.", 'End it with " on the same line, or use """ for several lines.'),
    "‘": ("A typographic quote opens no string.", "Write '."),
    "’": ("A typographic quote opens no string.", "Write '."),
    "“": ("A typographic quote opens no string.", 'Write ".'),
    "”": ("A typographic quote opens no string.", 'Write ".'),
    "\\": ("A backslash means something only inside a string.", "Leave it away."),
    "$": ("Attributes are written without $.", "Write market, not $market."),
    "#": ("# starts no comment.", "Comments start with //."),
    "`": ("Only a field after a dot is written in backticks.", "Write user.`content-type`."),
}


def refuse_character(text: str, at: int) -> CelError:
    """For the character at which no token starts."""
    character = text[at]
    message, hint = _CHARACTERS.get(character, (f"{character!r} has no meaning here.", "Remove it."))
    return CelError(message, column=at + 1, hint=hint)


def refuse_name(name: str, column: int) -> CelError | None:
    """For a name that is no attribute: a reserved word, or another language's constant."""
    if name in _CONSTANTS:
        return CelError(f"{name} is written in small letters.", column=column, hint=f"Write {_CONSTANTS[name]}.")
    if name in _RESERVED:
        hint = WORDS.get(name, "Give the attribute another name.")
        return CelError(f"{name} is a reserved word, not an attribute.", column=column, hint=hint)
    return None


def refuse_rest(kind: str, text: str, column: int) -> CelError:
    """For a token where the condition should have gone on, or ended."""
    if kind == "end":
        return CelError("The condition ends too early.", column=column, hint="Finish it, or remove the last operator.")
    if text in WORDS:
        return CelError(f"{text} is no operator.", column=column, hint=WORDS[text])
    hints = {
        "=": "Write == to compare.",
        "?": "Optional fields are not supported: write has(user.vip) && user.vip.",
        "{": "Messages are not supported: compare the attributes one by one.",
        ",": "Lists are written in brackets: market in ['DE', 'SE'].",
        ">": "Unequal is written !=.",
    }
    return CelError(f"{text} is not expected here.", column=column, hint=hints.get(text, "Is an operator missing?"))


def refuse_function(name: str, column: int, known: Iterable[str]) -> CelError:
    """For the call of a function that does not exist."""
    if name in _MACROS:
        hint = "Write 'vip' in user.roles, or let the caller compute the attribute."
        return CelError(f"{name}(...) walks over lists, which conditions do not.", column=column, hint=hint)
    if name in _FUNCTIONS:
        return CelError(f"There is no function {name}.", column=column, hint=_FUNCTIONS[name])
    near = nearest(name, known)
    hint = f"Did you mean {near}?" if near else "The language reference lists them all."
    return CelError(f"There is no function {name}.", column=column, hint=hint)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant, letters' case aside."""
    # Late, since nobody makes a mistake while a service starts.
    from difflib import get_close_matches

    by_folded = {candidate.casefold(): candidate for candidate in known}
    found = get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.75)
    return by_folded[found[0]] if found else None
