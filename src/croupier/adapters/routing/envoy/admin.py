"""Questions to a running Envoy over its admin socket: is it up, which versions did it take, what does it serve.

Reads only, but for draining. Called by the router and the supervisor; every failure is ``Transient``.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx

from croupier.adapters.routing.envoy.bootstrap import LISTENER, PREVIEW, Json
from croupier.errors import Transient

CDS: Final = "cluster_manager.cds"
RDS: Final = f"http.{LISTENER}.rds.{LISTENER}"
_WARMING: Final = "cluster_manager.warming_clusters"
_ACTIVE: Final = f"http.{LISTENER}.downstream_rq_active"


def _stats_path(names: list[str]) -> str:
    return "/stats?filter=" + quote("^(" + "|".join(map(re.escape, names)) + ")$", safe="")


_STATE_PATH: Final = _stats_path(
    [f"{kind}.{name}" for kind in (CDS, RDS) for name in ("version_text", "update_rejected", "update_failure")]
    + [_WARMING]
)
_PREVIEW: Final = f"http.{PREVIEW}.rds.{PREVIEW}"
_PREVIEW_PATH: Final = _stats_path([f"{_PREVIEW}.version_text"])
_ACTIVE_PATH: Final = _stats_path([_ACTIVE])


@dataclass(frozen=True, slots=True)
class Taken:
    """What Envoy took of one kind of file: the version it works with, and how many it has refused since it runs."""

    version: str
    refused: int


@dataclass(frozen=True, slots=True)
class XdsState:
    """``settled``: no cluster is still being warmed."""

    cds: Taken
    rds: Taken
    settled: bool

    def same_versions(self, other: "XdsState") -> bool:
        return (self.cds.version, self.rds.version) == (other.cds.version, other.rds.version)


class Admin:
    """One connection to the admin socket, opened again by itself after Envoy's restart."""

    def __init__(self, socket: Path, timeout_s: float = 2.0) -> None:
        self._client = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(socket)), base_url="http://envoy", timeout=timeout_s
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def live(self) -> bool:
        """Whether Envoy has started and is not draining."""
        try:
            return (await self._client.get("/ready")).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    async def xds_state(self) -> XdsState:
        stats = await self._stats(_STATE_PATH)

        def taken(kind: str) -> Taken:
            refused = sum(int(stats.get(f"{kind}.{name}", "0")) for name in ("update_rejected", "update_failure"))
            return Taken(version=stats.get(f"{kind}.version_text", "").strip('"'), refused=refused)

        return XdsState(cds=taken(CDS), rds=taken(RDS), settled=stats.get(_WARMING, "0") == "0")

    async def preview(self) -> Taken:
        """What Envoy took of the routes of the preview address."""
        stats = await self._stats(_PREVIEW_PATH)
        return Taken(version=stats.get(f"{_PREVIEW}.version_text", "").strip('"'), refused=0)

    async def requests_in_flight(self) -> int:
        return int((await self._stats(_ACTIVE_PATH)).get(_ACTIVE, "0"))

    async def route_config(self, name: str = LISTENER) -> Json | None:
        """The listener's route configuration that is served, ``None`` before the first one."""
        for config in await self._dump("dynamic_route_configs"):
            found: Json | None = config.get("route_config")
            if found and found.get("name") == name:
                return found
        return None

    async def refusal(self, resource: str) -> str:
        """Why Envoy refused ``dynamic_route_configs`` or ``dynamic_active_clusters``, in its words; may be empty."""
        details = [str(config.get("error_state", {}).get("details", "")) for config in await self._dump(resource)]
        return next((text for text in details if text), "")

    async def drain(self) -> None:
        """Stop listening; connections that are open live on."""
        await self._request("POST", "/drain_listeners")

    async def _dump(self, resource: str) -> list[Json]:
        text = await self._request("GET", f"/config_dump?resource={resource}")
        configs: list[Json] = json.loads(text).get("configs", [])
        return configs

    async def _stats(self, path: str) -> dict[str, str]:
        lines = (await self._request("GET", path)).splitlines()
        return dict(line.split(": ", 1) for line in lines if ": " in line)

    async def _request(self, method: str, path: str) -> str:
        try:
            answer = await self._client.request(method, path)
        except httpx.TransportError as error:
            raise Transient(
                f"Envoy does not answer on its admin socket ({type(error).__name__}).",
                hint="Its supervisor starts it again; if this lasts, look into envoy.log in the run directory.",
            ) from error
        if answer.status_code != httpx.codes.OK:
            raise Transient(f"Envoy's admin socket answered {answer.status_code} to {path}.")
        return answer.text
