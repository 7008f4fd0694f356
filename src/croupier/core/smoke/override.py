"""The words between who signs a request for a version and the edge that lets it through. Pure.

Used by the signer, the data plane's configuration and whoever sends such requests.
"""

from collections.abc import Iterable
from typing import Final

TOKEN_HEADER: Final = "croupier-version"  # noqa: S105 - the name of a header
"""Carries the token. An answer that bears it comes from the edge: it did not lead there, and says why."""
NOT_RUNNING: Final = "not-running"
REFUSED: Final = "refused"
ASKED: Final = "x-croupier-asked"
"""What a valid token asks for; for the edge only, and it ends there."""
MARK: Final = "x-croupier-smoke"
"""Says 1 to a service: this is no player's request. Nobody else can send it through the edge."""
ISSUER: Final = "croupier"
AUDIENCE: Final = "croupier-edge"
LONGEST_S: Final = 3600.0
"""No token lives longer."""


def versions_claim(versions: Iterable[tuple[str, str]]) -> str:
    """Services with the version asked for: ``|payments@1.1.0|promo@2.0.0|``."""
    return "|" + "".join(f"{service}@{version}|" for service, version in sorted(versions))


def named(service: str, version: str) -> str:
    """The part of the claim that asks for this version of this service, and for no other."""
    return f"|{service}@{version}|"


def naming(service: str) -> str:
    """The part of the claim that asks for any version of this service."""
    return f"|{service}@"
