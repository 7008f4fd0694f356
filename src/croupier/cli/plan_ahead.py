"""What ``croupier rollout plan`` says beyond weights and gates: whom each step exposes, who has to approve, which
freezes it would run into, and what going back would do. Reads the plan; only freezes need a control plane.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from croupier.cli.connection import Connection
from croupier.cli.output import note, when
from croupier.core.gates import HoldPlayers, KillFlag
from croupier.core.releases import Service
from croupier.core.rollout.consent import in_words
from croupier.core.rollout.explain import duration
from croupier.core.rollout.outlook.stages import Stage
from croupier.core.rollout.spec import Approval, Pause, Plan, RolloutSpec, SetFlag
from croupier.errors import CroupierError

if TYPE_CHECKING:
    from croupier.adapters.manifests import Bundle
    from croupier.cli.client import Client

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Ahead:
    """``players`` is how many the service has, as given; ``freezes`` what is closed in the time that it takes."""

    players: int | None = None
    freezes: tuple[dict[str, Any], ...] = ()
    approvals: tuple[str, ...] = ()
    back: tuple[str, ...] = ()


NOTHING: Final = Ahead()


def ahead(
    bundle: "Bundle", spec: RolloutSpec, plan: Plan, players: int | None, freezes: tuple[dict[str, Any], ...]
) -> Ahead:
    """All of it."""
    services = [item.spec for item in bundle.documents if isinstance(item.spec, Service)]
    service = next((each for each in services if each.name == spec.service), None)
    return Ahead(players, freezes, tuple(approvals(plan)), tuple(way_back(plan, service)))


def closed(connection: Connection, asked: Sequence[tuple[str, float]]) -> list[tuple[dict[str, Any], ...]]:
    """What of the freeze calendar falls into each rollout, were it to begin now: of its service, and the seconds that
    it is expected to take. Nothing of any, with one note, where no control plane says.
    """
    try:
        with connection.open() as client:
            return [tuple(_closed(client, service, took_s)) for service, took_s in asked]
    except CroupierError as trouble:
        note(f"Freezes are not known ({trouble.message.rstrip('.')}).")
        return [() for _ in asked]


def exposed_players(stage: Stage, players: int | None) -> int | None:
    """How many different players have the canary by the end of the stage: raising a weight only adds players. What
    share of all players a segment has nobody knows.
    """
    return None if players is None or stage.shares else round(players * stage.weight)


def approvals(plan: Plan) -> Iterator[str]:
    """Who has to agree, and when."""
    if plan.consent is not None:
        yield f"before it begins: approval by {in_words(plan.consent)}"
    for place, step in enumerate(plan.steps, 1):
        if isinstance(step, Approval):
            yield f"step {place}: approval by {in_words(step.consent)}"
        elif isinstance(step, Pause) and step.duration_s is None:
            yield f"step {place}: a person promotes it"


def way_back(plan: Plan, service: Service | None) -> Iterator[str]:
    """What a rollback would do, at any step."""
    yield "everybody goes back to the version before at once, and stays there; no database is asked for that first"
    affinity = service.affinity if service is not None else None
    if affinity is not None and affinity.kinds:
        kinds = " and ".join(f"{kind.name}s" for kind in affinity.kinds)
        yield f"open {kinds} end where they began, for {duration(affinity.drain_s)} at the most, then they move"
        yield f"a hard stop moves open {kinds} at once, and lists them"
    elif service is not None:
        yield "open rounds move, too: the service says nothing of affinity"
    if flags := sorted({step.flag for step in plan.steps if isinstance(step, SetFlag)}):
        yield f"flags that its steps set answer as before: {', '.join(flags)}"
    actions = [each for gate in plan.gates if gate.on_group_fail for each in gate.on_group_fail.actions]
    if kills := sorted({each.flag for each in actions if isinstance(each, KillFlag)}):
        yield f"flags that gates turned off for a group stay off until a person restores them: {', '.join(kills)}"
    if any(isinstance(each, HoldPlayers) for each in actions):
        yield "nobody is held any more"
    yield f"the new version keeps running for {duration(plan.timing.keep_canary_s)}"
    yield f"after the promotion: rollout undo, while the version before is kept ({duration(plan.timing.keep_stable_s)})"


def _closed(client: "Client", service: str, took_s: float) -> Iterator[dict[str, Any]]:
    weeks = min(max(int(took_s // (7 * _DAY_S)) + 1, 1), 26)
    found = client.get("calendar/closed", service=service, weeks=weeks)
    end = datetime.now(UTC).timestamp() + took_s
    for time in found["times"]:
        if datetime.fromisoformat(time["begins"]).timestamp() <= end:
            yield time


def in_a_line(time: dict[str, Any]) -> str:
    """``frozen by sports/final from ... to ...``."""
    whom = "; ".join(f"{name}={','.join(values)}" for name, values in time["match"].items())
    until = when(time["ends"]) if time["ends"] else "nobody knows when"
    why = f" ({time['why']})" if time["why"] else ""
    return f"{time['text']} from {when(time['begins'])} to {until}{f', for {whom}' if whom else ''}{why}"
