"""Which answers are to be compared now, and what came of it: for the loop, the API and the page."""

from collections.abc import Iterator
from dataclasses import replace

from croupier.control.fleet import Fleet
from croupier.control.observe import Seen
from croupier.control.ports import Endpoint, Ports, VersionKey
from croupier.control.ports.comparing import Comparison
from croupier.core.rollout.shadow.report import ShadowReport
from croupier.core.rollout.spec import Shadow
from croupier.core.rollout.state import RolloutState


def compare(ports: Ports, fleet: Fleet, seen: Seen) -> None:
    """Have exactly what is recorded compared."""
    ports.comparer.compare(tuple(_comparisons(fleet, seen)))


def compared(ports: Ports, state: RolloutState) -> ShadowReport | None:
    """What the step in progress has come to so far; ``None`` where it compares nothing, or nobody knows."""
    if not _compares(state):
        return None
    found = ports.comparer.found(_id(state))
    return replace(found, step=state.step) if found is not None else None


def _comparisons(fleet: Fleet, seen: Seen) -> Iterator[Comparison]:
    for stored in fleet.rollouts.values():
        state, step = stored.value, stored.value.current_step
        if _compares(state) and state.stable and isinstance(step, Shadow) and step.compare is not None:
            arms = [(version, _endpoints(seen, state.service, version)) for version in (state.stable, state.canary)]
            yield Comparison(_id(state), state.service, arms[0], arms[1], step.compare.ignored)


def _compares(state: RolloutState) -> bool:
    step = state.current_step
    return state.mirrored is not None and isinstance(step, Shadow) and step.compare is not None


def _id(state: RolloutState) -> str:
    return f"{state.id}.{state.attempt}/{state.step}"


def _endpoints(seen: Seen, service: str, version: str) -> tuple[Endpoint, ...]:
    status = seen.workloads.get(VersionKey(service, version))
    return status.endpoints if status is not None else ()
