"""Samples in the documentation work: documents are read without a complaint, commands exist."""

import base64
import re
import time
from pathlib import Path
from typing import Any

import pytest

from croupier.adapters.manifests import parse_text
from croupier.adapters.notify import read_notifiers
from croupier.adapters.notify.messages import signed

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
        if ("apiVersion: croupier/" in text and "kind: Notifier" not in text)
        or text.startswith(('{"feature":', '{\n  "feature":'))
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


def test_notifiers_are_read_without_complaint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those stand in a file of their own."""
    (text,) = [text for page in PAGES for text in blocks(page, "yaml") if "kind: Notifier" in text]
    (tmp_path / "notifiers.yaml").write_text(text)
    (tmp_path / "on-call.key").write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    monkeypatch.setenv("CHAT_WEBHOOK_URL", "https://chat.example/x")
    assert [one.name for one in read_notifiers(tmp_path / "notifiers.yaml")] == ["on-call", "chat"]


def test_the_verification_of_webhooks_works() -> None:
    page = ROOT / "docs/how-to/get-alerts.md"
    (code,) = blocks(page, "python")
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - a sample of ours
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"type": "test"}'
    key = base64.b64decode(secret.removeprefix("whsec_"))
    for age, fits in ((0, True), (600, False)):
        headers = signed("msg_1", int(time.time()) - age, body, [b"o" * 32, key])
        assert names["verified"](secret, headers, body) is fits
        assert not names["verified"](secret, headers, body + b" ")


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
