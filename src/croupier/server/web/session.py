"""Who sits at the page: a signed cookie that names a token, forms that only our pages can make, one-time links.

The cookie holds the token's id, never the token, and is worth nothing once that token is revoked. Routes declare
``Visitor`` to be for people who are signed in; what changes something goes through ``checked`` too.
"""

import hmac
from dataclasses import dataclass, field, replace
from secrets import token_urlsafe
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response
from itsdangerous import BadSignature, Signer, URLSafeSerializer

from croupier.control.ports import Clock
from croupier.server.auth import Keyring, Principal, Role
from croupier.server.context import Context, context_of
from croupier.server.home import write_secret
from croupier.server.problems import Forbidden, TooManyRequests, Unauthenticated
from croupier.server.web.ended import Ended

IDLE_S: Final = 3_600.0
"""A session ends after so long without a request."""
LONGEST_S: Final = 12 * 3_600.0
"""And after a working day in any case."""
RENEW_S: Final = 300.0
TICKET_S: Final = 300.0
"""A one-time link is good for so long."""
_TICKETS: Final = 100

KEY_FILE: Final = "session.key"
ENDED_FILE: Final = "sessions.ended"


class SignInNeeded(Unauthenticated):
    """There is no session, or it is over."""


@dataclass(frozen=True, slots=True)
class Session:
    """One person's visit. Times are epoch seconds; ``form`` is what every form of theirs must carry."""

    id: str
    principal: Principal
    since: float
    seen: float
    form: str
    secure: bool = False

    @property
    def may_act(self) -> bool:
        """Whether there are buttons for them."""
        return self.principal.role.may(Role.OPERATOR)


@dataclass(slots=True)
class Sessions:
    """Opens, reads and ends sessions. Nothing is kept but what was ended early, and links not yet used."""

    key: str
    keyring: Keyring
    clock: Clock
    cookie: str
    ended: Ended
    _tickets: dict[str, tuple[str, float]] = field(default_factory=dict)

    def open(self, principal: Principal, *, secure: bool) -> Session:
        """A new session of this token's owner."""
        now = self.clock.now()
        return self._session(token_urlsafe(16), principal, now, now, secure=secure)

    def read(self, cookie: str) -> Session | None:
        """The session that a cookie stands for; ``None`` where it is not ours, over, or its token was revoked."""
        now = self.clock.now()
        try:
            said = self._serializer().loads(cookie[:2_000])
            session_id, token_id = str(said["id"]), str(said["token"])
            since, seen, secure = float(said["since"]), float(said["seen"]), bool(said["secure"])
        except (BadSignature, KeyError, TypeError, ValueError):
            return None
        over = now - seen > IDLE_S or now - since > LONGEST_S or session_id in self.ended
        principal = self.keyring.holder(token_id)
        # An application's token shows nobody anything.
        if over or principal is None or not principal.role.may(Role.VIEWER):
            return None
        return self._session(session_id, principal, since, seen, secure=secure)

    def end(self, session: Session) -> None:
        """No cookie opens this session any more."""
        self.ended.add(session.id, session.since + LONGEST_S, self.clock.now())

    def dress(self, response: Response, session: Session) -> None:
        """Give the browser the session, renewed."""
        renewed = replace(session, seen=self.clock.now())
        said = {
            "id": renewed.id,
            "token": renewed.principal.id,
            "since": renewed.since,
            "seen": renewed.seen,
            "secure": renewed.secure,
        }
        response.set_cookie(
            self.cookie,
            self._serializer().dumps(said),
            max_age=int(IDLE_S),
            path="/",
            httponly=True,
            samesite="strict",
            secure=session.secure,
        )

    def is_due(self, session: Session) -> bool:
        """Whether it is time to renew the cookie."""
        return self.clock.now() - session.seen > RENEW_S

    def issue_ticket(self, principal: Principal) -> str:
        """The secret part of a link that signs its holder in, once and soon."""
        now = self.clock.now()
        self._tickets = {text: kept for text, kept in self._tickets.items() if kept[1] > now}
        if len(self._tickets) >= _TICKETS:
            raise TooManyRequests("There are many unused sign-in links already.", retry_after_s=TICKET_S)
        ticket = token_urlsafe(24)
        self._tickets[ticket] = (principal.id, now + TICKET_S)
        return ticket

    def redeem(self, ticket: str) -> Principal | None:
        """Whom the link was made for; it is used up by asking."""
        token_id, until = self._tickets.pop(ticket, ("", 0.0))
        return self.keyring.holder(token_id) if until > self.clock.now() else None

    def _session(self, name: str, principal: Principal, since: float, seen: float, *, secure: bool) -> Session:
        form = Signer(self.key, salt="croupier form").get_signature(name).decode()
        return Session(name, principal, since, seen, form, secure)

    def _serializer(self) -> URLSafeSerializer:
        return URLSafeSerializer(self.key, salt="croupier session")


def sessions_of(request: Request) -> Sessions:
    """The sessions of the application that serves this request; made at the first request that asks."""
    found: Sessions | None = getattr(request.app.state, "sessions", None)
    if found is None:
        here = context_of(request)
        ended = Ended(here.settings.state_dir / ENDED_FILE)
        found = Sessions(_key(here), here.keyring, here.ports.clock, f"croupier-{here.settings.port}", ended)
        request.app.state.sessions = found
    return found


Doors = Annotated[Sessions, Depends(sessions_of)]


def signed_in(request: Request, doors: Doors) -> Session:
    """The session of this request; raises ``SignInNeeded``."""
    session = doors.read(request.cookies.get(doors.cookie, ""))
    if session is None:
        raise SignInNeeded("You are not signed in, or your session is over.")
    request.state.actor = session.principal.name
    request.state.session = session
    return session


Visitor = Annotated[Session, Depends(signed_in)]


def checked(request: Request, session: Session, form: str) -> None:
    """Raises ``Forbidden`` unless this form is one that we gave this session, sent from a page of ours."""
    same_origin(request)
    if not hmac.compare_digest(form.encode(), session.form.encode()):
        raise Forbidden("This form is not from your present session.", hint="Open the page again and repeat it there.")


def same_origin(request: Request) -> None:
    """Raises ``Forbidden`` for what another site's page sends. Every browser names the origin of a POST."""
    origin = request.headers.get("origin", "")
    if not origin or urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower():
        raise Forbidden("This form was not sent from a page of this server.", hint="Open the page here and repeat it.")


def _key(here: Context) -> str:
    """The signing key, made once and kept where only the owner of this account reads it: sessions outlive a restart."""
    file = here.settings.state_dir / KEY_FILE
    if not file.exists():
        write_secret(file, token_urlsafe(32))
    return file.read_text(encoding="utf-8").strip()
