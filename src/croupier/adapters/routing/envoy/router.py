"""``TrafficRouter`` on the embedded Envoy: writes clusters and routes in an order that loses no request, and waits for
Envoy to say that it took them. Built by ``server.app``; called by the control loop and by abort.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from croupier.adapters.routing.envoy.admin import Admin, Taken, XdsState
from croupier.adapters.routing.envoy.bootstrap import Json
from croupier.adapters.routing.envoy.checks import check_table
from croupier.adapters.routing.envoy.clusters import render_clusters
from croupier.adapters.routing.envoy.files import Resources, read_resources, write_resources
from croupier.adapters.routing.envoy.players import unverified
from croupier.adapters.routing.envoy.preview import Preview
from croupier.adapters.routing.envoy.readback import parse_routes
from croupier.adapters.routing.envoy.routes import render_routes
from croupier.adapters.routing.envoy.settings import EnvoySettings
from croupier.adapters.routing.envoy.supervisor import Supervisor, log_tail
from croupier.control.ports import TrafficTable
from croupier.core.rollout.routes import ServiceRoutes
from croupier.errors import Corrupt, CroupierError, Rejected, Transient

_log = structlog.get_logger(__name__)

_CONFIRM_POLL_S: Final = 0.002
_CDS: Final = "clusters"
_RDS: Final = "routes"
_DUMP: Final = {_CDS: "dynamic_active_clusters", _RDS: "dynamic_route_configs"}


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The table that Envoy last confirmed, and what it said then."""

    table: TrafficTable
    state: XdsState


