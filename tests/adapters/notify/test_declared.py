"""The operator's file: what it says, and what it is told where it is wrong."""

from pathlib import Path

import pytest

from croupier.adapters.notify import read_notifiers
from croupier.adapters.notify.declared import Format
from croupier.core.rollout.notices import Kind, Patience
from croupier.errors import Rejected

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

CHAT = """---
apiVersion: croupier/v1
kind: Notifier
metadata: {{name: {}}}
spec: {{format: slack, url: "https://b.example"}}
"""


def written(folder: Path, spec: str, name: str = "on-call", more: str = "") -> Path:
    (folder / "key").write_text(KEY)
    file = folder / "notifiers.yaml"
    head = f"apiVersion: croupier/v1\nkind: Notifier\nmetadata: {{name: {name}}}\nspec:\n"
    file.write_text(head + "".join(f"  {line}\n" for line in spec.splitlines()) + more)
    return file


def test_a_webhook_with_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_URL", "https://hooks.example/x")
    spec = "urlEnv: HOOK_URL\nsecretFile: key\ncaFile: ca.pem\nevents: [rollout.aborting, gate.blind]\n"
    spec += "services: [payments]\nblindAfter: 90s\nbudgetUsed: 0.5\ntimeout: 3"
    (found,) = read_notifiers(written(tmp_path, spec))
    assert found.address() == "https://hooks.example/x"
    assert found.ca_file == tmp_path / "ca.pem"
    assert found.secret is not None
    assert len(found.secret.keys()) == 1
    assert found.wants.kinds == {Kind.ABORTING, Kind.GATE_BLIND, Kind.TEST}
    assert found.wants.services == {"payments"}
    assert found.wants.patience == Patience(90.0, 0.5)
    assert found.timeout_s == 3.0


def test_a_chat_needs_no_more_than_its_address(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("https://hooks.slack.example/services/T/B/x\n")
    (found,) = read_notifiers(written(tmp_path, "format: slack\nurlFile: url"))
    assert (found.format, found.secret, found.wants.kinds) == (Format.SLACK, None, frozenset(Kind))
    assert found.address() == "https://hooks.slack.example/services/T/B/x"


def test_an_empty_file_declares_nobody(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("---\n")
    assert read_notifiers(tmp_path / "empty") == []


@pytest.mark.parametrize(
    "spec, why",
    [
        ("secretFile: key", "one of url, urlFile and urlEnv says where it is"),
        ("url: https://a.example\nurlEnv: X\nsecretFile: key", "one of url, urlFile and urlEnv"),
        ("url: https://a.example", "a webhook is signed: write secretFile or secretEnv"),
        ("url: https://a.example\nsecretFile: key\nsecretEnv: X", "exclude each other"),
        ("url: https://a.example\nsecretFile: none", "Notifier on-call: The secret cannot be read from"),
        ("url: https://a.example\nsecretEnv: NOT_SET_ANYWHERE", "the variable NOT_SET_ANYWHERE is empty"),
        ("url: https://a.example\nsecretFile: bad", "is no signing key"),
        ("url: https://a.example\nsecretFile: binary", "it is no text"),
        ("url: https://a.example\nsecretFile: key\nevents: [gate.blond]", "document 1: spec.events.0:"),
        ("url: https://a.example\nsecretFile: key\nblindAfter: soon", "no duration; write 90s, 5m or 1h"),
        ("url: https://a.example\nsecretFile: key\nblindAfter: 0", "spec.blindAfter"),
        ("url: https://a.example\nsecretFile: key\nretries: 3", "spec.retries"),
        ("url: [", "is no YAML"),
    ],
)
def test_mistakes_are_told_with_their_place(tmp_path: Path, spec: str, why: str) -> None:
    (tmp_path / "bad").write_text("whsec_c2hvcnQ=")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(Rejected) as refused:
        read_notifiers(written(tmp_path, spec))
    assert why in str(refused.value)
    assert "c2hvcnQ" not in str(refused.value)


def test_names_are_of_one(tmp_path: Path) -> None:
    more = CHAT.format("on-call")
    with pytest.raises(Rejected, match="document 2: there is another Notifier 'on-call'"):
        read_notifiers(written(tmp_path, "format: slack\nurl: https://a.example", more=more))


def test_files_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="cannot be read"):
        read_notifiers(tmp_path / "none")
    (tmp_path / "large").write_text("#" * 1_100_000)
    with pytest.raises(Rejected, match="more than"):
        read_notifiers(tmp_path / "large")
    (tmp_path / "many").write_text("".join(CHAT.format(f"n{number}") for number in range(51)))
    with pytest.raises(Rejected, match="51 Notifiers"):
        read_notifiers(tmp_path / "many")
