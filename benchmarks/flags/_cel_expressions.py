"""Random expressions of our CEL and random contexts, from a seed; used by the comparison with the reference.

Expressions are typed, with a share of ill-typed parts; contexts have missing attributes and attributes of other types.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

INTS = (0, 1, 2, 3, 7, -1, -2, 10, 42, 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63), 2**62, 5_000_000_000)
DOUBLES = (0.0, 1.0, -1.0, 1.5, 2.0, -2.5, 0.1, 1e6, 1234567.5, 1e-7, 1e300, -1e300, 9.007199254740993e15, 2.0**63, 3.7)
STRINGS: tuple[str, ...] = (
    *(
        "",
        "a",
        "b",
        "ab",
        "abc",
        "DE",
        "SE",
        "Straße",
        "żółć",
        "😀",
        "a.c",
        "x'y",
        'q"q',
        "back\\slash",
        "a\nb",
        "é",
        "e\u0301",
    ),
    *("1", "-7", "007", "+5", "1.5", "1e3", "true", "False", "t", "0", "no", "9223372036854775808", "inf", "nan", ".5"),
    *(
        "1h",
        "90s",
        "-1.5h30m",
        "1h1h",
        "250ms",
        "1d",
        "2026-11-22T08:30:00Z",
        "1969-12-31T23:59:59.5+02:00",
        "2026-02-30",
    ),
    *("^a", "b$", "a+b*", "(", "[a-c]+", "(?i)DE", "\\d", ".", "a|b", "😀+"),
)
ZONES = ("UTC", "Europe/Berlin", "+02:00", "-03:30", "America/St_Johns", "Asia/Kathmandu", "nowhere", "02:00", "")
TIMESTAMPS: tuple[str, ...] = (
    "2026-11-22T08:30:00Z",
    "1970-01-01T00:00:00Z",
    "2024-02-29T23:59:59.123456789Z",
    "0001-01-01T00:00:00Z",
)
TIMESTAMPS += ("9999-12-31T23:59:59Z", "2026-03-29T01:30:00+01:00")
DURATIONS = ("0s", "1h", "-90s", "1.5s", "24h", "-1ns", "100000h", "1h30m0.25s")
VARIABLES = {"s": "string", "i": "int", "d": "double", "b": "bool", "l": "list", "m": "map", "n": "null", "u": "map"}
KINDS = ("bool", "int", "double", "string", "list", "map", "null", "timestamp", "duration")
PARTS = (
    "FullYear",
    "Month",
    "Date",
    "DayOfMonth",
    "DayOfYear",
    "DayOfWeek",
    "Hours",
    "Minutes",
    "Seconds",
    "Milliseconds",
)


@dataclass(frozen=True)
class Text:
    """One expression, as we read it and as the reference does."""

    ours: str
    theirs: str


def join(form: str, *parts: Text) -> Text:
    return Text(form.format(*(part.ours for part in parts)), form.format(*(part.theirs for part in parts)))


def quoted(value: str) -> str:
    for character, escaped in (("\\", "\\\\"), ("'", "\\'"), ("\n", "\\n")):
        value = value.replace(character, escaped)
    return f"'{value}'"


class Expressions:
    """Random expressions from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def one(self) -> Text:
        kind = "bool" if self._random.random() < 0.7 else self._random.choice(KINDS)
        return self._any(kind, self._random.choice((2, 3, 3, 4)))

    def context(self) -> dict[str, Any]:
        """Attributes, one in ten of them missing or of another type."""
        context = {}
        for name, kind in VARIABLES.items():
            if self._random.random() > 0.08:
                context[name] = self._value(kind if self._random.random() > 0.1 else self._random.choice(KINDS[:7]), 2)
        return context

    def _value(self, kind: str, depth: int) -> Any:
        pick = self._random.choice
        scalars: dict[str, Callable[[], Any]] = {
            "bool": lambda: pick((True, False)),
            "int": lambda: pick(INTS),
            "double": lambda: pick((*DOUBLES, math.inf, math.nan)),
            "string": lambda: pick(STRINGS),
            "null": lambda: None,
        }
        if kind in scalars:
            return scalars[kind]()
        inner = (*scalars, *(("list", "map") if depth else ()))
        if kind == "list":
            return [self._value(pick(inner), depth - 1) for _ in range(pick((0, 1, 2, 3)))]
        return {pick(("a", "b", "c", "vip")): self._value(pick(inner), depth - 1) for _ in range(pick((0, 1, 2, 3)))}

    def _any(self, kind: str, depth: int) -> Text:
        if self._random.random() < 0.06:
            kind = self._random.choice(KINDS)
        if depth <= 0 or self._random.random() < 0.12:
            return self._leaf(kind)
        if self._random.random() < 0.06:
            condition, then, other = (
                self._any("bool", depth - 1),
                self._any(kind, depth - 1),
                self._any(kind, depth - 1),
            )
            return join("({} ? {} : {})", condition, then, other)
        make = getattr(self, f"_{kind}", None)
        return make(depth - 1) if make else self._leaf(kind)

    def _leaf(self, kind: str) -> Text:
        names = [name for name, known in VARIABLES.items() if known == kind]
        if names and self._random.random() < 0.5:
            name = self._random.choice(names)
            return Text(name, name)
        pick = self._random.choice
        literals: dict[str, Callable[[], str]] = {
            "bool": lambda: pick(("true", "false")),
            "int": lambda: str(pick(INTS)),
            "double": lambda: repr(pick(DOUBLES)),
            "string": lambda: quoted(pick(STRINGS)),
            "null": lambda: "null",
            "list": lambda: "[]",
            "map": lambda: "{}",
        }
        if kind in literals:
            text = literals[kind]()
            return Text(text, f"dyn({text})")
        if kind == "timestamp":
            text = pick(("now", *(f"timestamp('{moment}')" for moment in TIMESTAMPS)))
        else:
            text = f"duration('{pick(DURATIONS)}')"
        return Text(text, f"dyn({text})")

    def _bool(self, depth: int) -> Text:
        pick = self._random.choice
        form = pick(("&&", "||", "!", "==", "!=", "<", "<=", ">", ">=", "in", "in", "text", "has", "bool", "&&", "||"))
        if form in {"&&", "||"}:
            return join(f"({{}} {form} {{}})", self._any("bool", depth), self._any("bool", depth))
        if form == "!":
            # In parentheses, since the reference's parser makes !!x to x even where x is neither true nor false.
            return join("!({})", self._any("bool", depth))
        if form == "in":
            if self._random.random() < 0.3:
                return join("({} in {})", self._any("string", depth), self._any("map", depth))
            return join("({} in {})", self._any(pick(("string", "int", "double")), depth), self._any("list", depth))
        if form == "text":
            name = pick(("startsWith", "endsWith", "contains", "matches"))
            return join(f"{{}}.{name}({{}})", self._any("string", depth), self._any("string", depth))
        if form == "has":
            return join(f"has({{}}.{pick(('a', 'b', 'vip'))})", self._any("map", depth))
        if form == "bool":
            return join("bool({})", self._dynamic(self._any(pick(("string", "bool")), depth)))
        kind = pick(KINDS if form in {"==", "!="} else ("int", "double", "string", "timestamp", "duration", "bool"))
        other = kind if self._random.random() < 0.8 else pick(KINDS)
        return join(f"({{}} {form} {{}})", self._any(kind, depth), self._any(other, depth))

    @staticmethod
    def _dynamic(text: Text) -> Text:
        return Text(text.ours, f"dyn({text.theirs})")

    def _int(self, depth: int) -> Text:
        pick = self._random.choice
        form = pick(("+", "-", "*", "/", "%", "neg", "size", "int", "calendar", "index"))
        if form in {"+", "-", "*", "/", "%"}:
            return join(f"({{}} {form} {{}})", self._any("int", depth), self._any("int", depth))
        if form == "neg":
            return join("-({})", self._any("int", depth))
        if form == "size":
            inner = self._dynamic(self._any(pick(("string", "list", "map")), depth))
            return join(pick(("size({})", "{}.size()")), inner)
        if form == "int":
            return join("int({})", self._dynamic(self._any(pick(("int", "double", "string", "timestamp")), depth)))
        if form == "index":
            return self._index(depth)
        zone = self._random.random() < 0.5
        value = self._dynamic(
            self._any(pick(("timestamp", "timestamp", "duration")) if not zone else "timestamp", depth)
        )
        return join(f"{{}}.get{pick(PARTS)}({quoted(pick(ZONES)) if zone else ''})", value)

    def _index(self, depth: int) -> Text:
        if self._random.random() < 0.5:
            return join("{}[{}]", self._dynamic(self._any("list", depth)), self._any("int", 0))
        if self._random.random() < 0.5:
            return join("{}[{}]", self._dynamic(self._any("map", depth)), self._any("string", 0))
        return join(f"{{}}.{self._random.choice(('a', 'b', 'vip'))}", self._dynamic(self._any("map", depth)))

    def _double(self, depth: int) -> Text:
        form = self._random.choice(("+", "-", "*", "/", "neg", "double"))
        if form == "neg":
            return join("-({})", self._any("double", depth))
        if form == "double":
            kind = self._random.choice(("int", "double", "string"))
            return join("double({})", self._dynamic(self._any(kind, depth)))
        return join(f"({{}} {form} {{}})", self._any("double", depth), self._any("double", depth))

    def _string(self, depth: int) -> Text:
        if self._random.random() < 0.5:
            return join("({} + {})", self._any("string", depth), self._any("string", depth))
        kind = self._random.choice(("int", "double", "string", "bool", "timestamp", "duration"))
        return join("string({})", self._dynamic(self._any(kind, depth)))

    def _list(self, depth: int) -> Text:
        if self._random.random() < 0.2:
            return join("({} + {})", self._any("list", depth), self._any("list", depth))
        kind = self._random.choice(KINDS)
        items = [self._any(kind, depth - 1) for _ in range(self._random.choice((0, 1, 2, 3)))]
        return self._dynamic(join(f"[{', '.join('{}' for _ in items)}]", *items))

    def _map(self, depth: int) -> Text:
        keys = self._random.sample(("'a'", "'b'", "'vip'", "1", "2", "true"), self._random.choice((0, 1, 2)))
        values = [self._any(self._random.choice(KINDS), depth - 1) for _ in keys]
        # 1 and true are one key to us: never both.
        keys = [key if key != "true" or "1" not in keys else "false" for key in keys]
        entries = [join(f"{key}: {{}}", value) for key, value in zip(keys, values, strict=True)]
        inner = ", ".join(entry.ours for entry in entries), ", ".join(entry.theirs for entry in entries)
        return Text(f"{{{inner[0]}}}", f"dyn({{{inner[1]}}})")

    def _timestamp(self, depth: int) -> Text:
        pick = self._random.choice
        form = pick(("+", "-", "swap", "convert"))
        if form == "convert":
            return join("timestamp({})", self._dynamic(self._any(pick(("string", "int", "timestamp")), depth)))
        if form == "swap":
            return join("({} + {})", self._any("duration", depth), self._any("timestamp", depth))
        return join(f"({{}} {form} {{}})", self._any("timestamp", depth), self._any("duration", depth))

    def _duration(self, depth: int) -> Text:
        pick = self._random.choice
        form = pick(("+", "-", "apart", "convert"))
        if form == "convert":
            return join("duration({})", self._dynamic(self._any(pick(("string", "duration")), depth)))
        kind = "timestamp" if form == "apart" else "duration"
        return join(f"({{}} {'-' if form == 'apart' else form} {{}})", self._any(kind, depth), self._any(kind, depth))
