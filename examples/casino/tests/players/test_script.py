"""A visit, played against canned answers: its mix, its negative paths, and that contradictions are complained of."""

from __future__ import annotations

import random
from collections import Counter

from casino.players.population import Person, draw_person, draw_pool
from casino.players.script import Ask, Complaint, Mix, Reply, visit


def perfect(ask: Ask) -> Reply:
    status = next(iter(ask.expect)) if 200 not in ask.expect else 200
    body = {"challenge": "c", "token": "t", "balance_minor": 5_000, "player_id": "p", "totp_secret": "A" * 32}
    return Reply(status, body)


def play(person: Person, seed: int) -> list[Ask | Complaint]:
    script = visit(person, Mix(), random.Random(seed))
    steps: list[Ask | Complaint] = [next(script)]
    while True:
        last = steps[-1]
        try:
            steps.append(script.send(perfect(last) if isinstance(last, Ask) else Reply()))
        except StopIteration:
            return steps


def test_half_of_all_requests_are_payments_and_a_quarter_deposits() -> None:
    asked: Counter[str] = Counter()
    pool = draw_pool(1, 400, Mix().excluded)
    for seed, person in enumerate(pool):
        for step in play(person, seed):
            assert isinstance(step, Ask)
            asked[step.service] += 1
            asked[step.what] += 1
    requests = sum(asked[service] for service in ("auth", "payments", "games", "promo"))
    assert 0.45 < asked["payments"] / requests < 0.57
    assert 0.20 <= asked["deposit"] / requests <= 0.26
    assert min(asked["table"], asked["claim"], asked["withdraw"], asked["spin"]) > 0


def test_the_pool_is_the_seeds_and_shows_the_markets_shares() -> None:
    pool, same = draw_pool(7, 2_000, 0.01), draw_pool(7, 2_000, 0.01)
    assert [one.form() for one in pool] == [one.form() for one in same]
    assert [one.login for one in draw_pool(8, 3, 0.0)] != [one.login for one in pool[:3]]
    shares = Counter(one.market for one in pool)
    assert (round(shares["DE"] / 2_000, 1), round(shares["SE"] / 2_000, 1)) == (0.5, 0.3)
    assert 5 < sum(one.excluded for one in pool) < 40


def test_excluded_players_are_refused_and_go() -> None:
    person = draw_pool(1, 1, 1.0)[0]
    steps = play(person, 3)
    last = steps[-1]
    assert isinstance(last, Ask)
    assert (last.what, last.expect) == ("login", frozenset({403}))


def test_newcomers_register_before_they_have_an_identity() -> None:
    person = draw_person(random.Random(1), "new")
    assert person.headers() == {}
    first = play(person, 1)[0]
    assert isinstance(first, Ask)
    assert first.what == "register"
    assert person.headers()["x-player-id"] == "p"


def test_a_replay_that_differs_is_complained_of() -> None:
    person = draw_pool(1, 1, 0.0)[0]
    script = visit(person, Mix(replays_per_deposit=1.0, wrong_passwords=0.0), random.Random(1))
    step, answers = next(script), 0
    while not isinstance(step, Complaint):
        answers += 1
        reply = perfect(step)
        step = script.send(Reply(200, {**reply.body, "n": answers}) if step.what == "deposit" else reply)
    assert step.what == "replay_differs"


def test_a_lost_deposit_is_sent_again_with_the_same_key() -> None:
    person = draw_pool(1, 1, 0.0)[0]
    script = visit(person, Mix(replays_per_deposit=0.0, wrong_passwords=0.0), random.Random(1))
    step = next(script)
    while not (isinstance(step, Ask) and step.what == "deposit"):
        assert isinstance(step, Ask)
        step = script.send(perfect(step))
    again = script.send(Reply(lost=True))
    assert again == step
