"""Receivers of alerts on the command line, where there are none: what to do about it is said."""

from typing import Any


def test_nobody_is_told(plane: Any, cli: Any) -> None:
    listed = cli("notifier", "list")
    assert listed.code == 0
    assert "CROUPIER_NOTIFIERS_FILE" in listed.err
    assert cli("notifier", "list", "--json").json == []
    missing = cli("notifier", "test", "on-call")
    assert missing.code == 3
    assert "There is no notifier 'on-call'." in missing.err
