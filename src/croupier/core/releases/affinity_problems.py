"""What is wrong with a service's affinity: ids that cannot be told apart, or that never come. Pure; asked when
documents are read.
"""

from collections.abc import Iterator
from typing import Final

from croupier.core.releases.affinity import HOLE, IdSource, Where
from croupier.core.releases.model import Service
from croupier.errors import Problem

_LONGEST_S: Final = 7 * 86_400.0
_WHERE: Final = ("spec", "affinity")


def affinity_problems(service: Service) -> Iterator[Problem]:
    """Mistakes with their places in the document."""
    affinity = service.affinity
    if affinity is None:
        return
    taken = {(Where.HEADER, service.identity_header.lower()): "tells players apart"}
    taken |= {
        (Where.HEADER, header.lower()): f"carries the attribute {name}" for name, header in service.attribute_headers
    }
    kinds: set[str] = set()
    for kind in affinity.kinds:
        if kind.name in kinds:
            yield Problem(f"the kind '{kind.name}' is there twice.", _WHERE, "Give each kind one list of sources.")
        kinds.add(kind.name)
        for source in kind.sources:
            if use := taken.get(_place(source)):
                yield Problem(f"{source} {use} already.", _WHERE, _OWN[source.where])
            taken[_place(source)] = f"carries ids of the kind '{kind.name}'"
            if source.where is Where.PATH and not _reached(source, service.prefixes):
                yield Problem(
                    f"no route of the service leads to {source.name}.",
                    _WHERE,
                    f"Write the whole path, from its first slash; routes: {', '.join(service.prefixes)}.",
                )
    for name, duration_s in (("ttl", affinity.ttl_s), ("drain", affinity.drain_s)):
        if not 1.0 <= duration_s <= _LONGEST_S:
            yield Problem(
                f"{name} is from 1s to 7d, not {duration_s:g} s.",
                (*_WHERE, name),
                "Take the longest that a round really lasts: a version that was left runs for so long.",
            )


_OWN: Final = {
    Where.HEADER: "Ids need a header of their own: x-round-id.",
    Where.QUERY: "Ids need a parameter of their own: order.",
    Where.PATH: f"A path goes on behind {HOLE} by itself: leave the longer one out.",
}


def _place(source: IdSource) -> tuple[Where, str]:
    """What two sources have in common that take the same text for an id."""
    if source.where is Where.HEADER:
        return source.where, source.name.lower()
    return source.where, source.around[0]


def _reached(source: IdSource, prefixes: tuple[str, ...]) -> bool:
    return any(prefix == "/" or source.name.startswith(f"{prefix}/") for prefix in prefixes)
