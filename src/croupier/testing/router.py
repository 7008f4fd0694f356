"""A data plane in memory: keeps ``TrafficRouter``'s contract, and fails in every way that control must live with.

Used by the simulator and by tests of what stands above the port; passes the contract suite that Envoy passes.
"""

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

from croupier.control.ports import Clock, TrafficTable, VersionKey
from croupier.core.rollout.routes import ServiceRoutes, Share
from croupier.errors import Rejected, Transient
from croupier.testing.players import version_for

_NO_ATTRIBUTES: Mapping[str, str] = MappingProxyType({})


class MemoryRouter:
    """Serves the table that was applied last.

    Switches, each free to be turned at any time: ``unreachable`` (every call is ``Transient``), ``refuses`` (why a
    table is ``Rejected``), ``loses`` (an apply says yes and does nothing), ``confirms_after_s`` (a new table is served
    only so many seconds after it was handed over; until then apply is ``Transient``).
    """

    def __init__(self, clock: Clock) -> None:
        self.unreachable = False
        self.refuses: str | None = None
        self.loses = False
        self.confirms_after_s = 0.0
        self._clock = clock
        self._table = TrafficTable((), ())
        self._coming: tuple[TrafficTable, float] | None = None

    async def apply(self, table: TrafficTable) -> None:
        """Take the table over, at once or after ``confirms_after_s``. Raises as the port says."""
        self._reach()
        if self.refuses is not None:
            raise Rejected(f"the data plane refuses the table: {self.refuses}")
        _check(table)
        if self.loses:
            return
        self._settle()
        if table == self._table:
            self._coming = None
            return
        if self._coming is None or self._coming[0] != table:
            self._coming = table, self._clock.now()
            self._settle()
        if self._coming is not None:
            raise Transient("the data plane has not confirmed the table yet")

    async def served(self) -> Mapping[str, ServiceRoutes]:
        """Service -> routes, of the table that is really served now."""
        self._reach()
        return {item.service.name: item.routes for item in self.table.services}

    async def previewed(self) -> Mapping[str, str]:
        """Service -> previewed version, likewise."""
        self._reach()
        return {item.service.name: item.preview for item in self.table.services if item.preview is not None}

    @property
    def table(self) -> TrafficTable:
        """What players meet now, whether or not the control plane can see it."""
        self._settle()
        return self._table

    @property
    def in_flight(self) -> bool:
        """Whether a table was handed over that players do not meet yet, but will."""
        self._settle()
        return self._coming is not None

    def routes(self, service: str) -> ServiceRoutes | None:
        """What players of the service meet now."""
        return next((item.routes for item in self.table.services if item.service.name == service), None)

    def backend(self, service: str, player: str | None, attributes: Mapping[str, str] = _NO_ATTRIBUTES) -> str | None:
        """The version that answers this player; ``None`` (a 503) where there is none or none of its instances runs."""
        routes = self.routes(service)
        version = version_for(routes, player, attributes) if routes else None
        running = {backend.key: backend.endpoints for backend in self._table.backends}
        return version if version and running.get(VersionKey(service, version)) else None

    def _reach(self) -> None:
        if self.unreachable:
            raise Transient("the data plane does not answer")

    def _settle(self) -> None:
        if self._coming is None:
            return
        table, handed_over_at = self._coming
        passed_s = self._clock.now() - handed_over_at
        if passed_s >= self.confirms_after_s or passed_s < 0:  # a clock set back holds nothing up
            self._table, self._coming = table, None


def _check(table: TrafficTable) -> None:
    """Refuse what no data plane could serve."""
    names = Counter(item.service.name for item in table.services)
    backends = {backend.key for backend in table.backends}
    for item in table.services:
        service, routes = item.service, item.routes
        if names[service.name] > 1:
            raise Rejected(f"service {service.name} is in the table twice")
        if routes.shares and routes.shares[-1].segment is not None:
            raise Rejected(f"{service.name}: the last share must be for everybody else")
        if missing := [version for version in routes.versions if VersionKey(service.name, version) not in backends]:
            raise Rejected(f"{service.name}: no backend for {', '.join(missing)}")
        for share in routes.shares:
            _check_share(service.name, share, {attribute for attribute, _ in service.attribute_headers})


def _check_share(service: str, share: Share, attributes: set[str]) -> None:
    versions = [version for version, _ in share.weights]
    if len(versions) != len(set(versions)):
        raise Rejected(f"{service}: a version has two weights in {share.weights}")
    for match in share.segment.matches if share.segment else ():
        if match.attribute not in attributes:
            raise Rejected(f"{service}: no header carries the attribute {match.attribute}")
