"""What is wrong with a service's affinity: kinds that cannot be told apart. Pure; asked when documents are read."""

from collections.abc import Iterator
from typing import Final

from croupier.core.releases.model import Service
from croupier.errors import Problem

_LONGEST_S: Final = 7 * 86_400.0
_WHERE: Final = ("spec", "affinity")


def affinity_problems(service: Service) -> Iterator[Problem]:
    """Mistakes with their places in the document."""
    affinity = service.affinity
    if affinity is None:
        return
    taken = {service.identity_header.lower(): "tells players apart"}
    taken |= {header.lower(): f"carries the attribute {name}" for name, header in service.attribute_headers}
    kinds: set[str] = set()
    for kind, header in affinity.kinds:
        if kind in kinds:
            yield Problem(f"the kind '{kind}' is there twice.", _WHERE, "Give each kind one header.")
        kinds.add(kind)
        if use := taken.get(header.lower()):
            yield Problem(f"the header {header} {use} already.", _WHERE, "Ids need a header of their own: x-round-id.")
        taken[header.lower()] = f"carries ids of the kind '{kind}'"
    for name, duration_s in (("ttl", affinity.ttl_s), ("drain", affinity.drain_s)):
        if not 1.0 <= duration_s <= _LONGEST_S:
            yield Problem(
                f"{name} is from 1s to 7d, not {duration_s:g} s.",
                (*_WHERE, name),
                "Take the longest that a round really lasts: a version that was left runs for so long.",
            )
