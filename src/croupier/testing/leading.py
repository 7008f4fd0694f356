"""Which version the id of a request leads to: what the data plane's routes for pins mean, said once more. Pure.

The property tests hold a real Envoy against it. Nothing calls it for a request.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from croupier.core.releases.affinity import IdKind, IdSource, Where
from croupier.core.rollout.pins import Pins
from croupier.core.segments.named import MARK

_ESCAPED: Final = re.compile("%([0-9A-Fa-f]{2})")
_ID: Final = re.compile("[!-~]*")


@dataclass(frozen=True, slots=True)
class Request:
    """What of a request may carry ids: its path with the query, as the edge has normalised it, and its headers by
    their names in lower case.
    """

    path: str
    headers: Mapping[str, str] = field(default_factory=dict)


def carried(source: IdSource, request: Request) -> str | None:
    """The id that the request carries there, decoded; ``None`` where it carries none."""
    match source.where:
        case Where.HEADER:
            return request.headers.get(source.name.lower())
        case Where.QUERY:
            return _in_query(source.name, request.path)
        case Where.PATH:
            return _in_path(source, request.path.partition("?")[0])


def led_to(pins: Pins, kinds: Iterable[IdKind], request: Request) -> str | None:
    """The version that outranks the weights for this request; ``None`` where there is none, and it goes by the weights.

    An id that is known by itself goes where it was begun. Any other one may name a version that ids lead to now, by its
    end; the first source that does decides.
    """
    kinds = tuple(kinds)
    known = {(pin.kind, pin.id): pin.version for pin in pins.ids}
    for kind in kinds:
        for source in kind.learnable:
            if (found := known.get((kind.name, carried(source, request) or ""))) is not None:
                return found
    for kind in kinds:
        for source in kind.sources:
            id_ = carried(source, request) or ""
            for version in pins.versions:
                if id_.endswith(f"{MARK}{version}"):
                    return version
    return None


def _in_query(name: str, path: str) -> str | None:
    """The first, where there are several."""
    for pair in path.partition("?")[2].split("&"):
        key, _, value = pair.partition("=")
        if key == name:
            return _decoded(value)
    return None


def _in_path(source: IdSource, path: str) -> str | None:
    before, behind = source.around
    segment, slash, rest = path.removeprefix(before).partition("/")
    if not path.startswith(before) or not f"{slash}{rest}/".startswith(f"{behind}/"):
        return None
    return _decoded(segment)


def _decoded(text: str) -> str | None:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if _ID.fullmatch(text) else None
