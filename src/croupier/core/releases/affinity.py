"""What is begun on one version and has to end there, and where requests carry its ids: a header, the query, the path.

Frozen data only. Written in a service's document; the data plane matches it, ``testing.leading`` says what that
means.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

HOLE: Final = "{id}"
"""What stands for the id in a path."""


class Where(StrEnum):
    """The part of a request that carries an id."""

    HEADER = "header"
    QUERY = "query"
    PATH = "path"


@dataclass(frozen=True, slots=True)
class IdSource:
    """A place where requests carry ids. ``name`` is a header's or a query parameter's, or a path in which ``{id}`` is
    one whole segment: requests to that path, or to what continues it after a ``/``, carry one.
    """

    where: Where
    name: str

    @property
    def around(self) -> tuple[str, str]:
        """What is before and behind the id in a path."""
        before, _, behind = self.name.partition(HOLE)
        return before, behind

    def __str__(self) -> str:
        return f"the {self.where} {self.name}" if self.where is not Where.QUERY else f"the query parameter {self.name}"


@dataclass(frozen=True, slots=True)
class IdKind:
    """A kind of ids, such as ``round``. Of several sources of a request the first that names a version counts."""

    name: str
    sources: tuple[IdSource, ...]

    @property
    def learnable(self) -> tuple[IdSource, ...]:
        """The sources whose ids the data plane can know one by one; of those in a query it only sees what they name."""
        return tuple(source for source in self.sources if source.where is not Where.QUERY)


def by_header(kind: str, header: str) -> IdKind:
    """Ids in one header, as most services have them."""
    return IdKind(kind, (IdSource(Where.HEADER, header),))


@dataclass(frozen=True, slots=True)
class Affinity:
    """What is begun on one version and has to end there, such as rounds. Durations are seconds: a pin lives ``ttl_s``
    at the most, and ``drain_s`` once its version was left.
    """

    kinds: tuple[IdKind, ...]
    ttl_s: float = 600.0
    drain_s: float = 300.0


def shortened(before: Affinity | None, after: Affinity | None) -> tuple[str, ...]:
    """In what open rounds would be kept for less long than before, in words. That there are none any more is left out
    here.
    """
    if before is None or after is None:
        return ()
    pairs = (("ttl", before.ttl_s, after.ttl_s), ("drain", before.drain_s, after.drain_s))
    return tuple(f"{name} {now:g} s instead of {then:g} s" for name, then, now in pairs if now < then)


def left_out(before: Affinity | None, after: Affinity | None) -> tuple[str, ...]:
    """Where ids were looked for before and are not any more, in words: open rounds that come there would go by the
    weights.
    """
    now = {(kind.name, source) for kind in (after.kinds if after else ()) for source in kind.sources}
    return tuple(
        f"ids of the kind '{kind.name}' in {source}"
        for kind in (before.kinds if before else ())
        for source in kind.sources
        if (kind.name, source) not in now
    )
