"""Could this gate ever fail, could it ever pass? Judged from the gate alone, before anything starts.

The paths in the problems are those of the ``Gate`` document, so that they lead into the user's file. Called by whoever
takes gates in: files, API, use cases.
"""

from croupier.core.gates.check.demands import odd_demands, wrong_demands
from croupier.core.gates.check.groups import wrong_groups
from croupier.core.gates.check.rule import wrong_rule
from croupier.core.gates.check.sli import wrong_sli
from croupier.core.gates.check.source import wrong_source
from croupier.core.gates.model import Gate
from croupier.errors import Problem


def check_gate(gate: Gate) -> tuple[Problem, ...]:
    """What keeps the gate from ever failing, or from ever passing; empty when it can do both."""
    return (*wrong_sli(gate), *wrong_source(gate), *wrong_demands(gate), *wrong_rule(gate), *wrong_groups(gate))


def advise_gate(gate: Gate) -> tuple[Problem, ...]:
    """What is allowed but rarely meant."""
    return tuple(odd_demands(gate))
