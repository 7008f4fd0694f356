"""What a client says when it runs a version, read strictly: ten thousand say it, and none of them is trusted."""

import json
import math
import re
from dataclasses import dataclass
from typing import Any, Final

from croupier.errors import Problem, Rejected
from croupier.server.problems import Malformed

LARGEST: Final = 2_048
"""Bytes of an acknowledgement."""

CLIENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}")
"""What a client calls itself."""

_POSITION: Final = re.compile(r"[A-Za-z0-9._-]{1,64}:[0-9]{1,15}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_SDK: Final = re.compile(r"[\x20-\x7e]{0,100}")
_LONGEST_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """``client`` runs the flags of ``position``; it waited ``held_s`` before it said so."""

    client: str
    sdk: str
    position: str
    digest: str
    held_s: float


def read_acknowledgement(body: bytes) -> Acknowledgement:
    """What the body says. Raises ``Malformed`` for what is no JSON object, ``Rejected`` with every mistake."""
    try:
        data: Any = json.loads(body)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise Malformed("The body is no JSON object.")
    problems: list[Problem] = []

    def text(name: str, form: re.Pattern[str], what: str, default: str = "") -> str:
        value = data.get(name, default)
        if isinstance(value, str) and form.fullmatch(value):
            return value
        problems.append(Problem(f"expected {what}.", (name,)))
        return ""

    held = data.get("held_s", 0.0)
    # Compared, not ``isfinite``: that raises for a whole number of a thousand digits.
    if isinstance(held, bool) or not isinstance(held, int | float) or not 0 <= held < math.inf:
        problems.append(Problem("expected seconds.", ("held_s",)))
        held = 0.0
    said = Acknowledgement(
        client=text("client", CLIENT, "a client's name: letters, digits, '.', '_', ':', '@', '-'; 128 at most"),
        sdk=text("sdk", _SDK, "the SDK's name, 100 characters at most"),
        position=text("position", _POSITION, "LINEAGE:VERSION"),
        digest=text("digest", _DIGEST, "64 hexadecimal digits"),
        held_s=float(min(held, _LONGEST_S)),
    )
    if problems:
        raise Rejected(f"The acknowledgement is wrong: {problems[0]}", problems=tuple(problems))
    return said
