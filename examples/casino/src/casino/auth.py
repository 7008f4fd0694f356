"""The auth service: `python -m casino.auth`. Registration, login with password and one-time code, self-exclusion."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Annotated, Literal

import msgspec
import pyotp
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from casino import identity, newcomers
from casino.errors import Refusal
from casino.house import House
from casino.identity import Newcomer, Player, Stored
from casino.requests import LARGEST_IMPORT, SESSION_COOKIE, Name, house_of, place, read, respond, session
from casino.serve import serve
from casino.tokens import LIFETIME_S
from casino.trial import TRIAL

MarketCode = Literal["DE", "SE", "MT"]
BrandName = Literal["aurora", "bluefin"]
Password = Annotated[str, msgspec.Meta(min_length=8, max_length=128)]
Secret = Annotated[str, msgspec.Meta(min_length=24, max_length=64, pattern="^[A-Z2-7]+$")]
IMPORT_LIMIT = 1000


class Registration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /auth/register."""

    login: Name
    password: Password
    market: MarketCode
    brand: BrandName


class Migrant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One player of POST /auth/import, who brings an authenticator along."""

    login: Name
    password: Password
    market: MarketCode
    brand: BrandName
    totp_secret: Secret
    excluded: bool = False
    employee: bool = False


class Import(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /auth/import: players of another platform."""

    players: Annotated[list[Migrant], msgspec.Meta(min_length=1, max_length=IMPORT_LIMIT)]


