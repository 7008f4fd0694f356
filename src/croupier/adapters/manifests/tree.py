"""From text to plain data with a mark for every value: YAML 1.2 (and JSON, which is YAML) within limits.

Works on the parser's events, so that nothing is built that is over a limit: nesting, number of values, aliases
expanded. No tags, no classes, no code. Called by the readers of files and of texts.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import StringIO
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from croupier.adapters.manifests.core_schema import resolved
from croupier.adapters.manifests.located import Located, Mark, Path
from croupier.errors import Problem

MAX_DEPTH: Final = 40
MAX_VALUES: Final = 50_000
"""Values in one file, aliases expanded."""
MAX_DOCUMENTS: Final = 1_000
"""Documents at a time: in a file, in a set of files, in a request. What validates is not too much to apply."""

_PLAIN_TAGS: Final = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")


@dataclass(frozen=True, slots=True)
class Tree:
    """One document: its data (dict, list, str, int, float, bool, None) and the marks by path."""

    data: Any
    marks: dict[Path, Mark]


class _Stop(Exception):
    """The rest of the file cannot be read."""

    def __init__(self, line: int, column: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.line, self.column, self.problem = line, column, Problem(message, hint=hint)


def parse_trees(text: str, file: str) -> tuple[list[Tree], list[Located]]:
    """The documents of a text and what is wrong with its YAML.

    A broken document ends the reading; those before it are kept.
    """
    trees: list[Tree] = []
    problems: list[Located] = []
    try:
        _refuse_control_characters(text)
        for tree, mistakes in _Builder(text).documents():
            trees.append(tree)
            problems += [Located(file, line, column, problem) for line, column, problem in mistakes]
    except _Stop as stop:
        problems.append(Located(file, stop.line, stop.column, stop.problem))
    return trees, problems


def _refuse_control_characters(text: str) -> None:
    for number, line in enumerate(text.split("\n"), 1):
        if found := re.search(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]", line.removesuffix("\r")):
            name = "NUL" if found[0] == "\0" else f"U+{ord(found[0]):04X}"
            raise _Stop(number, found.start() + 1, f"the character {name} is not allowed in a file.", "Remove it.")


@dataclass(slots=True)
class _Node:
    """A value in the making: a scalar, a list of nodes, or pairs.

    ``size`` counts the values in it and ``height`` the levels below it, aliases expanded.
    """

    value: Any
    line: int
    column: int
    written: str = ""
    size: int = 1
    height: int = 0
    open: bool = False


@dataclass(slots=True)
class _Pair:
    key: str
    key_line: int
    key_column: int
    node: _Node


@dataclass(slots=True)
class _Open:
    """A collection whose end has not been read; ``key`` is the key that waits for its value."""

    node: _Node
    key: tuple[str, int, int] | None = None
    seen: dict[str, int] = field(default_factory=dict)
    skips: bool = False


class _Builder:
    """Turns the events of one text into trees."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._values = 0

    def documents(self) -> Iterator[tuple[Tree, list[tuple[int, int, Problem]]]]:
        count = 0
        for event in self._events():
            if isinstance(event, DocumentStartEvent):
                count += 1
                if count > MAX_DOCUMENTS:
                    raise _at(event, f"a file holds at most {MAX_DOCUMENTS} documents.", "Split it.")
                self._anchors: dict[str, _Node] = {}
                self._stack: list[_Open] = []
                self._root: _Node | None = None
                self._mistakes: list[tuple[int, int, Problem]] = []
            elif isinstance(event, DocumentEndEvent):
                root = self._root or _Node(None, _line(event), _column(event))
                marks: dict[Path, Mark] = {}
                data = _plain(root, (), (root.line, root.column), marks)
                yield Tree(data, marks), self._mistakes
            else:
                self._take(event)

    def _events(self) -> Iterator[Event]:
        parser = YAML(typ="safe", pure=True)
        try:
            yield from parser.parse(StringIO(self._text))
        except MarkedYAMLError as error:
            raise _syntax(error, self._text) from None
        except (YAMLError, ValueError, AssertionError, IndexError) as error:
            raise _Stop(1, 1, f"this is no YAML: {str(error).splitlines()[0] if str(error) else error!r}.") from None

    def _take(self, event: Event) -> None:
        match event:
            case ScalarEvent():
                self._add(self._scalar(event), event)
            case AliasEvent():
                self._add(self._alias(event), event)
            case MappingStartEvent() | SequenceStartEvent():
                self._begin(event)
            case MappingEndEvent() | SequenceEndEvent():
                done = self._stack.pop().node
                done.open = False
                if self._stack:
                    parent = self._stack[-1].node
                    parent.size += done.size
                    parent.height = max(parent.height, done.height + 1)
            case _:
                pass

    def _begin(self, event: MappingStartEvent | SequenceStartEvent) -> None:
        _refuse_tag(event)
        node = _Node([], _line(event), _column(event), open=True)
        node.written = "{" if isinstance(event, MappingStartEvent) else "["
        self._add(node, event)
        if event.anchor:
            self._anchors[event.anchor] = node
        self._stack.append(_Open(node))

    def _alias(self, event: AliasEvent) -> _Node:
        target = self._anchors.get(event.anchor)
        if target is None:
            raise _at(event, f"there is no anchor '&{event.anchor}' before this alias.", "Define it above.")
        if target.open:
            raise _at(
                event, f"the alias '*{event.anchor}' contains itself: a cyclic reference.", "Write the value out."
            )
        return _Node(target.value, target.line, target.column, target.written, target.size, target.height)

    def _scalar(self, event: ScalarEvent) -> _Node:
        _refuse_tag(event)
        try:  # JSON writes characters beyond U+FFFF as two halves
            text = str(event.value).encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            raise _at(
                event, "this text holds half of a character (a lone surrogate).", "Write the whole character."
            ) from None
        plain = event.style is None and event.tag is None
        node = _Node(resolved(text) if plain else text, _line(event), _column(event), text if plain else "")
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _add(self, node: _Node, event: Event) -> None:
        self._values += node.size
        if self._values > MAX_VALUES:
            raise _at(
                event,
                f"this file holds more than {MAX_VALUES} values, aliases included.",
                "Split it, or use fewer aliases.",
            )
        if len(self._stack) + node.height > MAX_DEPTH:
            raise _at(event, f"this is nested more than {MAX_DEPTH} levels deep.", "No Croupier document needs that.")
        if not self._stack:
            self._root = node
            return
        parent = self._stack[-1]
        if parent.node.written == "[":
            parent.node.value.append(node)
        elif parent.key is None:
            parent.key = self._key(node, event, parent)
        else:
            key, line, column = parent.key
            parent.key = None
            if not parent.skips:
                parent.node.value.append(_Pair(key, line, column, node))
        if not node.open:
            parent.node.size += node.size
            parent.node.height = max(parent.node.height, node.height + 1)

    def _key(self, node: _Node, event: Event, parent: _Open) -> tuple[str, int, int]:
        line, column = _line(event), _column(event)
        parent.skips = True
        if node.written in ("{", "[") and not isinstance(node.value, str):
            raise _at(event, "a key must be text, found a list or a mapping.", "Is a '{' or a '[' unquoted?")
        if not isinstance(node.value, str):
            self._mistakes.append(
                (
                    line,
                    column,
                    Problem(
                        f"a key must be text, found {node.written[:60] or 'nothing'}.", hint=f'Write "{node.written}":.'
                    ),
                )
            )
        elif node.value in parent.seen:
            self._mistakes.append(
                (
                    line,
                    column,
                    Problem(
                        f"'{node.value[:60]}' is written twice; the first is in line {parent.seen[node.value]}.",
                        hint="Remove one.",
                    ),
                )
            )
        else:
            parent.skips = False
            parent.seen[node.value] = line
        return str(node.value), line, column


