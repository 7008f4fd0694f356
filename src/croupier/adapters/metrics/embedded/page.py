"""One metrics page in the Prometheus text format: is it whole, what does it name, which samples does it hold.

Only the families that somebody asked for are taken apart, by one regular expression over the page, since parsing all of
a 2,000-series page with ``prometheus_client`` takes 55 ms; labels are parsed by it, once per series. Called by the
ledger.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType

from prometheus_client.parser import text_string_to_metric_families

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*+"
_LABELS = r'\{(?:[^{}"\n]++|"(?:[^"\\\n]++|\\.)*+")*+\}'
_VALUE = r"(?i:[+-]?(?:(?:\d++\.?\d*+|\.\d++)(?:e[+-]?\d++)?|inf(?:inity)?|nan))"
_SAMPLE = rf"(?:{_NAME}[ \t]*+(?:{_LABELS})?|{_LABELS})[ \t]*+(?<=[ \t}}]){_VALUE}(?:[ \t].*)?"
_STRANGE_LINE = re.compile(rf"\n(?![ \t]*+(?:#|\r?(?:\n|\Z)))(?!{_SAMPLE}\r?(?:\n|\Z))(.*)")
_TYPE_LINE = re.compile(r"\n# TYPE (\S+) (\S+)")
_SAMPLE_NAME = re.compile(rf"\n({_NAME})(?=[ \t{{])")
_EDGE = re.compile(r'[{,][ \t]*le="([^"]+)"')


class Malformed(Exception):
    """Not a metrics page, and what was read instead."""


class Page:
    """The text of a page, checked line by line."""

    __slots__ = ("_kinds", "_text")

    def __init__(self, text: str) -> None:
        """Raises ``Malformed`` at the first line that is neither a sample nor a comment."""
        # Every line now begins with a line feed, which a regular expression finds fast.
        self._text = "\n" + text
        self._kinds: dict[str, str] | None = None
        if strange := _STRANGE_LINE.search(self._text):
            line = self._text.count("\n", 0, strange.start() + 1)
            raise Malformed(f"line {line} is no metric: {strange[1][:80]!r}")

    def samples(self, names: Iterable[str]) -> Iterator[tuple[str, str, float]]:
        """Sample name, labels as they stand in the page (``{...}`` or empty) and value, of these sample names."""
        for found in _pattern(frozenset(names)).finditer(self._text):
            yield found[1], found[2] or "", float(found[3])

    def value(self, name: str) -> float | None:
        """The value of a metric without labels."""
        return next((value for _, labels, value in self.samples((name,)) if not labels), None)

    def has(self, name: str) -> bool:
        """Whether the page names this sample or its family, be it without any series yet."""
        if any(f"\n{before}{name}{after}" in self._text for before, after in _MENTIONS):
            return True
        family, _, part = name.rpartition("_")
        return part in _PARTS and any(f"\n# TYPE {family} {kind}" in self._text for kind in ("histogram", "summary"))

    def kinds(self) -> Mapping[str, str]:
        """Family -> counter, gauge, histogram, ..., as far as the page declares it."""
        if self._kinds is None:
            self._kinds = {found[1]: found[2] for found in _TYPE_LINE.finditer(self._text)}
        return self._kinds

    def names(self) -> set[str]:
        """All families and samples, without the parts of histograms and the times of creation."""
        kinds = self.kinds()
        parts = {
            f"{name}_{suffix}" for name, kind in kinds.items() if kind in {"histogram", "summary"} for suffix in _PARTS
        }
        names = {found[1] for found in _SAMPLE_NAME.finditer(self._text)} | set(kinds)
        return {name for name in names - parts if not name.endswith("_created")}


_PARTS = ("bucket", "sum", "count")
_MENTIONS = (("# TYPE ", " "), ("", "{"), ("", " "), ("", "\t"))


@lru_cache(maxsize=64)
def _pattern(names: frozenset[str]) -> re.Pattern[str]:
    some = "|".join(sorted(map(re.escape, names)))
    return re.compile(rf"\n({some})[ \t]*+({_LABELS})?[ \t]*+(?<=[ \t}}])({_VALUE})(?=[ \t\r\n]|\Z)")


@lru_cache(maxsize=16_384)
def parse_labels(text: str) -> Mapping[str, str]:
    """The labels of ``{...}``, shared by all series that have the same. Raises ``Malformed``."""
    if not text:
        return MappingProxyType({})
    try:
        [family] = text_string_to_metric_families(f"x{text} 0")
    except ValueError as error:
        raise Malformed(f"labels that cannot be read: {text[:80]!r}") from error
    return MappingProxyType(family.samples[0].labels)


def edge_of(labels: str) -> float | None:
    """The upper edge (``le``) of a bucket, whatever its spelling."""
    found = _EDGE.search(labels)
    try:
        return float(found[1]) if found else None
    except ValueError:
        return None
