"""The options of ``croupier rollout plan``: traffic, faults and groups, for every gate or for one. Called by it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from croupier.core.gates import Gate
from croupier.errors import Rejected

_RATE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(k?)(?:/(s|m|min|h))?")
_PER: Final = {None: 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Given:
    """What the options say, for every gate (``""``) or for one."""

    rates: Mapping[str, float]
    usual: Mapping[str, float]
    find: Mapping[str, float]
    groups: Mapping[str, int]
    hotfix: bool = False

    def check(self, gates: Iterable[Gate]) -> None:
        """Raises ``Rejected`` for a gate that there is not."""
        known = {gate.name for gate in gates}
        for option in (self.rates, self.usual, self.find, self.groups):
            for name in option:
                if name and name not in known:
                    raise Rejected(
                        f"No rollout here asks a gate '{name}'.", hint=f"They ask: {', '.join(sorted(known))}."
                    )


def given(rates: list[str], usual: list[str], find: list[str], groups: list[str], *, hotfix: bool = False) -> Given:
    """The options read. Raises ``Rejected``."""
    return Given(
        dict(_named(text, "--rate", _rate) for text in rates),
        dict(_named(text, "--usual", _bad) for text in usual),
        dict(_named(text, "--find", _bad) for text in find),
        dict(_named(text, "--groups", _whole) for text in groups),
        hotfix,
    )


def _named(text: str, option: str, read: Any) -> tuple[str, Any]:
    """``GATE=VALUE``, or a value for every gate."""
    name, equals, value = text.rpartition("=")
    found = read(value.strip())
    if found is None or (equals and not name):
        example = {"--rate": "20/s", "--groups": "8"}.get(option, "99.95%")
        raise Rejected(
            f"{option} {text} is not understood.", hint=f"Write {option} {example}, or {option} GATE={example}."
        )
    return name.strip(), found


def _rate(text: str) -> float | None:
    found = _RATE.fullmatch(text)
    return float(found[1]) * (1000.0 if found[2] else 1.0) / _PER[found[3]] if found else None


def _bad(text: str) -> float | None:
    """The bad share behind a good one, as files write it."""
    percent = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", text)
    share = re.fullmatch(r"0?\.\d+", text)
    good = float(percent[1]) / 100 if percent else float(text) if share else -1.0
    # Rounded: 1 - 0.9995 is not quite what people wrote.
    return round(1.0 - good, 12) if 0.0 <= good <= 1.0 else None


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[1-9]\d{0,3}", text) else None
