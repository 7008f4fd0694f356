"""JUnit reports, read: the tests that a command ran. Streamed, without entities and documents types of their own."""

import os
import stat
from pathlib import Path
from typing import Final
from xml.parsers import expat

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
    report = _Report()
    parser = expat.ParserCreate()
    parser.StartElementHandler = report.begin
    parser.EndElementHandler = report.end
    parser.StartDoctypeDeclHandler = report.refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise ValueError(f"{path.name} is no JUnit report: {error}") from None
    return tuple(report.found)


class _Report:
    def __init__(self) -> None:
        self.found: list[StepResult] = []
        self._case: tuple[str, float] | None = None
        self._outcome = Outcome.PASSED
        self._said = ""

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        if name == "testcase":
            owner, case = attributes.get("classname", ""), attributes.get("name", "?")
            self._case = f"{owner}.{case}".strip("."), _seconds(attributes.get("time", ""))
            self._outcome, self._said = Outcome.PASSED, ""
        elif self._case is not None and name in _OUTCOMES:
            self._outcome, self._said = _OUTCOMES[name], attributes.get("message", "")

    def end(self, name: str) -> None:
        if name == "testcase" and self._case is not None:
            self.found.append(StepResult(self._case[0], self._outcome, self._said, self._case[1]))
            self._case = None

    def refuse(self, *_: object) -> None:
        raise ValueError("a report has no document type of its own")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        return 0.0
    return seconds if 0.0 <= seconds < 1e9 else 0.0
