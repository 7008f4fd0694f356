"""What a document says, in a line."""

import pytest

from croupier.control.ports import Spec
from croupier.core.experiments import Experiment
from croupier.core.gates import Gate, Objective, RatioSli
from croupier.core.governance.calendar.model import Calendar
from croupier.core.releases import ProcessTemplate, Service
from croupier.core.rollout.profile.model import Chosen, Lane, Profile
from croupier.core.rollout.spec import Pause, RolloutSpec, SetWeight
from croupier.core.segments import AttributeMatch, Segment
from croupier.core.smoke import SmokeCheck
from croupier.core.smoke.model import Command
from croupier.server.api.document_views import in_a_line

AUTH = Chosen(Profile("auth", "sha256:a", Lane(())))
STEPS = (SetWeight(500), Pause(5.0))


@pytest.mark.parametrize(
    "spec, said",
    [
        (Service("x", ("/a", "/b"), ProcessTemplate(("x",))), "requests to /a, /b"),
        (
            Segment("x", (AttributeMatch("employee", ("yes",)), AttributeMatch("market", ("SE", "NO")))),
            "employee is yes and market is SE or NO",
        ),
        (RolloutSpec("x", "shop", STEPS[:1]), "shop: 1 step"),
        (RolloutSpec("x", "cart", STEPS, services=("cart", "shop")), "cart, shop: 2 steps"),
        (RolloutSpec("x", "shop", STEPS, profile=AUTH), "shop: 2 steps, profile auth"),
        (Gate("x", RatioSli("m", good=(("code", ("200",)),)), objective=Objective(0.99)), "99 % or more of m good"),
        (Calendar("x"), "nothing"),
        (SmokeCheck("x"), "0 requests"),
        (SmokeCheck("x", command=Command(("pytest",))), "a command"),
        (Experiment("x", "f", "off", "bought"), "flag f, by bought"),
    ],
)
def test_each_kind_says_what_it_is_about(spec: Spec, said: str) -> None:
    assert in_a_line(spec) == said
