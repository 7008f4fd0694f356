"""Does what a rollout decided about a failing group: turns its flags off, each once. And checks
beforehand that it could.

Held players need no doing: they are in the wanted traffic. Called by the loop, and when a rollout starts.
"""

import asyncio
import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from croupier.control import hearing
from croupier.control.ports import Ports, Query
from croupier.core.gates import Gate, KillFlag, RatioSli, Reading
from croupier.core.gates.sli import Group
from croupier.core.gates.wording import name
from croupier.core.releases import Service
from croupier.core.rollout.groups.check import labels_held
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.spec import Plan
from croupier.core.rollout.state import RolloutState
from croupier.errors import NotFound, Rejected, Transient

_LOOKED_BACK_S = 600.0
_PATIENCE_S: Final = 2.0
"""How long one flag may keep the loop waiting, which has other players to move."""

log = logging.getLogger("croupier.control")


class Switches(Protocol):
    """The flags, as far as rollouts may turn them off."""

    async def turn_off(self, flag: str, *, actor: str, reason: str, at: float) -> None:
        """The flag answers its safe variant everywhere when this returns, recorded or not. Asked again with the same
        actor, reason and time it is the same kill: one that somebody undid is not done again. Raises ``NotFound``.
        """
        ...

    def names(self) -> Collection[str]:
        """The flags that there are."""
        ...


@dataclass(frozen=True, slots=True)
class NoSwitches:
    """Where there are no flags."""

    async def turn_off(self, flag: str, *, actor: str, reason: str, at: float) -> None:  # noqa: ARG002 - the port's
        raise NotFound(f"There is no flag '{flag}'.")

    def names(self) -> Collection[str]:
        return ()


@dataclass(frozen=True, slots=True)
class Switched:
    """The flags that are off, and why one cannot be."""

    killed: frozenset[str] = frozenset()
    refused: str | None = None


async def turn_off(switches: Switches, state: RolloutState) -> Switched:
    """Turn off what the rollout decided and is not known to be in force. Called again until that is recorded, or the
    release is given up: then everybody leaves it, and a flag would be off for nothing until somebody restores it. One
    that went out already stays off, and the rollout says that it may be.

    Trouble of any kind is tried again, and keeps nobody from giving the release up: what is not in force in time takes
    everybody back.
    """
    done: set[str] = set()
    goes_on = state.phase.active and state.phase is not Phase.ABORTING
    for acted in state.acted if goes_on else ():
        reason = f"{name(acted.group)} fails alone in {state.service} {state.canary}, by gate {acted.gate}"
        for flag in acted.kills if acted.in_force_at is None else ():
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    await switches.turn_off(flag, actor=f"rollout/{state.id}", reason=reason, at=acted.at)
            except (Transient, TimeoutError):
                continue
            except (NotFound, Rejected) as refused:
                return Switched(frozenset(done), f"flag {flag} cannot be turned off: {refused.message.rstrip('.')}")
            except Exception:  # a damaged record of a flag must not hide a gate's hard stop
                log.exception("%s: flag %s could not be turned off", state.id, flag)
                continue
            done.add(flag)
    return Switched(frozenset(done))


def check_holds(plan: Plan, service: Service) -> None:
    """Raises ``Rejected`` where a gate would hold players by what no request of the service carries."""
    carried = dict(service.attribute_headers)
    for gate in plan.gates:
        for label in labels_held(gate):
            if label not in carried:
                raise Rejected(
                    f"Gate {gate.name} holds players by '{label}', and service {service.name} has no header for it.",
                    hint=f"Add it to the service: attributes: {{{label}: x-{label}}}.",
                )


async def check_kills(ports: Ports, switches: Switches, plan: Plan, service: str, stable: str) -> None:
    """Raises ``Rejected`` where a gate would turn off a flag that there is not, for a group that there is."""
    there = set(switches.names())
    for gate in plan.gates:
        on_fail = gate.on_group_fail
        if on_fail is None or not on_fail.kills:
            continue
        now = ports.clock.now()
        query = Query(gate.sli, gate.by, service, stable, None, now - _LOOKED_BACK_S, now, gate.source)
        said = await hearing.ask(ports.metrics, query, told=set())
        groups = [group for group in said.canary if group] if isinstance(said, Reading) else []
        for action in on_fail.kills:
            for flag, group in _named(gate, action, groups):
                if flag not in there:
                    raise Rejected(
                        f"Gate {gate.name} would turn off flag '{flag}' for {name(group) or 'any group'}, "
                        "and there is no such flag.",
                        hint="Declare it, or name another one in onGroupFail. See: croupier flag list",
                    )
            if not any(action.matches(flag) for flag in there):
                raise Rejected(
                    f"Gate {gate.name} would turn off flags like '{action.flag}', and there is none.",
                    hint="Declare them, or name others in onGroupFail. See: croupier flag list",
                )


def _named(gate: Gate, action: KillFlag, seen: list[Group]) -> Iterator[tuple[str, Group]]:
    """The flags of the groups that are known: those that were counted, and those that the gate names."""
    if not action.labels:
        yield action.flag, ()
        return
    listed = dict(gate.sli.total) if isinstance(gate.sli, RatioSli) else {}
    if len(action.labels) == 1:
        label = action.labels[0]
        seen = [*seen, *(((label, value),) for value in listed.get(label, ()))]
    for group in seen:
        part = tuple((label, value) for label, value in group if label in action.labels)
        if all(value for _, value in part) and len(part) == len(action.labels):
            yield action.named(part), part
