"""What a domain asks of a service's affinity: less of it needs an approval, and more never does."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.gates import Gate, Objective, RatioSli, SequentialRule
from croupier.core.releases import Affinity, ProcessTemplate, Service
from croupier.core.releases.affinity import by_header
from croupier.core.rollout.consent import Consent
from croupier.core.rollout.profile.fill import filled
from croupier.core.rollout.profile.lasting import shorter, to_write
from croupier.core.rollout.profile.model import Chosen, Lane, Lasting, Profile, Rung
from croupier.core.rollout.resolve import less_careful, resolve
from croupier.core.rollout.spec import Plan, RolloutSpec

ROUNDS = Lasting(("round", "order"), 1_800.0, 90.0)
ENOUGH = Affinity((by_header("order", "x-order-id"), by_header("round", "x-round-id")), 1_800.0, 90.0)
PROFILE = Profile("games", "sha256:1", Lane((Rung(500, 60.0),)), lasting=ROUNDS, keep_stable_s=0.0)
SPEC = filled(RolloutSpec("shop", "shop", (), profile=Chosen(PROFILE)))
NEVER = filled(RolloutSpec("shop", "shop", (), profile=Chosen(replace(PROFILE, lasting=None))))
KINDS = st.lists(st.sampled_from(["round", "order", "session"]), min_size=1, unique=True)
SECONDS = st.integers(1, 7 * 86_400)


def shop(affinity: Affinity | None) -> Service:
    return Service("shop", ("/",), ProcessTemplate(("shop",)), affinity=affinity)


def planned(affinity: Affinity | None, spec: RolloutSpec = SPEC, *, hotfix: bool = False) -> Plan:
    return resolve(spec, (), (), service=shop(affinity), hotfix=hotfix)


def written(kinds: list[str], ttl_s: float, drain_s: float) -> Affinity:
    return Affinity(tuple(by_header(kind, f"x-{kind}") for kind in kinds), ttl_s, drain_s)


ROUND_WRITTEN = "{kind: round, sources: [{header: x-round-id}, {query: round}]}"
ORDER_WRITTEN = "{kind: order, sources: [{header: x-order-id}, {query: order}]}"
BESIDE = "Write in the affinity of the Service shop:"


@pytest.mark.parametrize(
    "affinity, said, write",
    [
        (
            None,
            ["affinity none, of the profile round and order"],
            f"Write in the Service shop: affinity: {{kinds: [{ROUND_WRITTEN}, {ORDER_WRITTEN}], ttl: 30m, drain: 90s}}",
        ),
        (
            replace(ENOUGH, kinds=ENOUGH.kinds[1:]),
            ["affinity.kinds round, of the profile order"],
            f"{BESIDE} {ORDER_WRITTEN} beside its kinds",
        ),
        (replace(ENOUGH, ttl_s=600.0), ["affinity.ttl 10 min, of the profile 30 min"], f"{BESIDE} ttl: 30m"),
        (
            written(["session"], 1.0, 60.0),
            [
                "affinity.kinds session, of the profile round",
                "affinity.kinds session, of the profile order",
                "affinity.ttl 1 s, of the profile 30 min",
                "affinity.drain 1 min, of the profile 1 min 30 s",
            ],
            f"{BESIDE} {ROUND_WRITTEN}, {ORDER_WRITTEN} beside its kinds, ttl: 30m, drain: 90s",
        ),
    ],
)
def test_what_is_less_than_the_domain_asks_for_needs_an_approval(
    affinity: Affinity | None, said: list[str], write: str
) -> None:
    plan = planned(affinity)
    assert [*plan.loosened] == said
    assert plan.consent == Consent()
    assert plan.affinity == affinity
    told = less_careful(SPEC, {}, {}, {"shop": shop(affinity)})
    (problem,) = told
    assert problem.message == f"less careful than the profile games: {'; '.join(said)}."
    why = "so that callbacks find the version that knows them"
    assert problem.hint == f"{write}, {why}; or a start waits for somebody to approve it."


def test_as_much_as_it_asks_for_is_enough_and_frozen_into_the_plan() -> None:
    plan = planned(ENOUGH)
    assert (plan.loosened, plan.consent, plan.affinity) == ((), None, ENOUGH)
    assert less_careful(SPEC, {}, {}, {"shop": shop(ENOUGH)}) == ()


def test_a_hotfix_is_no_way_around_it() -> None:
    gate = Gate("slo", RatioSli("m", good=(("o", ("ok",)),)), objective=Objective(0.99), rule=SequentialRule())
    plan = planned(None, filled(replace(SPEC, profile=Chosen(replace(PROFILE, gates=(gate,))))), hotfix=True)
    assert (plan.hotfix, plan.loosened) == (True, ("affinity none, of the profile round and order",))


def test_where_nothing_lasts_nothing_is_asked_of_the_service() -> None:
    for affinity in (None, ENOUGH):
        plan = planned(affinity, NEVER)
        assert (plan.loosened, plan.consent, plan.affinity) == ((), None, None)
    assert to_write(shop(None), replace(PROFILE, lasting=None)) == ""


def test_of_a_service_that_is_not_known_nothing_is_said() -> None:
    assert resolve(SPEC, (), ()).loosened == ()
    assert less_careful(SPEC, {}, {}, {}) == ()


def test_what_is_laxer_elsewhere_is_told_what_to_write_there() -> None:
    spec = replace(SPEC, false_rollbacks=0.001)
    first, second = less_careful(spec, {}, {}, {"shop": shop(None)})
    assert first.hint.startswith("Write what the profile says; or")
    assert second.hint.startswith("Write in the Service shop")


@given(KINDS, SECONDS, SECONDS, KINDS, st.integers(0, 9_999), st.integers(0, 9_999))
def test_more_of_it_is_always_free(
    kinds: list[str], ttl_s: int, drain_s: int, more: list[str], longer_s: int, later_s: int
) -> None:
    usual = Lasting(tuple(kinds), ttl_s, drain_s)
    own = written([*dict.fromkeys((*more, *kinds))], ttl_s + longer_s, drain_s + later_s)
    assert not [*shorter(own, usual)]


@given(KINDS, SECONDS, SECONDS, st.data())
def test_less_of_any_one_thing_never_is(kinds: list[str], ttl_s: int, drain_s: int, data: st.DataObject) -> None:
    usual = Lasting(tuple(kinds), ttl_s, drain_s)
    own = written(["session", *kinds] if "session" not in kinds else kinds, ttl_s, drain_s)
    less = data.draw(st.sampled_from(["kind", "ttl", "drain"]))
    if less == "kind":
        own = replace(own, kinds=tuple(kind for kind in own.kinds if kind.name != kinds[0]))
    elif less == "ttl":
        own = replace(own, ttl_s=ttl_s - 0.5)
    else:
        own = replace(own, drain_s=drain_s - 0.5)
    assert len([*shorter(own, usual)]) == 1
