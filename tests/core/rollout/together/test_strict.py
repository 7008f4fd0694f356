"""Moving with others is no way around the profile that a service has alone."""

from dataclasses import replace

from croupier.core.gates import Gate, Objective, RatioSli, SequentialRule
from croupier.core.releases import Affinity, ProcessTemplate, Service
from croupier.core.releases.affinity import by_header
from croupier.core.rollout.consent import Consent
from croupier.core.rollout.profile.model import Chosen, Lane, Lasting, Profile, Rung
from croupier.core.rollout.resolve import resolve
from croupier.core.rollout.spec import Pause, Plan, RolloutSpec, SetWeight, Smoke
from croupier.core.rollout.together.parts import parts
from croupier.core.rollout.together.strict import less_careful_as_one, own_profiles, strictest
from croupier.core.smoke import SmokeCheck
from croupier.errors import Problem

SLI = RatioSli("m", good=(("o", ("ok",)),))
LOGIN = SmokeCheck("login")
ERRORS = Gate("errors", SLI, objective=Objective(0.99), rule=SequentialRule())
CAREFUL = Profile("payments", "sha256:p", Lane((Rung(500, 60.0),), Consent(2, ("admin",))), (ERRORS,))
EASY = Profile("promo", "sha256:e", Lane((Rung(500, 60.0),)), (ERRORS,))
BOTH = RolloutSpec(
    "both", "wallet", (SetWeight(500), Pause(300.0)), guards=("errors",), services=("wallet", "payments")
)
HASTY = RolloutSpec("both", "wallet", (SetWeight(500), Pause(1.0)), guards=("errors",), services=("wallet", "payments"))


def alone(service: str, profile: Profile | None) -> RolloutSpec:
    chosen = Chosen(profile) if profile is not None else None
    return RolloutSpec(f"{service}-alone", service, (SetWeight(500), Pause(300.0)), guards=("errors",), profile=chosen)


def planned(spec: RolloutSpec, *, affinity: Affinity | None = None, **profiles: Profile | None) -> tuple[Plan, ...]:
    specs = [spec, *(alone(service, profile) for service, profile in profiles.items())]
    plans = [resolve(each, [ERRORS], []) for each in parts(spec)]
    services = {name: Service(name, ("/",), ProcessTemplate((name,)), affinity=affinity) for name in spec.services}
    return strictest(spec, plans, own_profiles(specs, spec.services), services)


def test_without_profiles_nothing_changes() -> None:
    plain = planned(BOTH, wallet=None, payments=None)
    assert [(plan.consent, plan.loosened, plan.profile) for plan in plain] == [(None, (), None)] * 2


def test_what_one_profile_asks_for_is_asked_of_all() -> None:
    wallet, payments = planned(BOTH, wallet=None, payments=CAREFUL)
    assert wallet.consent == payments.consent == Consent(2, ("admin",))
    assert (wallet.profile, wallet.loosened, payments.loosened) == (None, (), ())
    assert payments.profile is not None
    assert payments.profile.name == "payments"


def test_who_is_less_careful_than_one_profile_needs_somebody_else_for_all() -> None:
    wallet, payments = planned(HASTY, wallet=EASY, payments=None)
    assert wallet.loosened == ("more than 5 % of the players after 1 s, of the profile after 1 min",)
    assert wallet.consent == payments.consent == Consent()


def test_the_strongest_rules() -> None:
    wallet, payments = planned(HASTY, wallet=EASY, payments=CAREFUL)
    assert wallet.consent == payments.consent == Consent(2, ("admin",))
    assert wallet.loosened
    assert payments.loosened


def told(spec: RolloutSpec, *others: RolloutSpec, gates: tuple[Gate, ...] = (ERRORS,)) -> list[Problem]:
    return list(less_careful_as_one(spec, (spec, *others), {gate.name: gate for gate in gates}, {}, {}, (LOGIN,)))


def test_who_is_less_careful_is_told_so_before_anything_starts() -> None:
    assert told(HASTY) == []
    assert told(HASTY, alone("lobby", CAREFUL), alone("wallet", None)) == []
    assert told(BOTH, alone("wallet", EASY)) == []
    (found,) = told(HASTY, alone("payments", EASY))
    assert found.message == (
        "less careful than the profile that payments has alone (promo): "
        "more than 5 % of the players after 1 s, of the profile after 1 min."
    )
    assert found.path == ("spec", "services", 1)
    assert len(told(replace(HASTY, smoke=Smoke(("login",))), alone("payments", EASY))) == 1
    assert told(HASTY, alone("payments", EASY), gates=()) == [], "what is missing is said by others"


def test_what_lasts_in_one_service_is_asked_of_that_one() -> None:
    orders = Profile(
        "payments", "sha256:p", Lane((Rung(500, 60.0),)), (ERRORS,), lasting=Lasting(("order",), 60.0, 60.0)
    )
    wallet, payments = planned(BOTH, wallet=EASY, payments=orders)
    assert (wallet.loosened, payments.loosened) == ((), ("affinity none, of the profile order",))
    assert wallet.consent == payments.consent == Consent()
    enough = Affinity((by_header("order", "x-order-id"),))
    wallet, payments = planned(BOTH, affinity=enough, wallet=EASY, payments=orders)
    assert (payments.loosened, payments.consent) == ((), None)
    assert (wallet.affinity, payments.affinity) == (None, enough)
