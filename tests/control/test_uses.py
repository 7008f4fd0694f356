"""What uses a declared document, in words."""

import pytest

from croupier.control.ports import Document, ServiceState, Spec
from croupier.control.uses import check_removable, users
from croupier.core.gates import Gate, Objective, RatioSli
from croupier.core.governance.calendar.model import Calendar
from croupier.core.releases import ProcessTemplate, Service
from croupier.core.rollout import events as e
from croupier.core.rollout.machine import create
from croupier.core.rollout.profile.fill import filled
from croupier.core.rollout.profile.model import Chosen, Lane, Profile, Rung
from croupier.core.rollout.spec import Analysis, Pause, Plan, RolloutSpec, SetWeight, Smoke
from croupier.core.rollout.state import RolloutState
from croupier.core.smoke import SmokeCheck
from croupier.errors import Rejected

SLO = Gate("slo", RatioSli("m", good=(("o", ("ok",)),)), objective=Objective(0.99))
SHOP = Service("shop", ("/shop",), ProcessTemplate(("shop",)))
CHECK = SmokeCheck("order")
USUAL = Chosen(Profile("generic", "sha256:g", Lane((Rung(500, 60.0),)), (SLO,)))


def document(spec: Spec) -> Document:
    return Document(type(spec).__name__.removesuffix("Spec"), spec.name, "sha256:1", spec, {})


def rollout(**changed: object) -> Document:
    asked = {"steps": (SetWeight(500), Pause()), **changed}
    return document(RolloutSpec("canary", "shop", **asked))  # type: ignore[arg-type]


def in_progress(plan: Plan) -> RolloutState:
    return create(e.Created("shop-2", "shop", "1.0.0", "1.1.0", "sha256:1", plan, 1.0))


RUNNING = in_progress(Plan((SetWeight(500),), ("slo",), (SLO,), checks=(CHECK,)))


@pytest.mark.parametrize(
    "spec, other",
    [
        (SLO, rollout(guards=("slo",))),
        (SLO, rollout(steps=(SetWeight(500), Analysis(("slo",))))),
        (CHECK, rollout(smoke=Smoke(("order",)))),
        (SHOP, rollout()),
        (SHOP, document(RolloutSpec("canary", "cart", (), services=("cart", "shop")))),
    ],
)
def test_a_rollout_that_names_it_uses_it(spec: Spec, other: Document) -> None:
    assert users(document(spec), [other], (), ()) == ("the Rollout canary names it",)


@pytest.mark.parametrize(
    "spec, other",
    [
        (SLO, rollout(guards=("other",))),
        (SLO, document(filled(RolloutSpec("canary", "shop", (), profile=USUAL)))),  # the profile has it by itself
        (CHECK, rollout(smoke=Smoke(("other",)))),
        (SHOP, document(RolloutSpec("canary", "cart", ()))),
        (Calendar("shop"), rollout()),
        (SHOP, document(SLO)),
    ],
)
def test_others_do_not(spec: Spec, other: Document) -> None:
    assert users(document(spec), [other], (), ()) == ()


def test_a_gate_that_stands_for_the_profiles_is_used() -> None:
    own = Chosen(USUAL.profile, stand_ins=(("slo", "own"),))
    spec = document(filled(RolloutSpec("canary", "shop", (), profile=own)))
    assert users(document(Gate("own", SLO.sli)), [spec], (), ()) == ("the Rollout canary names it",)


@pytest.mark.parametrize("spec, uses", [(SLO, True), (CHECK, True), (SHOP, True), (Calendar("shop"), False)])
def test_so_does_a_rollout_in_progress(spec: Spec, uses: bool) -> None:
    said = ("shop-2 is in progress with it",) if uses else ()
    assert users(document(spec), (), (RUNNING,), ()) == said


def test_a_service_that_serves_players_is_used() -> None:
    assert users(document(SHOP), (), (), (ServiceState("shop", "1.0.0"),)) == ("1.0.0 of it serves players",)
    assert users(document(SHOP), (), (), (ServiceState("shop"),)) == ()


@pytest.mark.parametrize("kind", ["Segment", "Release", "Flag", "Preset"])
def test_what_stays_says_what_to_do_instead(kind: str) -> None:
    with pytest.raises(Rejected, match=f"A {kind} is not taken out") as refused:
        check_removable(kind)
    assert refused.value.hint
    check_removable("Gate")
