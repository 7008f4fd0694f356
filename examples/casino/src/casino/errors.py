"""Refusals that become HTTP answers, and mistakes in how a process was started."""

from __future__ import annotations


class Refusal(Exception):
    """A request that is answered with an error: the caller's fault (4xx) or ours (5xx)."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail


class Misconfigured(Exception):
    """The process cannot start as it was told to; the message says what to write instead."""


class InsufficientFunds(Exception):
    """A posting would take a player's account below zero. Nothing has been written."""

    def __init__(self, balance_minor: int) -> None:
        super().__init__(f"balance is {balance_minor} minor units")
        self.balance_minor = balance_minor
