"""Who may talk to the server: bearer tokens ``crp_<id>_<secret>``, hashed at rest, checked from memory.

The token list is read at the start and every few seconds, so that a request costs no database call and people can get
in (and abort) while the database is down. Used by the API through the dependencies ``viewer``, ``operator`` and
``admin``, by the page's login, and by the flags' endpoints for applications through ``authenticate``.
"""

import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from croupier.control.ports import Clock, Token, Tokens
from croupier.errors import Transient
from croupier.server.problems import Forbidden, TooManyRequests, Unauthenticated

_FORM: Final = re.compile(r"crp_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_BEARER: Final = re.compile(r"bearer +(\S+)", re.IGNORECASE)
_FAILURES: Final = 20
"""So many failed attempts of one address within a minute; after that it is told to wait and no longer logged."""
_WINDOW_S: Final = 60.0
_ADDRESSES: Final = 1_000
_FOR: Final = "@"
"""A kept role is ``client@production`` where the token is for one environment, ``reporter@lobby,shop`` where it is for
some services.
"""

log = logging.getLogger("croupier.auth")


class Role(StrEnum):
    """Clients are applications that ask for flags, viewers read, operators act, admins also manage tokens.

    Reporters push metrics and nothing else. Pushing moves verdicts, so no role below operator includes it.
    """

    REPORTER = "reporter"
    CLIENT = "client"
    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def may(self, needed: "Role") -> bool:
        """Whether this role includes the needed one."""
        if Role.REPORTER in (self, needed):
            return self is needed or self in (Role.OPERATOR, Role.ADMIN)
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(needed)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. ``name`` goes into the journal; ``id`` is the token's. A client's token may be for one environment, a
    reporter's for some services (``None``: for every one).
    """

    name: str
    role: Role
    id: str = ""
    environment: str | None = None
    services: frozenset[str] | None = None

    def may_read(self, environment: str) -> bool:
        """Whether the flags of this environment are for them."""
        return self.role.may(Role.CLIENT) and self.environment in (None, environment)

    @property
    def bounds(self) -> str:
        """Why ``may_read`` says no, as the end of a sentence that begins with the name."""
        if not self.role.may(Role.CLIENT):
            return f"is {self.role}, which pushes metrics and nothing else"
        return f"is for the environment {self.environment}"


def bearer_of(authorization: str) -> str:
    """The token of an Authorization header; empty where it has none. For what is no route of the framework's."""
    found = _BEARER.fullmatch(authorization.strip())
    return found[1] if found else ""


def mint(
    name: str, role: Role, now: float, environment: str | None = None, services: Collection[str] = ()
) -> tuple[Token, str]:
    """A new token as it is kept, and the text that its owner gets, this once."""
    token_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    bound = environment if environment is not None else ",".join(sorted(set(services))) or None
    kept = role.value if bound is None else f"{role.value}{_FOR}{bound}"
    return Token(token_id, name, kept, _digest(secret), now), f"crp_{token_id}_{secret}"


def owner_of(token: Token) -> Principal:
    """Whose token this is: a role, and the environment or the services that it is for."""
    role, _, bound = token.role.partition(_FOR)
    if role == Role.REPORTER:
        services = frozenset(bound.split(",")) if bound else None
        return Principal(token.name, Role.REPORTER, token.id, services=services)
    return Principal(token.name, Role(role), token.id, bound or None)


@dataclass(slots=True)
class Keyring:
    """The tokens in memory, refreshed from the store; ``authenticate`` never touches the store."""

    tokens: Tokens
    revision: int = 0
    """Rises whenever a token came or went: what goes on for long (a stream) then asks ``holder`` again."""
    _known: dict[str, Token] = field(default_factory=dict)

    async def refresh(self) -> None:
        """Read the tokens again. Raises ``Transient`` where the store is out of reach; what was known stays."""
        self._know({token.id: token for token in await self.tokens.tokens()})

    async def keep_fresh(self, every_s: float, clock: Clock) -> None:
        """Refresh for ever, until cancelled."""
        while True:
            await clock.sleep(every_s)
            try:
                await self.refresh()
            except Transient as trouble:
                log.warning("tokens not refreshed, going on with the known ones: %s", trouble)
            except Exception:  # a mistake of ours: were the task to end, no revoked token would be refused any more
                log.exception("tokens not refreshed, going on with the known ones")

    def learn(self, token: Token) -> None:
        """Know a token that was just made or revoked, without waiting for the next refresh."""
        self._know({**self._known, token.id: token})

    def _know(self, tokens: dict[str, Token]) -> None:
        if tokens != self._known:
            self._known = tokens
            self.revision += 1

    @property
    def has_admin(self) -> bool:
        """Whether anybody can still manage tokens."""
        return any(token.role == Role.ADMIN and token.revoked_at is None for token in self._known.values())

    def holder(self, token_id: str) -> Principal | None:
        """Whose token this is, for a session that was opened with it; ``None`` once it is revoked."""
        token = self._known.get(token_id)
        return None if token is None or token.revoked_at is not None else owner_of(token)

    def authenticate(self, text: str) -> Principal | None:
        """The owner of this token; ``None`` for one that is malformed, unknown or revoked."""
        form = _FORM.fullmatch(text)
        token = self._known.get(form[1]) if form else None
        expected = token.sha256 if token else _digest("")
        same = hmac.compare_digest(_digest(form[2] if form else "x"), expected)
        if token is None or not same or token.revoked_at is not None:
            return None
        return owner_of(token)


@dataclass(slots=True)
class Doorman:
    """Counts failed attempts by address. A right token always gets in: on one machine everybody shares an address."""

    clock: Clock
    _failures: dict[str, tuple[float, int]] = field(default_factory=dict)

    def refuse(self, address: str, why: str) -> Unauthenticated | TooManyRequests:
        """Note a failed attempt; the error to answer it with."""
        now = self.clock.now()
        since, count = self._failures.get(address, (now, 0))
        if now - since > _WINDOW_S:
            since, count = now, 0
        if len(self._failures) >= _ADDRESSES and address not in self._failures:
            self._failures.pop(next(iter(self._failures)))
        self._failures[address] = (since, count + 1)
        if count >= _FAILURES:
            return TooManyRequests("Too many failed attempts.", retry_after_s=max(1.0, since + _WINDOW_S - now))
        log.warning("authentication failed", extra={"address": address, "why": why})
        hint = (
            "Send 'Authorization: Bearer crp_…', or give the command line CROUPIER_TOKEN, or CROUPIER_STATE_DIR if "
            "the control plane was started with one; the first token is in admin.token there."
        )
        return Unauthenticated(why, hint=hint)


_bearer = HTTPBearer(auto_error=False, scheme_name="token", description="A token, crp_<id>_<secret>.")


def principal(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Principal:
    """Who asks; raises ``Unauthenticated`` (401) or ``TooManyRequests`` (429)."""
    keyring: Keyring = request.app.state.context.keyring
    found = keyring.authenticate(credentials.credentials) if credentials else None
    if found is None:
        doorman: Doorman = request.app.state.context.doorman
        why = "The token is not known, or was revoked." if credentials else "A token is needed."
        raise doorman.refuse(request.client.host if request.client else "", why)
    request.state.actor = found.name
    return found


def needs(role: Role) -> Callable[..., Awaitable[Principal]]:
    """A dependency that lets in who has the role; raises ``Forbidden`` (403) for others."""

    async def check(asking: Annotated[Principal, Depends(principal)]) -> Principal:
        if not asking.role.may(role):
            raise Forbidden(
                f"{asking.name} is {asking.role}; this takes {role}.", hint="Ask an admin for a token with that role."
            )
        return asking

    check.__name__ = role.value
    check.role = role  # type: ignore[attr-defined]  # tests read which route needs which role
    return check


client: Final = needs(Role.CLIENT)
viewer: Final = needs(Role.VIEWER)
operator: Final = needs(Role.OPERATOR)
admin: Final = needs(Role.ADMIN)

Client = Annotated[Principal, Depends(client)]
Viewer = Annotated[Principal, Depends(viewer)]
Operator = Annotated[Principal, Depends(operator)]
Admin = Annotated[Principal, Depends(admin)]


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


__all__ = [
    "Admin",
    "Client",
    "Doorman",
    "Keyring",
    "Operator",
    "Principal",
    "Role",
    "Viewer",
    "admin",
    "bearer_of",
    "client",
    "mint",
    "needs",
    "operator",
    "owner_of",
    "viewer",
]
