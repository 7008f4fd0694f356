"""One service's mistake must not stop the others: what can still be served of a table that was refused.

Called by the reconciler. Documents are checked when they come in, but two can be right alone and wrong together, and an
abort must get through all the same.
"""

from collections.abc import Mapping
from dataclasses import replace

from croupier.control.fleet import Fleet
from croupier.control.ports import RoutedService, TrafficTable
from croupier.core.rollout.routes import ServiceRoutes, stable_routes
from croupier.errors import Rejected


def without_blamed(table: TrafficTable, refused: Rejected) -> TrafficTable | None:
    """The table with each service that the refusal names on its default version alone, or left out where it has none
    yet. ``None`` where no service is named, or nothing would be other than before.
    """
    blamed = {problem.path[0] for problem in refused.problems if problem.path}
    services = tuple(
        _plain(routed) if routed.service.name in blamed else routed
        for routed in table.services
        if routed.service.name not in blamed or routed.routes.default is not None
    )
    kept = {routed.service.name for routed in services}
    backends = tuple(backend for backend in table.backends if backend.key.service in kept)
    rest = TrafficTable(services, backends)
    return None if rest == table else rest


def strangers(served: Mapping[str, ServiceRoutes], fleet: Fleet) -> tuple[str, ...]:
    """Services that players are served while the record never rolled out any of them: such a record was lost, or is
    another one's, and must not take everything off the air.
    """
    serving = {name for name, routes in served.items() if routes.versions}
    delivered = {
        name for name, delivery in fleet.deliveries.items() if delivery.value.rollouts or delivery.value.stable
    }
    return () if serving & delivered else tuple(sorted(serving))


def _plain(routed: RoutedService) -> RoutedService:
    return replace(routed, routes=stable_routes(routed.service.name, routed.routes.default))
