"""A set of documents that belong together: read from files, a text or API objects, checked one by one and among each
other.

The entry points of this package; the CLI and the server call them.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any, Final

from croupier.adapters.manifests.bare import MAX_FLAGS, bare_flags, marks_in, spans
from croupier.adapters.manifests.documents import Read, read_document
from croupier.adapters.manifests.files import MAX_FILE_BYTES, read_sources
from croupier.adapters.manifests.flags import FlagDraft, PresetDraft, advice, is_bare
from croupier.adapters.manifests.located import Complaint, Located, Mark, Path, Severity
from croupier.adapters.manifests.references import Dangling, Item, unresolved
from croupier.adapters.manifests.release import ReleaseDraft
from croupier.adapters.manifests.tree import MAX_DEPTH, MAX_DOCUMENTS, MAX_VALUES, parse_trees
from croupier.control.ports import Document
from croupier.errors import Problem, Rejected

_TOP = Mark(1, 1, 1, 1)

_FLAG_VALUES: Final = 100
"""Values that there may be more for each flag of a request."""
_MOST_MARKED: Final = 100
"""So many flags of a file get the lines of their mistakes looked up."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """What was read.

    Documents, releases, flags and presets are without errors of their own; with ``errors`` nothing should be applied.
    ``foreign`` are JSON files below a named directory that hold no document of ours.
    """

    documents: tuple[Document, ...]
    releases: tuple[ReleaseDraft, ...]
    problems: tuple[Located, ...]
    foreign: tuple[str, ...] = ()
    flags: tuple[FlagDraft, ...] = ()
    presets: tuple[PresetDraft, ...] = ()

    @property
    def items(self) -> tuple[Item, ...]:
        """Everything together, for export and sending."""
        return (*self.documents, *self.releases, *self.flags, *self.presets)

    @property
    def errors(self) -> tuple[Located, ...]:
        return tuple(found for found in self.problems if found.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Located, ...]:
        return tuple(found for found in self.problems if found.severity is Severity.WARNING)

    def require_clean(self) -> None:
        """Raises ``Rejected`` with every error, if there is one."""
        errors = self.errors
        if errors:
            many = f" and {len(errors) - 1} more" if len(errors) > 1 else ""
            raise Rejected(f"{errors[0]}{many}", problems=tuple(found.problem for found in errors))


def read_paths(
    paths: Iterable[FilePath | str], known: Iterable[Document] | None = (), *, partial: bool = False
) -> Bundle:
    """Read files and directories (everything below them that ends in .yaml, .yml or .json).

    ``known`` are documents that the control plane has already, for references to them; ``None`` leaves references
    unchecked, since the server will check them. ``partial``: the files may refer to kinds of which they hold nothing;
    that is a warning. So is what flags say but rarely mean. Never raises for what is in the files.
    """
    reading = _Reading(advised_at=time.time())
    foreign: list[str] = []
    for source in read_sources(FilePath(path) for path in paths):
        if source.foreign:
            foreign.append(source.file)
        if source.problem is not None:
            reading.refuse(source.problem)
        if source.text is not None:
            reading.take_text(source.text, source.file)
    bundle = replace(reading.finish(known, partial=partial), foreign=tuple(foreign))
    if foreign and not bundle.items and not bundle.problems:
        message = "no document of Croupier's: no apiVersion: croupier/v1, no feature."
        nothing = Located(foreign[0], 0, 0, Problem(message, hint="Name other files."))
        return replace(bundle, problems=(nothing,))
    return bundle


def parse_text(text: str, name: str = "<text>", known: Iterable[Document] | None = ()) -> Bundle:
    """Read the documents of one text; ``name`` stands for the file in problems."""
    reading = _Reading()
    reading.take_text(text, name)
    return reading.finish(known)


def parse_objects(
    objects: Sequence[Any],
    known: Iterable[Document] | None = (),
    *,
    at: tuple[str | int, ...] = (),
    partial: bool = False,
) -> Bundle:
    """Read documents from JSON data, as the API gets them.

    Problems have no file; their paths start with ``at`` and the index. ``partial`` is that of ``read_paths``.
    """
    reading = _Reading()
    bare = sum(map(is_bare, objects))
    if len(objects) - bare > MAX_DOCUMENTS or bare > MAX_FLAGS:
        reading.refuse(Located("", 0, 0, Problem(f"at most {MAX_DOCUMENTS} documents at a time.", at, "Send fewer.")))
        return reading.finish(known, partial=partial)
    room = MAX_VALUES + bare * _FLAG_VALUES
    for index, data in enumerate(objects):
        room -= _size(data, room)
        if room < 0:
            limit = (
                f"a document is nested more than {MAX_DEPTH} levels deep, or there are more than {MAX_VALUES} values."
            )
            reading.refuse(Located("", 0, 0, Problem(limit, (*at, index), "Send less at a time.")))
            break
        reading.take(data, {}, "", (*at, index))
    return reading.finish(known, partial=partial)


def to_objects(document: Item) -> dict[str, Any]:
    """The document as it was written, for export; reading it again gives the same digest."""
    return dict(document.source)


@dataclass(frozen=True, slots=True)
class _Origin:
    file: str
    marks: Mapping[Path, Mark]
    prefix: tuple[str | int, ...]

    def locate(self, complaint: Complaint) -> Located:
        problem = complaint.problem
        if not self.marks:
            moved = Problem(problem.message, (*self.prefix, *problem.path), problem.hint)
            return Located(self.file, 0, 0, moved, complaint.severity)
        mark, whole = _TOP, False
        for length in range(len(problem.path), -1, -1):
            if problem.path[:length] in self.marks:
                mark, whole = self.marks[problem.path[:length]], length == len(problem.path)
                break
        key = complaint.at_key and whole
        line, column = (mark.key_line, mark.key_column) if key else (mark.line, mark.column)
        return Located(self.file, line, column, problem, complaint.severity)


class _Reading:
    """Collects what is read, then looks at all of it together. Flags get advice, too, if it is told the time; the
    control plane gives its own.
    """

    def __init__(self, advised_at: float | None = None) -> None:
        self._advised_at = advised_at
        self._items: list[tuple[Item | None, _Origin]] = []
        self._problems: list[Located] = []
        self._claimed: set[tuple[str, str]] = set()

    def refuse(self, problem: Located) -> None:
        self._problems.append(problem)

    def take_text(self, text: str, file: str) -> None:
        flags = bare_flags(text)
        if flags is not None:
            self._take_flags(flags, text, file)
            return
        if len(text) > MAX_FILE_BYTES:
            large = Problem(f"the text is too large ({len(text):,} characters; at most 1 MiB).", hint="Split it.")
            self.refuse(Located(file, 0, 0, large))
            return
        trees, problems = parse_trees(text, file)
        self._problems += problems
        # An empty document between or after separators is a habit, not a mistake; an empty file is one.
        filled = [tree for tree in trees if tree.data is not None]
        if not filled and not problems:
            hint = "Write a document, or remove the file."
            self.refuse(Located(file, 1, 1, Problem("the file is empty.", hint=hint)))
        for tree in filled:
            if len(self._items) == MAX_DOCUMENTS:
                message = f"there are more than {MAX_DOCUMENTS} documents, as many as are taken at a time."
                self.refuse(Located(file, 0, 0, Problem(message, hint="Name fewer files.")))
                return
            if isinstance(tree.data, list) and tree.data and all(map(is_bare, tree.data)):
                for data, marks in zip(tree.data, _by_item(tree.marks, len(tree.data)), strict=True):
                    self.take(data, marks, file, ())
            else:
                self.take(tree.data, tree.marks, file, ())

    def _take_flags(self, flags: list[dict[str, Any]], text: str, file: str) -> None:
        """A file of flags, maybe very many: places are looked up only where something is wrong."""
        if len(flags) > MAX_FLAGS:
            problem = Problem(f"there are {len(flags)} flags, at most {MAX_FLAGS} are taken.", hint="Name fewer.")
            self.refuse(Located(file, 0, 0, problem))
            return
        wrong = 0
        places: list[tuple[int, int]] = []
        for index, data in enumerate(flags):
            read = self._read(data, {})
            marks: Mapping[Path, Mark] = {}
            if read.complaints and wrong < _MOST_MARKED:
                wrong, places = wrong + 1, places or spans(text)
                marks = marks_in(text, places[index])
            prefix = () if marks or len(flags) == 1 else (index,)
            self._keep(read, _Origin(file, marks, prefix))

    def take(self, data: Any, marks: Mapping[Path, Mark], file: str, prefix: tuple[str | int, ...]) -> None:
        self._keep(self._read(data, marks), _Origin(file, marks, prefix))

    def _read(self, data: Any, marks: Mapping[Path, Mark]) -> Read:
        read = read_document(data, marks)
        if self._advised_at is None or not isinstance(read.item, FlagDraft):
            return read
        return replace(read, complaints=(*read.complaints, *advice(read.item, self._advised_at)))

    def _keep(self, read: Read, origin: _Origin) -> None:
        self._items.append((read.item, origin))
        if read.claims is not None:
            self._claimed.add(read.claims)
        self._problems += [origin.locate(complaint) for complaint in read.complaints]

    def finish(self, known: Iterable[Document] | None, *, partial: bool = False) -> Bundle:
        items = [item for item, _ in self._items]
        if known is not None:
            for dangling in unresolved(items, known, frozenset(self._claimed), partial=partial):
                self._problems.append(self._located(dangling))
        return Bundle(
            tuple(item for item in items if isinstance(item, Document)),
            tuple(item for item in items if isinstance(item, ReleaseDraft)),
            tuple(dict.fromkeys(sorted(self._problems, key=_order))),
            flags=tuple(item for item in items if isinstance(item, FlagDraft)),
            presets=tuple(item for item in items if isinstance(item, PresetDraft)),
        )

    def _located(self, dangling: Dangling) -> Located:
        problem = dangling.problem
        if dangling.first is not None:
            first = self._items[dangling.first][1].locate(Complaint(Problem("", problem.path)))
            place = f"{first.file}:{first.line}" if first.line else first.problem.field
            problem = replace(problem, hint=f"{problem.hint} The first is {place}.")
        return self._items[dangling.index][1].locate(Complaint(problem, severity=dangling.severity))


def _by_item(marks: Mapping[Path, Mark], count: int) -> list[dict[Path, Mark]]:
    """The marks of a list's items, each by itself."""
    found: list[dict[Path, Mark]] = [{} for _ in range(count)]
    for path, mark in marks.items():
        if path and isinstance(path[0], int):
            found[path[0]][path[1:]] = mark
    return found


def _order(found: Located) -> tuple[str, int, int]:
    return found.file, found.line, found.column


def _size(data: Any, room: int) -> int:
    """Values in the data; more than ``room`` when there are too many or they are nested too deep."""
    count = 0
    todo = [(data, 0)]
    while todo:
        value, depth = todo.pop()
        count += 1
        if depth > MAX_DEPTH or count > room:
            return room + 1
        if isinstance(value, dict):
            todo += [(item, depth + 1) for item in value.values()]
        elif isinstance(value, list):
            todo += [(item, depth + 1) for item in value]
    return count
