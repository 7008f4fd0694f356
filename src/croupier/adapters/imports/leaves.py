"""Nothing is dropped in silence: which values of a document its report says nothing of. Called for every import."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from croupier.adapters.imports.made import Line, Made, Path


def leaves(data: Any, at: Path = ()) -> Iterator[Path]:
    """The places of all values that hold no others; an empty list or mapping is a value."""
    if isinstance(data, Mapping) and data:
        for name, value in data.items():
            yield from leaves(value, (*at, str(name)))
    elif isinstance(data, list) and data:
        for position, value in enumerate(data):
            yield from leaves(value, (*at, position))
    else:
        yield at


def unsaid(data: Any, lines: Iterable[Line]) -> Iterator[Path]:
    """The values of which neither a line of their own speaks nor one about everything around them."""
    exact, around = {line.path for line in lines}, {line.path for line in lines if line.whole}
    for path in leaves(data):
        if path not in exact and not any(path[:length] in around for length in range(1, len(path) + 1)):
            yield path


def say_the_rest(data: Any, made: Made) -> None:
    """A line for whatever has none: what is empty, and gaps in the import, which must not become gaps in the report."""
    for path in unsaid(data, list(made.lines)):
        value = data
        for part in path:
            value = value[part]
        if value is None or value in ({}, []):
            made.kept(path, "nothing is set there")
        else:
            made.lost(path, "the import does not know what it does; compare by hand")
