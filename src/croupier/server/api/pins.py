"""``/services/{service}/pins``: services say which rounds they opened and closed; people look at open ones."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query

from croupier.control.ports import PinLedger
from croupier.control.ports.pins import Opened, Pin, PinReport
from croupier.core.releases import Affinity, Service
from croupier.errors import NotFound, Rejected
from croupier.server.api import pin_models as m
from croupier.server.api.formats import moment
from croupier.server.api.paging import Cursor, Limit
from croupier.server.api.pinned import pinned
from croupier.server.api.wire import Page
from croupier.server.auth import Principal, Role, needs
from croupier.server.context import Context, Here
from croupier.server.problems import Forbidden

router = APIRouter(prefix="/services/{service}", tags=["services"])
reporting = APIRouter(prefix="/api/v1/services/{service}", tags=["services"])

ServiceName = Annotated[str, Path(max_length=100, examples=["games"])]
Reporter = Annotated[Principal, Depends(needs(Role.REPORTER))]
HEARD_S: Final = 10.0


@reporting.post("/pins", operation_id="report_rounds", summary="Report rounds")
async def report(here: Here, who: Reporter, service: ServiceName, said: m.RoundsReport) -> m.RoundsTaken:
    """What a process of the service opened and closed. Needs the role reporter; its answer means that it is written."""
    if who.services is not None and service not in who.services:
        raise Forbidden(
            f"{who.name} does not speak for {service}.",
            hint=f"Make a token for it: croupier token create NAME --role reporter --service {service}",
        )
    affinity = await _affinity(here, service)
    kinds = {kind.name for kind in affinity.kinds}
    named = {each.kind for each in said.opened} | {each.kind for each in said.closed}
    if unknown := named - kinds:
        raise Rejected(
            f"{service} has no kind of rounds '{min(unknown)}'.",
            hint=f"Its kinds: {', '.join(sorted(kinds))}; see 'affinity' in its Service document.",
        )
    if here.rounds is None:
        raise NotFound("This control plane keeps no rounds.")
    now = here.ports.clock.now()
    await here.rounds.take(
        PinReport(
            service=service,
            client=said.client,
            version=said.version,
            opened=[Opened(each.kind, each.id, each.player, now - each.age) for each in said.opened],
            closed=[(each.kind, each.id) for each in said.closed],
            complete_at=min(said.seen, now),
            now=now,
            ttl_s=affinity.ttl_s,
            rollout=fleet.latest_id(service) if (fleet := here.reconciler.fleet) is not None else "-",
        )
    )
    return m.RoundsTaken(now=now)


@router.get("/pins", operation_id="list_pins", summary="List open rounds")
async def list_pins(
    here: Here,
    service: ServiceName,
    rollout: Annotated[
        str | None, Query(max_length=100, description="Those that this rollout moved in the middle.")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[m.PinView]:
    """Rounds that end where they began, the oldest first; with `rollout` those that it moved."""
    ledger = await _ledger(here, service)
    page = await ledger.pins(service, moved_by=rollout, cursor=cursor, limit=limit)
    return Page(items=[_shown(pin) for pin in page.items], next=page.next)


@router.get("/pins/versions", operation_id="count_pins", summary="Count open rounds")
async def count_pins(here: Here, service: ServiceName) -> list[m.PinnedVersion]:
    """How many rounds are open on each version, and for how long still."""
    await _ledger(here, service)
    return await pinned_versions(here, service)


async def pinned_versions(here: Context, service: str) -> list[m.PinnedVersion]:
    """The same; nothing where the service has no affinity. Raises ``Transient``."""
    if here.ports.pins is None:
        return []
    return pinned(here, service, await here.ports.pins.open_pins(here.ports.clock.now(), HEARD_S))


async def _ledger(here: Context, service: str) -> PinLedger:
    await _affinity(here, service)
    if here.ports.pins is None:
        raise NotFound("This control plane keeps no rounds.")
    return here.ports.pins


async def _affinity(here: Context, service: str) -> Affinity:
    fleet = here.reconciler.fleet
    known = fleet.services.get(service) if fleet is not None else None
    if known is None:
        specs = [stored.value.spec for stored in await here.ports.store.documents("Service")]
        known = next((spec for spec in specs if isinstance(spec, Service) and spec.name == service), None)
    if known is None:
        raise NotFound(f"There is no service '{service}'.", hint="Apply its Service document first.")
    if known.affinity is None:
        raise NotFound(
            f"{service} has no affinity: none of its rounds has to end where it began.",
            hint="Add it to its Service document: affinity: {header: x-round-id}.",
        )
    return known.affinity


def _shown(pin: Pin) -> m.PinView:
    return m.PinView(
        kind=pin.kind,
        id=pin.id,
        version=pin.version,
        player=pin.player,
        opened_at=moment(pin.opened_at),
        until=moment(pin.until),
        moved_by=pin.moved_by or None,
        moved_at=moment(pin.moved_at),
        why=pin.why,
    )
