"""Receivers of notices over HTTP: signed webhooks, and chats that read Slack's format; declared in a file."""

from croupier.adapters.notify.declared import Declared, read_notifiers, unencrypted
from croupier.adapters.notify.webhook import Webhook

__all__ = ["Declared", "Webhook", "read_notifiers", "unencrypted"]
