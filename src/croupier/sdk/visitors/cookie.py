"""Makes and reads visitors' cookies, with the key that the control plane made at its first start.

Called by the one service that greets visitors and logs them in. The edge verifies the cookie with the public half of
the key; what the cookie decides is the version of a player, and nothing else.
"""

import json
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import jwt

from croupier.core.segments.visitors import VISITOR_COOKIE, VISITOR_ISSUER
from croupier.errors import Rejected

_ALGORITHM: Final = "EdDSA"
_LINKED: Final = "linked"
_OURS: Final = frozenset({"iss", "sub", "iat", "exp", _LINKED})
_COOKIE: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^`|~_-]{1,100}")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whom a cookie names: a visitor, or (``linked``) the account that last logged in on the device.

    Never a login: whoever logged out is still named here.
    """

    id: str
    linked: bool
    attributes: Mapping[str, Any]
    expires_at: float


class Visitors:
    """``key_file`` is the control plane's ``visitors.key``, or a copy that only this service can read.

    ``lifetime`` is how long a device is known after its last visit; ``secure`` is for cookies over HTTPS only. Raises
    ``Rejected`` where the file holds no such key.
    """

    def __init__(
        self,
        key_file: str | Path,
        *,
        cookie: str = VISITOR_COOKIE,
        lifetime: timedelta = timedelta(days=180),
        secure: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not _COOKIE.fullmatch(cookie):
            raise Rejected(f"{cookie[:60]!r} cannot be the name of a cookie.", hint=f"Write {VISITOR_COOKIE}.")
        if lifetime <= timedelta(0):
            raise Rejected("A visitor's cookie must last some time.", hint="Write timedelta(days=180).")
        self.cookie = cookie
        self._keys = _read_keys(Path(key_file))
        self._lifetime_s = int(lifetime.total_seconds())
        self._secure = secure
        self._clock = clock

    def new(self) -> str:
        """A token for somebody who was never here."""
        return self._token(f"visitor-{secrets.token_urlsafe(16)}", {})

    def linked(self, player: str, attributes: Mapping[str, Any] | None = None) -> str:
        """A token for the device of a player who just logged in, so that a logout does not move them.

        ``player`` is the same id as in the session token, and ``attributes`` are the claims that segments look at
        (``market``), by their names there. Raises ``Rejected`` for an id or names that a token cannot have.
        """
        wanted = dict(attributes or {})
        if not player or _OURS & wanted.keys():
            raise Rejected(
                f"No visitor's token can be made for {player[:60]!r} with {', '.join(sorted(wanted)) or 'nothing'}.",
                hint=f"Give the account's id, and attributes other than {', '.join(sorted(_OURS))}.",
            )
        return self._token(player, {**wanted, _LINKED: True})

    def read(self, token: str | None) -> Visitor | None:
        """Whom the cookie names; ``None`` where it is missing, too old, or not ours."""
        for key in self._keys if token else ():
            try:
                claims = jwt.decode(
                    token or "",
                    key,
                    [_ALGORITHM],
                    issuer=VISITOR_ISSUER,
                    options={"require": ["exp", "sub"], "verify_exp": False, "verify_iat": False, "verify_aud": False},
                )
            except jwt.InvalidTokenError:
                continue
            if claims["exp"] <= self._clock():
                return None
            attributes = {name: value for name, value in claims.items() if name not in _OURS}
            return Visitor(claims["sub"], claims.get(_LINKED) is True, attributes, float(claims["exp"]))
        return None

    def welcome(self, token: str | None) -> str | None:
        """The token to set for a visit: a new one, or the same person's once half of its life is over; ``None`` while
        the old one will do.
        """
        visitor = self.read(token)
        if visitor is None:
            return self.new()
        if visitor.expires_at - self._clock() > self._lifetime_s / 2:
            return None
        return self._token(visitor.id, {**visitor.attributes, **({_LINKED: True} if visitor.linked else {})})

    def set_cookie(self, token: str) -> str:
        """The value of the header ``Set-Cookie``."""
        ends = "; Secure" if self._secure else ""
        return f"{self.cookie}={token}; Path=/; Max-Age={self._lifetime_s}; HttpOnly; SameSite=Lax{ends}"

    def _token(self, subject: str, claims: Mapping[str, Any]) -> str:
        now = int(self._clock())
        content = {**claims, "iss": VISITOR_ISSUER, "sub": subject, "iat": now, "exp": now + self._lifetime_s}
        return jwt.encode(content, self._keys[0], _ALGORITHM, headers={"kid": self._keys[0].key_id})


def _read_keys(path: Path) -> list[jwt.PyJWK]:
    """The first one signs; the others are older ones, whose cookies still count."""
    try:
        written = json.loads(path.read_text())["keys"]
        keys = [jwt.PyJWK(key, _ALGORITHM) for key in written]
        private = "d" in written[0]
    except OSError as error:
        raise _refused(path, error.strerror or "it cannot be read") from None
    except (ValueError, LookupError, TypeError, jwt.PyJWTError):
        raise _refused(path, "it is no set of keys") from None
    if not private:
        raise _refused(path, "it has only public keys")
    return keys


def _refused(path: Path, why: str) -> Rejected:
    return Rejected(
        f"{path} cannot be used as the key of visitors' cookies: {why}.",
        hint="Name visitors.key of the control plane's state directory (made with CROUPIER_EDGE_VISITORS=true).",
    )
