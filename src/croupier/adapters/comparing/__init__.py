"""Compares answers of two versions in a process of its own, which the control plane starts while a step asks for it."""

from croupier.adapters.comparing.supervisor import ProcessComparer

__all__ = ["ProcessComparer"]
