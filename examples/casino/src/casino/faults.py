"""The fault switch: makes a version bad in a chosen way, so that a release control plane has something to find.

Parsed strictly at the start of a service (`--fault` or CASINO_FAULT); asked where the code can go wrong.
Syntax: `kind:name=value,name=value;kind:...`, for example `deposit-error:psp=kestrel,market=DE,share=1.0`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from casino.errors import Misconfigured, Refusal
from casino.world import BRANDS, MARKETS, PROVIDERS, SERVICES

DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m)?")
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, None: 1.0}


@dataclass(frozen=True, slots=True)
class Fault:
    """One way of going wrong: for requests that match, in a share of the cases."""

    kind: str
    match: Mapping[str, str]
    share: float = 1.0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Grammar:
    """What a kind of fault may say: facts to match, a share or none, the name of a duration; and what it must say."""

    matches: tuple[str, ...] = ()
    share: bool = True
    duration: str | None = None
    required: tuple[str, ...] = ()


GRAMMARS: Mapping[str, Grammar] = {
    "deposit-error": Grammar(matches=("psp", "market", "brand")),
    "capture-error": Grammar(matches=("psp", "market", "brand")),
    "withdrawal-error": Grammar(matches=("psp", "market", "brand")),
    "psp-error": Grammar(matches=("psp", "market")),
    "login-error": Grammar(matches=("market", "brand")),
    "bet-error": Grammar(matches=("market", "brand")),
    "claim-error": Grammar(matches=("market", "brand")),
    "slow": Grammar(matches=("route", "market"), duration="seconds", required=("route", "seconds")),
    "double-debit": Grammar(required=("share",)),
    "drift": Grammar(required=("share",)),
    "ws-drop": Grammar(required=("share",)),
    "any-password": Grammar(),
    "serves-excluded": Grammar(),
    "overpay": Grammar(),
    "forgetful": Grammar(),
    "small-currency": Grammar(),
    "crash": Grammar(share=False, duration="after", required=("after",)),
}
KNOWN: Mapping[str, Callable[[str], bool]] = {
    "psp": PROVIDERS.__contains__,
    "market": MARKETS.__contains__,
    "brand": BRANDS.__contains__,
    "route": lambda route: route.startswith(tuple(f"/{service}/" for service in SERVICES)),
}
CHOICES: Mapping[str, str] = {
    "psp": ", ".join(PROVIDERS),
    "market": ", ".join(MARKETS),
    "brand": ", ".join(BRANDS),
    "route": "a path such as /payments/deposit",
}


class Faults:
    """The faults of this process; an empty set never hits."""

    def __init__(self, faults: tuple[Fault, ...] = (), dice: random.Random | None = None) -> None:
        self.faults = faults
        self._dice = dice or random.Random()

    def hit(self, kind: str, **facts: str) -> Fault | None:
        """The first fault of this kind that matches the facts and whose dice fall so, or None."""
        for fault in self.faults:
            if fault.kind != kind or any(facts.get(name) != value for name, value in fault.match.items()):
                continue
            if fault.share >= 1.0 or self._dice.random() < fault.share:
                return fault
        return None

    def trip(self, kind: str, code: str, detail: str, **facts: str) -> None:
        """Raise the `Refusal` (500) of a technical failure where a fault of this kind hits."""
        if self.hit(kind, **facts) is not None:
            raise Refusal(500, code, detail)


def parse(text: str) -> tuple[Fault, ...]:
    """Read a fault switch. Raises `Misconfigured` with the part that is wrong and what to write instead."""
    return tuple(_parse_one(part.strip()) for part in text.split(";") if part.strip())


def _parse_one(text: str) -> Fault:
    kind, _, rest = text.partition(":")
    grammar = GRAMMARS.get(kind)
    if grammar is None:
        raise Misconfigured(f"unknown fault {kind!r}; known are {', '.join(GRAMMARS)}")
    given = _pairs(text, rest)
    allowed = (
        *grammar.matches,
        *(("share",) if grammar.share else ()),
        *((grammar.duration,) if grammar.duration else ()),
    )
    for name in given:
        if name not in allowed:
            raise Misconfigured(f"fault {text!r}: {kind} has no parameter {name!r}; allowed are {', '.join(allowed)}")
    for name in grammar.required:
        if name not in given:
            raise Misconfigured(f"fault {text!r}: {kind} needs {name}=...")
    match = {name: given[name] for name in grammar.matches if name in given}
    for name, value in match.items():
        if not KNOWN[name](value):
            raise Misconfigured(f"fault {text!r}: {name}={value!r} is not known; write {CHOICES[name]}")
    share = _share(text, given["share"]) if "share" in given else 1.0
    seconds = _duration(text, grammar.duration, given[grammar.duration]) if grammar.duration else 0.0
    return Fault(kind, match, share, seconds)


def _pairs(text: str, rest: str) -> dict[str, str]:
    given: dict[str, str] = {}
    for pair in rest.split(",") if rest else ():
        name, separator, value = pair.strip().partition("=")
        if not separator or not value:
            raise Misconfigured(f"fault {text!r}: {pair!r} is not name=value")
        if name in given:
            raise Misconfigured(f"fault {text!r}: {name} is given twice")
        given[name] = value
    return given


def _share(text: str, value: str) -> float:
    try:
        share = float(value)
    except ValueError:
        share = -1.0
    if not 0 < share <= 1:
        raise Misconfigured(f"fault {text!r}: share={value!r} must be a number above 0, at most 1")
    return share


def _duration(text: str, name: str, value: str) -> float:
    found = DURATION.fullmatch(value)
    if found is None:
        raise Misconfigured(f"fault {text!r}: {name}={value!r} is not a duration; write 400ms, 0.4, 30s or 2m")
    return float(found[1]) * UNITS[found[2]]
