"""Notices as receivers read them: JSON signed as standard-webhooks.com has it, or the text of a chat. Pure."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from croupier.core.rollout.notices import Kind, Notice

_LONGEST: Final = 2_000
"""Characters of a sentence: chats cut what is longer, and receivers are not to be flooded."""
_MARKS: Final[Mapping[Kind, str]] = {
    Kind.STARTED: ":arrow_forward:",
    Kind.PROMOTED: ":white_check_mark:",
    Kind.PAUSED: ":double_vertical_bar:",
    Kind.WAITING: ":raised_hand:",
    Kind.RESUMED: ":arrow_forward:",
    Kind.APPROVED: ":white_check_mark:",
    Kind.ABORTING: ":rotating_light:",
    Kind.ABORTED: ":leftwards_arrow_with_hook:",
    Kind.SUPERSEDED: ":fast_forward:",
    Kind.FROZEN: ":snowflake:",
    Kind.OVERRIDDEN: ":warning:",
    Kind.ACTED: ":no_entry_sign:",
    Kind.RELEASED: ":arrow_forward:",
    Kind.GATE_FAILED: ":red_circle:",
    Kind.GATE_BLIND: ":see_no_evil:",
    Kind.GATE_SEES: ":eyes:",
    Kind.GATE_BUDGET: ":warning:",
    Kind.TEST: ":bell:",
}


def as_json(notice: Notice) -> bytes:
    """The body of a webhook: type, time, and what it is about."""
    data = {
        "id": notice.id,
        "summary": _cut(notice.summary),
        "service": notice.service,
        "rollout": notice.rollout,
        "version": notice.version,
        "stable": notice.stable,
        "gate": notice.gate,
        "actor": notice.actor,
        "reason": _cut(notice.reason),
    }
    whole = {"type": notice.kind.value, "timestamp": _moment(notice.at), "data": data}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def as_chat(notice: Notice) -> bytes:
    """The body for an incoming webhook of Slack and of chats that speak like it (Mattermost, Rocket.Chat)."""
    words = _plain(_cut(notice.summary))
    by = f" (by {_plain(notice.actor)})" if notice.actor not in ("", "croupier") else ""
    return json.dumps({"text": f"{_MARKS[notice.kind]} {words}{by}"}, ensure_ascii=False).encode("utf-8", "replace")


def signed(notice: str, at: int, body: bytes, keys: Iterable[bytes]) -> dict[str, str]:
    """The headers that prove who sent it and when (``at``, epoch seconds): receivers refuse what is minutes old, and
    what they know by its id. One signature for each key.
    """
    content = b".".join((notice.encode(), str(at).encode(), body))
    digests = (base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode() for key in keys)
    named = {"webhook-id": notice, "webhook-timestamp": str(at)}
    signatures = " ".join(f"v1,{digest}" for digest in digests)
    return {**named, "webhook-signature": signatures} if signatures else named


def _plain(text: str) -> str:
    """Without what a chat would take for a mention or a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
