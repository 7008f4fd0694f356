"""The preview address: a second listener whose routes lead to the versions that players are yet to get.

Its own file of routes, pushed after the players' and beside them: nobody's switch or way back waits for it. Requests
are marked on the way to a version, and the edge counts none of them. No fallback: what is broken shows. Called by the
router.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Final

import structlog

from croupier.adapters.routing.envoy.admin import Admin
from croupier.adapters.routing.envoy.bootstrap import METADATA, PREVIEW, TYPE, Json
from croupier.adapters.routing.envoy.clusters import cluster_name
from croupier.adapters.routing.envoy.files import Resources, read_resources, write_resources
from croupier.adapters.routing.envoy.overrides import kept_inside
from croupier.adapters.routing.envoy.settings import EnvoySettings
from croupier.control.ports import TrafficTable, VersionKey
from croupier.errors import CroupierError, Transient

_log = structlog.get_logger(__name__)

MARK: Final = "x-croupier-preview"
"""Says 1 to the version that a request came by the preview address; players cannot send it."""
_CONFIRM_POLL_S: Final = 0.01


def render_preview(table: TrafficTable, settings: EnvoySettings) -> Json:
    """The one RouteConfiguration: each service leads to its previewed version, or to the one of everybody else."""
    prefixes = [(prefix, routed) for routed in table.services for prefix in routed.service.prefixes]
    prefixes.sort(key=lambda item: (-len(item[0]), item[0]))
    routes: list[Json] = []
    for prefix, routed in prefixes:
        version = routed.preview or routed.routes.default
        match = {"prefix": "/"} if prefix == "/" else {"path_separated_prefix": prefix}
        named = {"service": routed.service.name, **({"preview": routed.preview} if routed.preview else {})}
        route: Json = {"match": match, "metadata": {"filter_metadata": {METADATA: named}}}
        if version is None:
            routes.append({**route, **_answer(503, f"No version of {routed.service.name} serves yet.")})
        else:
            cluster = cluster_name(VersionKey(routed.service.name, version))
            routes.append({**route, "route": {"cluster": cluster, "timeout": f"{settings.request_timeout_s:g}s"}})
    last = {"match": {"prefix": "/"}, **_answer(404, "No service has this path.")}
    return {
        "@type": f"{TYPE}config.route.v3.RouteConfiguration",
        "name": PREVIEW,
        # Clusters come and go with the players' routes; what is gone answers 503.
        "validate_clusters": False,
        "request_headers_to_remove": [*(settings.players.twins if settings.players else ()), *kept_inside(settings)],
        "request_headers_to_add": [
            {"header": {"key": MARK, "value": "1"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        ],
        "virtual_hosts": [{"name": PREVIEW, "domains": ["*"], "routes": [*routes, last]}],
    }


def parse_preview(config: Json) -> Mapping[str, str]:
    """Service -> the version that is previewed, by what Envoy matches on. Where name and cluster contradict each other,
    somebody else wrote it: ``Transient``.
    """
    found: dict[str, str] = {}
    try:
        for route in config["virtual_hosts"][0]["routes"]:
            named = route.get("metadata", {}).get("filter_metadata", {}).get(METADATA, {})
            if "preview" in named:
                if route["route"]["cluster"] != cluster_name(VersionKey(named["service"], named["preview"])):
                    raise Transient(f"The preview address leads {named['service']} elsewhere than it says.")
                found[named["service"]] = named["preview"]
    except (KeyError, IndexError, TypeError) as error:
        raise Transient(f"The preview address has routes that are not ours: {error!r}.") from error
    return found


class Preview:
    """Brings the preview's routes to those of a table, in the background; a later table ends what is under way."""

    def __init__(self, settings: EnvoySettings, admin: Admin) -> None:
        self._settings = settings
        self._admin = admin
        self._served: TrafficTable | None = None
        self._wanted: TrafficTable | None = None
        self._pushing: asyncio.Task[None] | None = None

    async def follow(self, table: TrafficTable) -> None:
        """Push what the table wants, unless it is so or under way. Returns at once."""
        under_way = self._pushing is not None and not self._pushing.done() and self._wanted == table
        if self._settings.preview_port is None or under_way or self._served == table:
            return
        await self.stop()
        self._wanted, self._served = table, None
        self._pushing = asyncio.create_task(self._push(table), name="envoy-preview")

    async def stop(self) -> None:
        if self._pushing is not None:
            self._pushing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._pushing
            self._pushing = None

    async def served(self) -> Mapping[str, str]:
        """Service -> previewed version, read back from Envoy; empty where there is no preview address."""
        if self._settings.preview_port is None:
            return {}
        config = await self._admin.route_config(PREVIEW)
        return parse_preview(config) if config is not None else {}

    async def _push(self, table: TrafficTable) -> None:
        resources = (render_preview(table, self._settings),)
        before = read_resources(self._settings.preview_file)
        try:
            if before is None or not before.same(resources):
                version = str(1 + (int(before.version) if before and before.version.isdecimal() else 0))
                before = Resources(version=version, resources=resources)
                write_resources(self._settings.preview_file, before)
            await self._confirm(before.version)
        except CroupierError as error:  # players are served all the same; the next look tries again
            _log.warning("the preview address is not up to date", reason=str(error))
        else:
            self._served = table

    async def _confirm(self, version: str) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.confirm_s
        while loop.time() < deadline:
            with contextlib.suppress(Transient):
                if (await self._admin.preview()).version == version:
                    return
            await asyncio.sleep(_CONFIRM_POLL_S)
        raise Transient(f"Envoy did not confirm the preview's routes within {self._settings.confirm_s:g} s.")


def _answer(status: int, title: str) -> Json:
    return {"direct_response": {"status": status, "body": {"inline_string": title}}}
