"""``/services/{service}/traffic``: what the gates of a plan would count, asked before anything starts."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import Field

from croupier.adapters.manifests import MAX_DOCUMENTS, parse_objects
from croupier.control.counting import count
from croupier.core.gates import Counts, Gate, Group, Reading, Silence
from croupier.errors import Rejected
from croupier.server.api.wire import Model
from croupier.server.auth import operator
from croupier.server.context import Here
from croupier.server.problems import RejectedDocuments

router = APIRouter(prefix="/services", tags=["services"])


class TrafficRequest(Model):
    """The gates of a plan, which need not have been applied."""

    documents: list[dict[str, Any]] = Field(
        min_length=1, max_length=MAX_DOCUMENTS, description="Gate documents as in the files."
    )


class GroupTraffic(Model):
    group: dict[str, str] = Field(examples=[{"psp": "kestrel"}])
    good: int
    total: int


class GateTraffic(Model):
    """What one gate would have counted lately, of all versions that serve. Zeros where the source is silent."""

    gate: str
    silence: str = Field("", description="Why the source has no answer; empty where it has.")
    seconds: float = Field(0.0, description="The length of time in which it was counted.")
    good: int = Field(0, description="Of the stable version.")
    total: int = Field(0, description="Of the stable version.")
    per_s: float = Field(0.0, description="Events a second of all versions that serve.")
    instances: int = Field(0, description="Instances of the stable version that the source tells apart.")
    groups: list[GroupTraffic] = Field(default_factory=list, description="Of the stable version, by group.")


class TrafficView(Model):
    """What the gates of a service would count now."""

    service: str
    stable: str | None
    gates: list[GateTraffic]


@router.post(
    "/{service}/traffic",
    operation_id="count_traffic",
    summary="Count what gates would see",
    # A metric source keeps what it was asked for, within limits that the gates of rollouts share.
    dependencies=[Depends(operator)],
)
async def traffic(here: Here, service: Annotated[str, Path(max_length=100)], asked: TrafficRequest) -> TrafficView:
    """How many events these gates would have counted in the last ten minutes, and how many of them good. Changes
    nothing that is recorded.
    """
    bundle = await asyncio.to_thread(parse_objects, asked.documents, None, at=("documents",))
    if bundle.errors:
        labels = [str(data.get("kind", "")) for data in asked.documents]
        problems = tuple(found.problem for found in bundle.errors)
        raise RejectedDocuments(str(problems[0]), problems=problems, labels=labels)
    gates = [document.spec for document in bundle.documents if isinstance(document.spec, Gate)]
    if not gates:
        raise Rejected("There is no Gate among these documents.", hint="Send the gates of the plan.")
    found = await count(here.ports, service, gates)
    shown = [_gate(gate.name, found.said[gate.name]) for gate in gates]
    return TrafficView(service=service, stable=found.stable, gates=shown)


def _gate(name: str, said: Reading | Silence) -> GateTraffic:
    if isinstance(said, Silence):
        return GateTraffic(gate=name, silence=said.reason)
    stable = said.canary if said.baseline is None else said.baseline
    whole = stable.get((), Counts(0, 0))
    events = whole.total + (said.canary.get((), Counts(0, 0)).total if said.baseline is not None else 0)
    seconds = said.until - said.since
    return GateTraffic(
        gate=name,
        seconds=seconds,
        good=whole.good,
        total=whole.total,
        per_s=events / seconds if seconds > 0 else 0.0,
        instances=sum(bool(part.total) for part in said.parts),
        groups=[_group(group, counts) for group, counts in stable.items() if group],
    )


def _group(group: Group, counts: Counts) -> GroupTraffic:
    return GroupTraffic(group=dict(group), good=counts.good, total=counts.total)
