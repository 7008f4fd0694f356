"""What will become of the evidence that there is."""

import random
from dataclasses import replace

import pytest

from croupier.core.gates import Comparison, Counts, Gate, Objective, RatioSli, SequentialRule
from croupier.core.gates.forecast.present import ahead
from croupier.core.gates.sequential.trials import begin

RULE = SequentialRule()
GATE = Gate("errors", RatioSli("requests_total", good=(("code", ("2xx",)),)), comparison=Comparison(), rule=RULE)
FAILING = Counts(80, 100)


@pytest.mark.parametrize("gate, blamed", [(GATE, 0), (replace(GATE, objective=Objective(0.99)), 200)])
def test_what_only_the_canary_has_is_blamed_where_an_objective_can_be_missed(gate: Gate, blamed: int) -> None:
    before = begin(gate, RULE, 0.0)
    seen = replace(before.trials[0], canary=FAILING)
    told = ahead(gate, RULE, replace(before, trials=(seen,), seconds=60.0), 0.5, random.Random(1).random, 2_500)
    assert len(told.blames.at) == blamed
