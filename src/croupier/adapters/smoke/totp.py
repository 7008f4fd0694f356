"""One-time codes of test accounts, as authenticator apps make them."""

import binascii

import pyotp

from croupier.errors import Transient


def totp(secret: str, at: float) -> str:
    """The code of a base32 secret at ``at`` (epoch seconds). Raises ``Transient`` for what is no such secret."""
    try:
        return pyotp.TOTP(secret.replace(" ", "")).at(int(at))
    except binascii.Error:
        raise Transient("a secret of one-time codes is not base32.") from None
