"""What one player does in one visit, as a generator without I/O: it yields `Ask`s and is sent `Reply`s.

Run by the crowd, one ask per arrival. Negative paths belong to it: what must be refused is asked for, and the answer
is held against what was expected.
"""

from __future__ import annotations

import random
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from casino.players.population import Person
from casino.world import OFFERS, PROVIDERS, SLOTS

OUT_OF_REACH = 9_999_999
"""A stake or withdrawal that no player can cover."""
UNAVAILABLE = frozenset({"provider_unavailable", "game_unavailable"})
"""What the casino may answer at any time: somebody has switched a provider or a studio off."""


@dataclass(frozen=True, slots=True)
class Mix:
    """How often things happen in a visit: shares of visits, unless it says otherwise.

    The defaults give about a quarter deposits and about half of all requests to payments.
    """

    newcomers: float = 0.05
    wrong_passwords: float = 0.04
    excluded: float = 0.01
    deposits: tuple[int, int] = (2, 4)
    replays_per_deposit: float = 0.06
    spins: tuple[int, int] = (2, 4)
    tables: float = 0.12
    table_rounds: tuple[int, int] = (2, 4)
    claims: float = 0.6
    withdrawals: float = 0.75
    overreaches: float = 0.06


@dataclass(frozen=True, slots=True)
class Ask:
    """One request to be made: `what` names it in figures; statuses outside of `expect` are complaints."""

    service: str
    what: str
    method: str
    path: str
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    expect: frozenset[int] = frozenset({200})
    person: Person | None = None
    table_rounds: int = 0
    psp: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; `lost` means that no answer of the casino did."""

    status: int = 0
    body: dict[str, Any] = field(default_factory=dict)
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Complaint:
    """Yielded instead of an ask: an answer that contradicts an earlier one."""

    what: str
    detail: str


Visit = Generator[Ask | Complaint, Reply, None]


def visit(person: Person, mix: Mix, dice: random.Random) -> Visit:
    """One whole visit. Ends early when the player cannot get in."""
    if not person.known and not (yield from _register(person)):
        return
    if dice.random() < mix.wrong_passwords:
        yield _login(person, "not-the-password", frozenset({401}))
    token = yield from _log_in(person)
    if token is None:
        return
    session = _Session(person, dice, {"authorization": f"Bearer {token}"})
    yield session.balance()
    for _ in range(dice.randint(*mix.deposits)):
        yield from session.deposit(replayed=dice.random() < mix.replays_per_deposit)
        if dice.random() < 0.5:
            yield session.balance()
    if dice.random() < mix.claims:
        yield from session.claim()
    games = yield from session.lobby()
    for _ in range(dice.randint(*mix.spins) if games else 0):
        yield session.spin(games)
    if dice.random() < mix.tables:
        yield session.table(dice.randint(*mix.table_rounds))
    if dice.random() < mix.overreaches:
        at_a_game = dice.random() < 0.5 and games
        yield session.spin(games, OUT_OF_REACH) if at_a_game else session.withdrawal(OUT_OF_REACH)
    reply = yield session.balance()
    funds = int(reply.body.get("balance_minor", 0))
    if funds >= 2 and dice.random() < mix.withdrawals:
        yield session.withdrawal(dice.randint(1, funds // 2), frozenset({200, 402}))
        yield session.balance()


def _register(person: Person) -> Generator[Ask | Complaint, Reply, bool]:
    body = {"login": person.login, "password": person.password, "market": person.market, "brand": person.brand}
    reply = yield Ask("auth", "register", "POST", "/auth/register", body, expect=frozenset({201}))
    if reply.status == 201:
        person.id, person.totp_secret, person.known = reply.body["player_id"], reply.body["totp_secret"], True
    return person.known


def _login(person: Person, password: str, expect: frozenset[int]) -> Ask:
    body = {"login": person.login, "password": password}
    return Ask("auth", "login", "POST", "/auth/login", body, expect=expect, person=person)


def _log_in(person: Person) -> Generator[Ask | Complaint, Reply, str | None]:
    reply = yield _login(person, person.password, frozenset({403 if person.excluded else 200}))
    if reply.status != 200:
        return None
    body = {"challenge": reply.body["challenge"], "code": person.code()}
    reply = yield Ask("auth", "verify", "POST", "/auth/verify", body, person=person)
    return str(reply.body["token"]) if reply.status == 200 else None


@dataclass(frozen=True, slots=True)
class _Session:
    person: Person
    dice: random.Random
    bearer: dict[str, str]

    def balance(self) -> Ask:
        return Ask("payments", "balance", "GET", "/payments/balance", headers=self.bearer, person=self.person)

    def deposit(self, replayed: bool) -> Visit:
        ask = self._payment("deposit", self.dice.randrange(500, 10_001, 50), frozenset({200, 402}))
        reply = yield ask
        if reply.lost or replayed:
            again = yield ask
            if not reply.lost and not again.lost and again.body != reply.body:
                yield Complaint("replay_differs", f"{ask.path} {ask.headers['idempotency-key']}")

    def withdrawal(self, amount: int, expect: frozenset[int] = frozenset({422})) -> Ask:
        return self._payment("withdraw", amount, expect)

    def claim(self) -> Visit:
        body = {"offer": self.dice.choice(list(OFFERS))}
        first = Ask("promo", "claim", "POST", "/promo/claim", body, self.bearer, person=self.person)
        reply = yield first
        if self.dice.random() < 0.1:
            again = yield first
            if reply.status == again.status == 200 and reply.body != again.body:
                yield Complaint("replay_differs", "/promo/claim")

    def lobby(self) -> Generator[Ask | Complaint, Reply, list[str]]:
        """Look at the lobby; the slots that it shows, in its order."""
        reply = yield Ask("games", "lobby", "GET", "/games/lobby", headers=self.bearer, person=self.person)
        return [game for game in reply.body.get("games", SLOTS) if game in SLOTS]

    def spin(self, games: list[str], stake: int = 0) -> Ask:
        body = {
            "round_id": self._name(),
            "game": self.dice.choice(games),
            "stake_minor": stake or self.dice.randrange(10, 101, 10),
        }
        expect = frozenset({422}) if stake else frozenset({200, 422})
        return Ask("games", "spin", "POST", "/games/spin", body, self.bearer, expect, self.person)

    def table(self, rounds: int) -> Ask:
        body = {"rounds": self._name(), "stake_minor": self.dice.randrange(10, 101, 10)}
        path = "/games/table"
        return Ask("games", "table", "WS", path, body, self.bearer, person=self.person, table_rounds=rounds)

    def _payment(self, what: str, amount: int, expect: frozenset[int]) -> Ask:
        names = list(PROVIDERS)
        psp = self.dice.choices(names, [PROVIDERS[name].share for name in names])[0]
        headers = {**self.bearer, "idempotency-key": self._name()}
        body = {"amount_minor": amount, "psp": psp}
        return Ask("payments", what, "POST", f"/payments/{what}", body, headers, expect, self.person, psp=psp)

    def _name(self) -> str:
        return f"{self.person.visits}-{self.dice.getrandbits(64):016x}"
