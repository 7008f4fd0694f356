"""The operator's file: what it says, and what it is told where it is wrong."""

from pathlib import Path

import pytest

from croupier.adapters.notify import read_notifiers, unencrypted
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
        (
            "url: https://a.example\nsecretFile: none",
            "notifiers.yaml:6:3 spec.secretFile: The secret cannot be read from",
        ),
        ("url: https://a.example\nsecretEnv: NOT_SET_ANYWHERE", "the variable NOT_SET_ANYWHERE is empty"),
        ("url: https://a.example\nsecretFile: bad", "is no signing key"),
        ("url: https://a.example\nsecretFile: binary", "it is no text"),
        ('url: https://a.example\nsecretFile: "a\\0b"', "spec.secretFile: The secret cannot be read from"),
        ("url: https://a.example\nsecretEnv: ''", "a webhook is signed: write secretFile or secretEnv"),
        ("url: ''\nsecretFile: key", "there is none. Write url: https://"),
        (
            "url: https://a.example\nsecretFile: key\nevents: [gate.blond]",
            "notifiers.yaml:7:12 spec.events[0]: there is no such event; did you mean 'gate.blind'? Known are rollout.",
        ),
        (
            "url: https://a.example\nsecretFile: key\nblindAfter: soon",
            ":7:3 spec.blindAfter: this is no duration. Write for example blindAfter: 5m",
        ),
        ("url: https://a.example\nsecretFile: key\nblindAfter: 0", "spec.blindAfter"),
        (
            "url: https://a.example\nsecretFile: key\nretries: 3",
            ":7:3 spec.retries: unknown field 'retries'. Known here: format, url, ",
        ),
        ("url: https://a.example\nsecretFile: key\nblindafter: 5m", "did you mean 'blindAfter'?"),
        ("format: pager\nurl: https://a.example\nsecretFile: key", ":5:3 spec.format: there is no such format."),
        ("url: https://a.example\nsecretFile: key\nevents: []", ":7:3 spec.events: "),
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
    with pytest.raises(
        Rejected,
        match=r"notifiers.yaml:10:12 metadata.name: there is another Notifier 'on-call'. Give it another name.",
    ):
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


def test_all_mistakes_of_all_documents_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY)
    file = tmp_path / "notifiers.yaml"
    file.write_text(
        "# who is told\n"
        "---\n"
        "---\n"
        "apiVersion: croupier/v1\n"
        "kind: Notifier\n"
        "metadata: {name: On Call}\n"
        "spec:\n"
        "  url: https://a.example\n"
        "  events: [gate.failed, gate.blond]\n"
        "---\n"
        "kind: Notifyer\n"
        "spec: {format: slack, urlFile: none, timeout: 90}\n"
        "---\n"
        "just words\n"
    )
    with pytest.raises(Rejected) as refused:
        read_notifiers(file)
    assert refused.value.message == "The notifiers have 8 mistakes."
    name = "Write for example name: on-call, of lower-case letters, digits and hyphens."
    key = "Write for example secretFile: on-call.key; a chat has none: format: slack."
    assert [str(problem).removeprefix(str(file)).split(" Known ")[0] for problem in refused.value.problems] == [
        f":6:12 metadata.name: this is no name. {name}",
        ":9:25 spec.events[1]: there is no such event; did you mean 'gate.blind'?",
        f":7:1 spec: a webhook is signed: write secretFile or secretEnv. {key}",
        ":11:1 apiVersion: 'apiVersion' is missing. Write apiVersion: croupier/v1.",
        ":11:1 kind: input should be 'Notifier'. Write kind: Notifier.",
        ":11:1 metadata: 'metadata' is missing. Write for example metadata: {name: on-call}.",
        ":12:38 spec.timeout: input should be less than or equal to 60. Write for example timeout: 10s; up to 60s.",
        ":14:1: expected a mapping. Start with apiVersion: croupier/v1.",
    ]


def test_nothing_that_may_be_a_secret_is_told(tmp_path: Path) -> None:
    with pytest.raises(Rejected) as refused:
        read_notifiers(
            written(tmp_path, f"url: [https://a.example/T0PS3CRET]\nsecretFile: {{k: {KEY}}}\nformat: {KEY}")
        )
    assert "T0PS3CRET" not in str(refused.value.problems)
    assert KEY not in str(refused.value.problems)


@pytest.mark.parametrize(
    "url, host",
    [
        ("http://alerts.internal/x", "alerts.internal"),
        ("http://10.0.0.7:9093/x", "10.0.0.7"),
        ("http://127.0.0.1:9093/x", None),
        ("http://[::1]/x", None),
        ("http://localhost/x", None),
        ("https://alerts.example/x", None),
        ("http://[", None),
    ],
)
def test_an_address_that_others_can_listen_in_on_is_found(tmp_path: Path, url: str, host: str | None) -> None:
    (found,) = read_notifiers(written(tmp_path, f"format: slack\nurl: '{url}'"))
    assert unencrypted(found) == host
