"""Samples in the documentation work: documents are read without a complaint, commands exist."""

import re
from pathlib import Path

import pytest

from croupier.adapters.manifests import parse_text

ROOT = Path(__file__).parents[2]
PAGES = sorted((*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), *(ROOT / "examples").glob("*/README.md")))
# Written from the command line itself, so there is nothing to compare.
GENERATED = ROOT / "docs/reference/cli.md"


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def documents() -> list[tuple[str, str]]:
    return [
        (f"{page.relative_to(ROOT)}#{number}", text)
        for page in PAGES
        for number, text in enumerate((*blocks(page, "yaml"), *blocks(page, "json")), start=1)
        if "apiVersion: croupier/" in text or text.startswith(('{"feature":', '{\n  "feature":'))
    ]


def commands() -> list[tuple[str, str]]:
    return [
        (str(page.relative_to(ROOT)), words)
        for page in PAGES
        if page != GENERATED
        for block in blocks(page, "(?:console|sh|shell|bash)")
        for words in re.findall(r"^(?:\$ )?(?:\.venv/bin/)?croupier ((?:[a-z-]+ ?)+)", block, flags=re.MULTILINE)
    ]


@pytest.mark.parametrize("place,text", documents(), ids=[place for place, _ in documents()])
def test_documents_are_read_without_complaint(place: str, text: str) -> None:
    # References may lead to documents that the page does not show.
    assert parse_text(text, place, known=None).errors == ()


def test_documents_were_found() -> None:
    assert documents(), "no sample was found; does the pattern still fit the pages?"


def hinted() -> list[tuple[str, str]]:
    """Commands that messages of ours tell people to run: ``See: croupier rollout list``, ``'croupier serve'``."""
    return [
        (str(path.relative_to(ROOT)), words)
        for path in sorted((ROOT / "src").rglob("*.py"))
        for words in re.findall(r"(?:['`]|: )croupier ([a-z]+(?: [a-z]+)?)", path.read_text())
    ]


def test_hints_were_found() -> None:
    assert hinted(), "no hint was found; does the pattern still fit the messages?"


@pytest.mark.parametrize("place,words", [*commands(), *hinted()])
def test_commands_exist(place: str, words: str) -> None:
    import typer.main

    from croupier.cli.app import app

    command = typer.main.get_command(app)
    for word in words.split():
        inner = getattr(command, "commands", None)
        if inner is None:
            return
        assert word in inner, f"{place} names `croupier {words.strip()}`"
        command = inner[word]
