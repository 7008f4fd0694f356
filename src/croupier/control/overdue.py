"""Gates whose overdue answers keep a canary's share from rising: the log names them and their sources, once a wait.

Nothing of it is recorded, so whoever asks later why a rollout stood still finds it here. Called by ``reconcile``.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace

from croupier.core.rollout.decide import Evidence, binding, decide
from croupier.core.rollout.events import Event
from croupier.core.rollout.state import RolloutState

log = logging.getLogger("croupier.control")


def tell_awaited(state: RolloutState, evidence: Evidence, events: Sequence[Event], now: float, told: set[str]) -> None:
    """Log those of the awaited gates that alone kept more than these ``events`` from being decided. ``told`` remembers
    which were logged; a gate that was heard since may be logged again.
    """
    told &= evidence.awaited
    fresh = [name for name in binding(state) if name in evidence.awaited and name not in told]
    if not fresh or decide(state, replace(evidence, awaited=frozenset()), now) == events:
        return
    told.update(fresh)
    for name in fresh:
        source = state.plan.gate(name).source
        log.warning("%s: the share waits for gate %s: its metric source %s is slow to answer", state.id, name, source)
