"""Open rounds by version, as they are shown: with each rollout, and by themselves. Used by API and page."""

from collections.abc import Iterable

from croupier.control.ports.pins import VersionPins
from croupier.server.api import pin_models as m
from croupier.server.api.formats import moment
from croupier.server.context import Context


def pinned(here: Context, service: str, rows: Iterable[VersionPins]) -> list[m.PinnedVersion]:
    """Those of the service that there are any of."""
    fleet = here.reconciler.fleet
    assigned = fleet.unpinned_routes(service).assigned if fleet is not None else ()
    return [
        m.PinnedVersion(
            service=row.service,
            version=row.version,
            open=row.count,
            until=moment(row.until),
            drains=row.version not in assigned,
        )
        for row in rows
        if row.service == service and row.count
    ]
