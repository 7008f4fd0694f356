"""Smoke checks, run: scenarios over HTTP and commands."""

from croupier.adapters.smoke.runner import CheckRunner, SmokeSettings

__all__ = ["CheckRunner", "SmokeSettings"]
