"""How Envoy finds an id in a header, in the query, in the path: conditions for ids that name their version, keys for
those that are known one by one.

Pure. A client may write any character of a query or a path as its percent-encoding: both forms are the same id. Called
by ``pinned``.
"""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from croupier.adapters.routing.envoy.bootstrap import Json
from croupier.core.releases import IdSource, Where
from croupier.core.segments.named import MARK

_ESCAPED: Final = re.compile("%..")
_INPUT: Final = "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput"
_VALUE: Final = "[!-~]*"
_SEGMENT: Final = "[!-.0->@-~]*"
"""The same without the ends of a segment: a slash, a question mark."""
_BEHIND: Final = "([/?].*)?"
"""A path goes on after a slash, and may have a query."""
_IN_SEGMENTS: Final = "!$&'()*+,;=:@"
"""Characters that a segment of a path may have as they are, besides those that are never encoded."""


def carries(source: IdSource, version: str) -> Json:
    """The condition of a route: the request carries an id there that names the version."""
    ending = f"{MARK}{version}"
    match source.where:
        case Where.HEADER:
            return {"headers": [{"name": source.name.lower(), "string_match": {"suffix": ending}}]}
        case Where.QUERY:
            value = {"safe_regex": {"regex": f"{_VALUE}{_spelled(ending)}"}}
            return {"query_parameters": [{"name": source.name, "string_match": value}]}
        case Where.PATH:
            before, behind = map(quoted, source.around)
            regex = f"{before}{_SEGMENT}{_spelled(ending)}{behind}{_BEHIND}"
            return {"headers": [{"name": ":path", "string_match": {"safe_regex": {"regex": regex}}}]}


def keyed(source: IdSource, id_: str) -> Iterator[tuple[str, str]]:
    """The kinds of maps (fields of Envoy's matcher tree) and the keys in them by which the id is found. The source is
    ``learnable``.
    """
    if source.where is Where.HEADER:
        yield "exact_match_map", id_
        return
    before, behind = source.around
    whole = quote(id_, safe="")
    encoded = {quote(id_, safe=_IN_SEGMENTS), whole, _ESCAPED.sub(lambda found: found[0].lower(), whole)}
    for segment in sorted(encoded):
        path = f"{before}{segment}{behind}"
        yield "exact_match_map", path
        yield "prefix_match_map", f"{path}/"
        yield "prefix_match_map", f"{path}?"


def sought(source: IdSource) -> Json:
    """What Envoy looks up in those maps: in a table of routes it can be nothing but a header."""
    return header(source.name.lower() if source.where is Where.HEADER else ":path")


def header(name: str) -> Json:
    """A header of the request, as an input of Envoy's matchers."""
    return {"name": "header", "typed_config": {"@type": _INPUT, "header_name": name}}


def quoted(text: str) -> str:
    """A regular expression for exactly this text."""
    return "".join(f"\\{each}" if each in r".$()*+?[]^{|}\\" else each for each in text)


def _spelled(text: str) -> str:
    """A regular expression for this text, each of its characters as it is or encoded."""
    return "".join(f"({quoted(each)}|%{_hex(f'{ord(each):02X}')})" for each in text)


def _hex(digits: str) -> str:
    return "".join(f"[{each}{each.lower()}]" if each.isalpha() else each for each in digits)