class Login(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /auth/login."""

    login: Name
    password: Password


class Verification(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /auth/verify."""

    challenge: Name
    code: Annotated[str, msgspec.Meta(pattern="^[0-9]{6}$")]


async def register(request: Request) -> Response:
    """Create a player; the answer holds the secret for the authenticator."""
    house, form = house_of(request), await read(request, Registration)
    newcomer = Newcomer(
        form.login, await asyncio.to_thread(_hash, house, form.password), pyotp.random_base32(), form.market, form.brand
    )
    if not await house.database.write(lambda tx: newcomers.register(tx, newcomer)):
        raise Refusal(409, "login_taken", "this login is taken; choose another")
    return respond({"player_id": identity.player_id(form.login), "totp_secret": newcomer.totp_secret}, 201)


async def import_players(request: Request) -> Response:
    """Take over many players at once; logins that exist are left as they are."""
    house, form = house_of(request), await read(request, Import, LARGEST_IMPORT)

    for migrant in form.players:
        _require_usable(migrant)

    def hash_all() -> list[Newcomer]:
        return [
            Newcomer(m.login, _hash(house, m.password), m.totp_secret, m.market, m.brand, m.excluded, m.employee)
            for m in form.players
        ]

    newcomers = await asyncio.to_thread(hash_all)
    added = await house.database.write(lambda tx: sum(identity.add_player(tx, newcomer) for newcomer in newcomers))
    return respond({"added": added, "existing": len(newcomers) - added})


async def login(request: Request) -> Response:
    """First step: password. The answer holds a challenge for the second."""
    house, form = house_of(request), await read(request, Login)
    stored = await house.database.read(lambda tx: identity.find_player(tx, form.login))
    market, brand = (stored.player.market, stored.player.brand) if stored else place(request)
    try:
        house.faults.trip("login-error", "login_failed", "the login failed; try again", market=market, brand=brand)
        challenge = await _check_password(house, form, stored)
    except Refusal as refusal:
        outcome = {401: "wrong_credentials", 403: "refused"}.get(refusal.status, "failed")
        _count(house, market, brand, outcome)
        raise
    except Exception:  # whatever it was: counted as a failed login, and raised on
        _count(house, market, brand, "failed")
        raise
    return respond({"challenge": challenge})


async def verify(request: Request) -> Response:
    """Second step: one-time code. The answer holds the session token."""
    house, form = house_of(request), await read(request, Verification)
    market, brand = place(request)
    outcome = "failed"
    try:
        stored, right = await house.database.write(lambda tx: identity.answer_challenge(tx, form.challenge, form.code))
        market, brand = (stored.player.market, stored.player.brand) if stored else (market, brand)
        if stored is None or not right:
            outcome = "wrong_credentials"
            raise Refusal(401, "wrong_code", "the code is wrong or the challenge has expired; log in again")
        if stored.excluded:
            outcome = "refused"
            raise Refusal(403, "self_excluded", "this player is self-excluded")
        outcome = "ok"
    finally:
        _count(house, market, brand, outcome)
    token = house.tokens.issue(stored.player)
    answer = respond({"player_id": stored.player.id, "token": token})
    if house.settings.session_key_file is not None:
        _set_session(answer, house, token, LIFETIME_S)
    if house.visitors is not None:
        # From here on the device has the account's version, also when nobody is logged in.
        linked = house.visitors.linked(stored.player.id, identity.attributes(stored.player))
        answer.headers.append("set-cookie", house.visitors.set_cookie(linked))
    return answer


async def visit(request: Request) -> Response:
    """What a page asks first: a visitor's cookie, where the edge has none to go by."""
    house = house_of(request)
    answer = respond({"version": house.version})
    if house.visitors is not None and (token := house.visitors.welcome(request.cookies.get(house.visitors.cookie))):
        answer.headers["set-cookie"] = house.visitors.set_cookie(token)
    return answer


async def log_out(request: Request) -> Response:
    """Forget the session on this device; the visitor's cookie stays, and with it the version."""
    answer = respond({"logged_out": True})
    _set_session(answer, house_of(request), "", 0)
    return answer


async def show_session(request: Request) -> Response:
    """Who the bearer of the token is."""
    player = session(request)
    return respond({"player_id": player.id, "market": player.market, "brand": player.brand})


async def self_exclude(request: Request) -> Response:
    """Exclude oneself from play, at once; balance and withdrawals stay open."""
    player = session(request)
    await house_of(request).database.write(lambda tx: identity.exclude(tx, player.id))
    return respond({"player_id": player.id, "excluded": True})


def _require_usable(migrant: Migrant) -> None:
    try:
        pyotp.TOTP(migrant.totp_secret).now()
    except ValueError as error:
        detail = f"totp_secret of {migrant.login}: {error}; write at least 24 characters of whole base32"
        raise Refusal(400, "bad_request", detail) from error


def _count(house: House, market: str, brand: str, outcome: str) -> None:
    if not TRIAL.get():
        house.metrics.logins.labels(house.version, market, brand, outcome).inc()


async def _check_password(house: House, form: Login, stored: Stored | None) -> str:
    if stored is None or not (
        await asyncio.to_thread(identity.password_matches, form.password, stored.password_hash)
        or house.faults.hit("any-password") is not None
    ):
        raise Refusal(401, "wrong_credentials", "login or password is wrong")
    if stored.excluded and house.faults.hit("serves-excluded") is None:
        raise Refusal(403, "self_excluded", "this player is self-excluded")
    upgraded: str | None = None
    if house.settings.since("1.1.0") and not stored.password_hash.startswith("scrypt$"):
        upgraded = await asyncio.to_thread(_hash, house, form.password)
    return await house.database.write(lambda tx: _open_challenge(tx, stored.player, upgraded, house.version))


def _open_challenge(tx: sqlite3.Connection, player: Player, upgraded: str | None, version: str) -> str:
    newcomers.let_in(tx, player.id, version)
    if upgraded is not None:
        identity.store_password(tx, player.id, upgraded)
    return identity.open_challenge(tx, player.id)


def _set_session(answer: Response, house: House, token: str, lifetime_s: int) -> None:
    answer.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=lifetime_s,
        httponly=True,
        samesite="strict",
        secure=house.settings.secure_cookies,
    )


def _hash(house: House, password: str) -> str:
    scheme = "scrypt" if house.settings.since("1.1.0") else "pbkdf2"
    return identity.hash_password(password, house.settings.password_cost, scheme)


ROUTES = [
    Route("/auth/register", register, methods=["POST"]),
    Route("/auth/import", import_players, methods=["POST"]),
    Route("/auth/login", login, methods=["POST"]),
    Route("/auth/verify", verify, methods=["POST"]),
    Route("/auth/visit", visit),
    Route("/auth/logout", log_out, methods=["POST"]),
    Route("/auth/session", show_session),
    Route("/auth/self-exclude", self_exclude, methods=["POST"]),
]

if __name__ == "__main__":
    raise SystemExit(serve("auth", ROUTES, newcomers.follow))
