"""What the edge and the services have in common about players before their login. Called by the SDK and the edge."""

from typing import Final

VISITOR_ISSUER: Final = "croupier-visitors"
"""Issuer (``iss``) of the tokens in visitors' cookies; no account's token has it."""
VISITOR_COOKIE: Final = "croupier_visitor"
"""The cookie's name, unless the settings say otherwise."""