class EnvoyRouter:
    """One edge. ``start`` adopts an Envoy that a control plane before us left running, with the routes it serves."""

    def __init__(self, settings: EnvoySettings) -> None:
        self._settings = settings
        self._admin = Admin(settings.admin_socket)
        self._supervisor = Supervisor(settings, self._admin)
        self._preview = Preview(settings, self._admin)
        self._applying = asyncio.Lock()
        self._confirmed: Confirmed | None = None
        self._unused: Mapping[str, float] = {}
        """Clusters that no confirmed route names, and since when (loop time)."""
        self._pruning: asyncio.Task[None] | None = None
        self._warned: set[tuple[str, str]] = set()

    @property
    def admin_socket(self) -> Path:
        """Where metrics are scraped: ``GET bootstrap.STATS_PATH``."""
        return self._settings.admin_socket

    @property
    def address(self) -> tuple[str, int]:
        """Host and port where players are served."""
        return self._settings.listen_host, self._settings.port

    @property
    def pid(self) -> int | None:
        """Of the Envoy that serves now."""
        return self._supervisor.pid

    async def start(self) -> None:
        """Return when Envoy serves, with the routes of the run before if there was one."""
        await self._supervisor.start()

    async def stop(self, *, keep_serving: bool) -> None:
        """End supervision; Envoy too unless ``keep_serving``, after requests in flight had their time."""
        await self._stop_pruning()
        await self._preview.stop()
        await self._supervisor.stop(keep_serving=keep_serving)
        await self._admin.close()

    async def healthy(self) -> bool:
        """Whether Envoy runs and serves."""
        return await self._admin.live()

    async def served(self) -> Mapping[str, ServiceRoutes]:
        """As ``TrafficRouter.served``. Routes that are not ours (edited, or of an older Croupier) are ``Transient``:
        the next ``apply`` replaces them.
        """
        config = await self._admin.route_config()
        if config is None:
            raise Transient("Envoy has no routes yet.")
        try:
            return parse_routes(config)
        except Corrupt as foreign:
            self._confirmed = None
            raise Transient(foreign.message, hint=foreign.hint) from foreign

    async def previewed(self) -> Mapping[str, str]:
        """As ``TrafficRouter.previewed``."""
        return await self._preview.served()

    async def apply(self, table: TrafficTable) -> None:
        """As ``TrafficRouter.apply``."""
        await self._apply(table)
        await self._preview.follow(table)

    async def _apply(self, table: TrafficTable) -> None:
        check_table(table)
        self._warn_of_unverified(table)
        async with self._applying:
            known = self._confirmed
            if known and known.table != table:
                state = known.state  # asking first would only delay an abort: the change itself is confirmed
            else:
                state = await self._state()
                if known and known.state.same_versions(state):
                    return
            unused = self._unused
            self._confirmed, self._unused = None, {}
            await self._stop_pruning()
            await self._serve(table, state, unused)

    def _warn_of_unverified(self, table: TrafficTable) -> None:
        """Say once of each header that nobody will ever match on it."""
        players = self._settings.players
        for routed in table.services if players else ():
            for header in unverified(routed.service, players) if players else ():
                if (routed.service.name, header) not in self._warned:
                    self._warned.add((routed.service.name, header))
                    _log.warning(
                        "a header that no token fills is not looked at: segments on it are empty",
                        service=routed.service.name,
                        header=header,
                        hint="name its claim in CROUPIER_EDGE_CLAIMS",
                    )

    async def _serve(self, table: TrafficTable, state: XdsState, unused: Mapping[str, float]) -> None:
        """Routes may only name clusters that are there: add, then route, then take away what is long ``unused``."""
        clusters = tuple(render_clusters(table, self._settings.compare_socket))
        now = asyncio.get_running_loop().time()
        wanted = {cluster["name"] for cluster in clusters}
        old = {name for name, since in unused.items() if now - since >= self._settings.linger_s}
        kept = tuple(c for c in self._written(_CDS) if c["name"] not in wanted | old)
        state = await self._push(_CDS, (*clusters, *kept), state)
        state = await self._push(_RDS, (render_routes(table, self._settings),), state)
        self._confirmed = Confirmed(table, state)
        if kept:
            self._unused = {cluster["name"]: unused.get(cluster["name"], now) for cluster in kept}
            self._pruning = asyncio.create_task(self._prune(table, clusters), name="envoy-prune")

    async def _prune(self, table: TrafficTable, clusters: tuple[Json, ...]) -> None:
        """Take clusters away that no route names, when requests on their way to them (retries too) are done."""
        await asyncio.sleep(self._settings.linger_s)
        async with self._applying:
            try:
                state = await self._push(_CDS, clusters, await self._state())
            except CroupierError as error:
                _log.warning("unused clusters stay until the next change", reason=str(error))
                return
            self._confirmed, self._unused = Confirmed(table, state), {}

    async def _stop_pruning(self) -> None:
        if self._pruning and self._pruning is not asyncio.current_task():
            self._pruning.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._pruning
            self._pruning = None

    def _path(self, kind: str) -> Path:
        return self._settings.cds_file if kind == _CDS else self._settings.rds_file

    def _written(self, kind: str) -> tuple[Json, ...]:
        content = read_resources(self._path(kind))
        return content.resources if content else ()

    async def _push(self, kind: str, resources: tuple[Json, ...], state: XdsState) -> XdsState:
        """Write what Envoy does not work with yet, and wait until it took it; else put back what was there."""
        before, taken = read_resources(self._path(kind)), _taken(state, kind)
        if before and before.version == taken.version and before.same(resources):
            return state
        content = Resources(version=self._next_version(taken), resources=resources)
        write_resources(self._path(kind), content)
        try:
            return await self._confirm(kind, content.version, taken.refused)
        except (Rejected, Transient):
            if before:
                with contextlib.suppress(Transient):
                    write_resources(self._path(kind), before)
            raise

    def _next_version(self, taken: Taken) -> str:
        """Higher than anything written or served, also by control planes before us."""
        written = [content.version for kind in (_CDS, _RDS) if (content := read_resources(self._path(kind)))]
        return str(1 + max((int(text) for text in (taken.version, *written) if text.isdecimal()), default=0))

    async def _confirm(self, kind: str, version: str, refused: int) -> XdsState:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.confirm_s
        while loop.time() < deadline:
            with contextlib.suppress(Transient):  # it may be starting again, and will then read this very file
                state = await self._admin.xds_state()
                taken = _taken(state, kind)
                if taken.version == version and (kind == _RDS or state.settled):
                    return state
                if taken.refused > refused:
                    raise Rejected(f"Envoy refuses the {kind}: {await self._reason(kind)}")
                refused = min(refused, taken.refused)
            await asyncio.sleep(_CONFIRM_POLL_S)
        raise Transient(f"Envoy did not confirm the {kind} within {self._settings.confirm_s:g} s.")

    async def _reason(self, kind: str) -> str:
        with contextlib.suppress(Transient):
            if reason := await self._admin.refusal(_DUMP[kind]):
                return reason
        return log_tail(self._settings.log_file)

    async def _state(self) -> XdsState:
        """Waits while Envoy is being started again."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.confirm_s
        while True:
            try:
                return await self._admin.xds_state()
            except Transient:
                if loop.time() > deadline:
                    raise
            await asyncio.sleep(_CONFIRM_POLL_S * 5)


def _taken(state: XdsState, kind: str) -> Taken:
    return state.cds if kind == _CDS else state.rds
