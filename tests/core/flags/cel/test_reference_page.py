"""Every example of docs/reference/rules.md does what the page says."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from croupier.core.flags import cel
from croupier.core.flags.cel.errors import CelError
from croupier.core.flags.cel.signatures import SIGNATURES

PAGE = (Path(__file__).parents[4] / "docs/reference/rules.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
CONTEXT: dict[str, Any] = json.loads([text for language, text in BLOCKS if language == "json"][1])
EXAMPLES = [
    re.fullmatch(r"(.*?\S) +// (true|false|undecided: .*|column \d+: .*|warning, column \d+: .*)", line)
    for language, text in BLOCKS
    if language == "cel"
    for line in text.splitlines()
]
TYPES = {"market": cel.Type.STRING, "deposits": cel.Type.INT}


def now() -> float:
    return datetime(2026, 11, 22, 8, 30, tzinfo=UTC).timestamp()


def outcome(text: str, said: str) -> str:
    try:
        node = cel.parse(text)
    except CelError as error:
        return str(error)
    if said.startswith("warning"):
        return f"warning, column {(doubt := cel.check(node, TYPES)[0]).column}: {doubt.message}"
    try:
        return "true" if cel.compile_condition(node, now=now)(CONTEXT) else "false"
    except Exception:  # noqa: BLE001 - any means undecided
        return f"undecided: {cel.why(node, CONTEXT, now=now)}"


@pytest.mark.parametrize("example", EXAMPLES, ids=[example[1] if example else "unread" for example in EXAMPLES])
def test_examples(example: re.Match[str]) -> None:
    text, said = example.groups()
    assert outcome(text, said) == said


def test_every_line_was_read() -> None:
    assert len(EXAMPLES) > 50
    assert all(EXAMPLES)


def test_every_function_is_described() -> None:
    assert {name for name in SIGNATURES if f"`{name}" not in PAGE and f".{name}(" not in PAGE} == set()
