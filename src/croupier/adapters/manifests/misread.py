"""How single values are complained about: what was found, what to write. Raised by the readers of values."""

import json


class Misread(ValueError):
    """A value that cannot be taken: what was found, and what to write instead."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def quoted(value: str) -> str:
    """The value in quotes, its end cut off where it is long."""
    return json.dumps(value if len(value) <= 60 else f"{value[:60]}…", ensure_ascii=False)


def described(value: object) -> str:
    """What was found, for messages: ``the text "5"``, ``the number 5``, ``a list``."""
    match value:
        case None:
            return "nothing"
        case bool():
            return f"the truth value {str(value).lower()}"
        case int() | float():
            return "the number {written}"
        case str() if len(value) > 60:
            return f"a text of {len(value)} characters"
        case str():
            return f"the text {quoted(value)}"
        case list():
            return "a list"
        case _:
            return "a mapping"
