"""JUnit reports, read: the tests that a command ran.

By the standard library's parser, which fetches nothing, and without document types: all entities that could grow into
gigabytes are declared in one. Called by ``command``.
"""

import os
import stat
from pathlib import Path
from typing import Final, Never
from xml.etree import ElementTree as ET

from croupier.core.smoke import Outcome, StepResult

_LARGEST: Final = 10_000_000
_OUTCOMES: Final = {"failure": Outcome.FAILED, "error": Outcome.FAILED, "skipped": Outcome.SKIPPED}


def read_junit(folder: Path, name: str) -> tuple[StepResult, ...]:
    """Every test case of the file below the folder. Raises ``ValueError`` where there is no such report."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ValueError(f"{name} leads out of the check's own folder")
    try:
        # Whoever opens a pipe waits for a writer, who may never come.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ValueError(f"{path.name} is no plain file")
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise ValueError(f"{path.name} cannot be read: {error.strerror}") from None
    if len(data) > _LARGEST:
        raise ValueError(f"{path.name} has more than {_LARGEST} bytes")
    parser = ET.XMLParser(target=_Plain())  # noqa: S314 - what is dangerous in XML needs a document type
    try:
        report = ET.XML(data, parser)
    except ET.ParseError as error:
        raise ValueError(f"{path.name} is no JUnit report: {error}") from None
    return tuple(_step(case) for case in report.iter("testcase"))


class _Plain(ET.TreeBuilder):
    """What an element tree is made of, without a document type."""

    def doctype(self, *_: object) -> Never:
        raise ValueError("a report has no document type of its own")


def _step(case: ET.Element) -> StepResult:
    name = f"{case.get('classname', '')}.{case.get('name', '?')}".strip(".")
    told = next((part for part in case if part.tag in _OUTCOMES), None)
    seconds = _seconds(case.get("time", ""))
    if told is None:
        return StepResult(name, Outcome.PASSED, "", seconds)
    first, _, _ = (told.text or "").strip().partition("\n")
    return StepResult(name, _OUTCOMES[told.tag], told.get("message") or first, seconds)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        return 0.0
    return seconds if 0.0 <= seconds < 1e9 else 0.0
