"""Another tool's files as Kubernetes' own tools read them: lists of documents one by one, and YAML 1.1's switches.
Called by ``manifests``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from croupier.adapters.manifests.located import Located, Mark

Place: TypeAlias = tuple[str | int, ...]

_OF_KUBERNETES: Final = re.compile(rb'"apiVersion"\s*:')
"""What a JSON file has somewhere, or it is passed over below a directory."""
_SWITCHES: Final = {
    word: meant
    for meant, words in ((True, ("yes", "on")), (False, ("no", "off")))
    for each in words
    for word in (each, each.upper(), each.capitalize())
}


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file; ``at`` is where it stands in a list of documents, to which the marks belong."""

    file: str
    marks: "Mapping[Place, Mark]"
    at: Place
    data: Any


def documents_of(files: list[Path]) -> tuple[list[Document], "list[Located]"]:
    """What is in the files, and every mistake of their YAML."""
    from croupier.adapters.imports.kubernetes import unfolded
    from croupier.adapters.manifests.files import read_sources
    from croupier.adapters.manifests.tree import parse_trees

    found: list[Document] = []
    problems: list[Located] = []
    for source in read_sources(files, ours=_OF_KUBERNETES):
        problems += [source.problem] if source.problem is not None else []
        read, wrong = parse_trees(source.text, source.file) if source.text is not None else ([], [])
        problems += wrong
        for tree in read:
            data = _with_switches(tree.data, tree.marks)
            items = unfolded(data) if data is not None else []
            found += (Document(source.file, tree.marks, at, item) for at, item in items)
    return found, problems


def _with_switches(data: Any, marks: "Mapping[Place, Mark]", at: Place = ()) -> Any:
    """The data with ``yes``, ``no``, ``on`` and ``off``, where they stand without quotes, as true and false."""
    if isinstance(data, dict):
        return {name: _with_switches(value, marks, (*at, name)) for name, value in data.items()}
    if isinstance(data, list):
        return [_with_switches(value, marks, (*at, position)) for position, value in enumerate(data)]
    if isinstance(data, str) and data in _SWITCHES and marks[at].written == data:
        return _SWITCHES[data]
    return data
