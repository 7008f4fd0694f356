"""Visitors: players before their login, told apart by a signed cookie. Needs the extra ``croupier[edge]``."""

from croupier.sdk.visitors.cookie import Visitor, Visitors

__all__ = ["Visitor", "Visitors"]