def _plain(node: _Node, path: Path, key: tuple[int, int], marks: dict[Path, Mark]) -> Any:
    """Plain data from the nodes, noting a mark for each value. Depth and size were limited while reading."""
    collection = isinstance(node.value, list)
    marks[path] = Mark(node.line, node.column, key[0], key[1], "" if collection else node.written)
    if not collection:
        return node.value
    if node.written == "[":
        return [_plain(item, (*path, index), (item.line, item.column), marks) for index, item in enumerate(node.value)]
    merged = {pair.key: pair for pair in _merged(node)}
    return {
        name: _plain(pair.node, (*path, name), (pair.key_line, pair.key_column), marks) for name, pair in merged.items()
    }


def _merged(node: _Node) -> Iterator[_Pair]:
    """The pairs of a mapping, those of merged mappings (``<<: *base``) first, so that its own win."""
    merges = [pair for pair in node.value if pair.key == "<<" and _is_merge(pair.node)]
    for pair in merges:
        sources = [pair.node] if pair.node.written == "{" else reversed(pair.node.value)
        for source in sources:
            yield from _merged(source)
    yield from (pair for pair in node.value if pair not in merges)


def _is_merge(node: _Node) -> bool:
    """Whether it is a mapping or a list of mappings; anything else below ``<<`` is an ordinary value."""
    if not isinstance(node.value, list):
        return False
    return node.written == "{" or all(item.written == "{" and isinstance(item.value, list) for item in node.value)


def _refuse_tag(event: ScalarEvent | MappingStartEvent | SequenceStartEvent) -> None:
    tag = None if event.tag is None else str(event.tag)
    if tag is not None and tag not in _PLAIN_TAGS:
        shown = tag.replace("tag:yaml.org,2002:", "!!")
        raise _at(event, f"the tag {json.dumps(shown)} is not allowed.", "Write plain values.")


def _line(event: Event) -> int:
    return int(event.start_mark.line) + 1


def _column(event: Event) -> int:
    return int(event.start_mark.column) + 1


def _at(event: Event, message: str, hint: str = "") -> _Stop:
    return _Stop(_line(event), _column(event), message, hint)


def _syntax(error: MarkedYAMLError, text: str) -> _Stop:
    """The parser's complaint in plain words."""
    mark = error.problem_mark or error.context_mark
    line, column = (int(mark.line) + 1, int(mark.column) + 1) if mark else (1, 1)
    lines = text.split("\n")
    here = lines[line - 1] if line <= len(lines) else ""
    problem = str(error.problem or error)
    if "'\\t'" in problem or (here[: column - 1].strip() == "" and here[column - 1 : column] == "\t"):
        return _Stop(line, column, "YAML does not allow a tab here.", "Indent with spaces.")
    if "mapping values are not allowed" in problem:
        return _Stop(
            line,
            column,
            "a second ':' in one line, or wrong indentation.",
            "Put the text in quotes, or indent the key.",
        )
    if "unexpected end of stream" in problem and error.context_mark is not None:
        start = error.context_mark
        return _Stop(
            int(start.line) + 1, int(start.column) + 1, "the quote that opens here is never closed.", "Close it."
        )
    context = (
        f" ({error.context} that starts in line {error.context_mark.line + 1})"
        if error.context_mark and error.context
        else ""
    )
    return _Stop(line, column, f"this is no YAML: {problem}{context}.", "Check brackets, quotes and indentation.")
