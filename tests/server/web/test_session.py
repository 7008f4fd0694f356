"""Sessions: opened by a token or a link, worth nothing without them, ended in time."""

import base64
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from itsdangerous import URLSafeSerializer

from croupier.control.ports import Token
from croupier.server.auth import Keyring, Role, mint
from croupier.server.problems import TooManyRequests
from croupier.server.web.ended import Ended
from croupier.server.web.session import IDLE_S, KEY_FILE, LONGEST_S, TICKET_S, Session, Sessions
from croupier.testing import VirtualClock


class Owners:
    """A token store that never changes by itself."""

    async def tokens(self) -> list[Token]:
        return []


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def keyring() -> Keyring:
    return Keyring(Owners())


@pytest.fixture
def sessions(clock: VirtualClock, keyring: Keyring, tmp_path: Path) -> Sessions:
    return Sessions("a key", keyring, clock, "croupier-8700", Ended(tmp_path / "ended"))


@pytest.fixture
def token(keyring: Keyring) -> Token:
    made, _ = mint("ann", Role.OPERATOR, 0.0)
    keyring.learn(made)
    return made


def cookie_of(sessions: Sessions, session: Session) -> str:
    from fastapi import Response

    response = Response()
    sessions.dress(response, session)
    return response.headers["set-cookie"].split("=", 1)[1].split(";")[0]


def opened(sessions: Sessions, token: Token) -> Session:
    owner = sessions.keyring.holder(token.id)
    assert owner is not None
    return sessions.open(owner, secure=False)


def test_a_session_is_read_back(sessions: Sessions, token: Token) -> None:
    session = opened(sessions, token)
    found = sessions.read(cookie_of(sessions, session))
    assert found is not None
    assert (found.principal.name, found.principal.role, found.form) == ("ann", Role.OPERATOR, session.form)


async def test_it_ends_when_nobody_comes_and_after_a_working_day(
    sessions: Sessions, token: Token, clock: VirtualClock
) -> None:
    session = opened(sessions, token)
    cookie = cookie_of(sessions, session)
    await clock.advance(IDLE_S + 1)
    assert sessions.read(cookie) is None
    session = opened(sessions, token)
    for _ in range(int(LONGEST_S / IDLE_S) + 1):
        cookie = cookie_of(sessions, session)
        await clock.advance(IDLE_S - 1)
    assert sessions.read(cookie) is None


def test_a_revoked_token_ends_it(sessions: Sessions, token: Token, keyring: Keyring) -> None:
    cookie = cookie_of(sessions, opened(sessions, token))
    keyring.learn(Token(token.id, token.name, token.role, token.sha256, token.created_at, revoked_at=1.0))
    assert sessions.read(cookie) is None


def test_signing_out_ends_every_copy(sessions: Sessions, token: Token) -> None:
    session = opened(sessions, token)
    cookie = cookie_of(sessions, session)
    sessions.end(session)
    assert sessions.read(cookie) is None


def test_what_others_signed_opens_nothing(sessions: Sessions, token: Token, clock: VirtualClock) -> None:
    said = {"id": "x", "token": token.id, "since": clock.now(), "seen": clock.now(), "secure": False}
    assert sessions.read(URLSafeSerializer("another key", salt="croupier session").dumps(said)) is None
    assert sessions.read(URLSafeSerializer("a key", salt="another purpose").dumps(said)) is None
    genuine = cookie_of(sessions, opened(sessions, token))
    for bent in ("", "x", genuine[:-1], genuine + "x", "." + genuine, "é", "x" * 100_000):
        assert sessions.read(bent) is None


def test_the_cookie_holds_no_token(sessions: Sessions, keyring: Keyring) -> None:
    made, text = mint("ann", Role.ADMIN, 0.0)
    keyring.learn(made)
    cookie = cookie_of(sessions, opened(sessions, made))
    body = cookie.split(".")[0]
    inside = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    assert text.rsplit("_", 1)[1].encode() not in inside
    assert made.sha256.encode() not in inside


def test_every_session_has_forms_of_its_own(sessions: Sessions, token: Token) -> None:
    assert opened(sessions, token).form != opened(sessions, token).form


async def test_a_link_works_once_and_for_five_minutes(sessions: Sessions, token: Token, clock: VirtualClock) -> None:
    owner = sessions.keyring.holder(token.id)
    assert owner is not None
    ticket = sessions.issue_ticket(owner)
    found = sessions.redeem(ticket)
    assert found is not None
    assert found.name == "ann"
    assert sessions.redeem(ticket) is None
    late = sessions.issue_ticket(owner)
    await clock.advance(TICKET_S + 1)
    assert sessions.redeem(late) is None
    assert sessions.redeem("") is None


async def test_links_do_not_pile_up(sessions: Sessions, token: Token, clock: VirtualClock) -> None:
    owner = sessions.keyring.holder(token.id)
    assert owner is not None
    for _ in range(100):
        sessions.issue_ticket(owner)
    with pytest.raises(TooManyRequests):
        sessions.issue_ticket(owner)
    await clock.advance(TICKET_S + 1)
    sessions.issue_ticket(owner)


async def test_the_key_is_private_and_outlives_a_restart(world, visit) -> None:  # type: ignore[no-untyped-def]
    await visit.sign_in()
    file = world.settings.state_dir / KEY_FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    del world.app.state.sessions
    assert (await visit.get("/")).status_code == 200


def test_what_was_ended_stays_so_after_a_restart(sessions: Sessions, token: Token) -> None:
    left, stays = opened(sessions, token), opened(sessions, token)
    sessions.end(left)
    restarted = replace(sessions, ended=Ended(sessions.ended.file))
    assert restarted.read(cookie_of(sessions, left)) is None
    assert restarted.read(cookie_of(sessions, stays)) is not None
