"""Nothing is dropped in silence, and nothing is said twice: every value of a document has one line of the report.
Called for every import.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from croupier.adapters.imports.made import Became, Line, Made, Path


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
    """The values of which neither a line of their own speaks nor one about everything around them. Remarks do not."""
    around = {line.path for line in lines if line.whole}
    for path in leaves(data):
        if not any(path[:length] in around for length in range(1, len(path) + 1)):
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


_WORST: Final = (Became.IMPOSSIBLE, Became.CHANGED, Became.KEPT, Became.NOT_NEEDED)


def say_once(made: Made) -> None:
    """One line for lines about the same values: where the outermost of them stands, with all that there is to say."""
    outermost: dict[Path, list[Line]] = {}
    whole = {line.path for line in made.lines if line.whole}
    for line in made.lines:
        around = (line.path[:length] for length in range(1, len(line.path)))
        path = next((each for each in around if each in whole), line.path) if line.whole else line.path
        outermost.setdefault(path, []).extend([line] if line.whole else [])
    said = {path: _joined(path, lines) for path, lines in outermost.items() if lines}
    remarks = [line for line in made.lines if not line.whole]
    made.lines[:] = [*said.values(), *remarks]


def _joined(path: Path, lines: list[Line]) -> Line:
    fate = min((line.fate for line in lines), key=_WORST.index)
    told = [line.text for line in lines if fate is not Became.IMPOSSIBLE or line.fate is not Became.KEPT]
    return Line(path, fate, "; ".join(dict.fromkeys(told)))
