"""Several metric sources as one: each question goes to the source that its gate names. Made by ``server.app``."""

from collections.abc import Mapping, Sequence

from croupier.control.ports import MetricSource, Query, ScrapeTarget, VersionKey
from croupier.core.gates import EMBEDDED, Reading, Silence, Sli


class MetricSources:
    """``sources`` by the name that gates give them; ``absent`` says of others how they are had."""

    def __init__(self, sources: Mapping[str, MetricSource], absent: Mapping[str, str] | None = None) -> None:
        self._sources = sources
        self._absent = absent or {}

    async def read(self, query: Query) -> Reading | Silence:
        """See ``MetricSource.read``."""
        source = self._sources.get(query.source)
        return Silence(self._missing(query.source)) if source is None else await source.read(query)

    async def probe(
        self, sli: Sli, by: tuple[str, ...], service: str, version: str, source: str = EMBEDDED
    ) -> str | None:
        """See ``MetricSource.probe``."""
        named = self._sources.get(source)
        return self._missing(source) if named is None else await named.probe(sli, by, service, version, source)

    async def watch(self, targets: Mapping[VersionKey, Sequence[ScrapeTarget]]) -> None:
        """See ``MetricSource.watch``; every source is told."""
        for source in self._sources.values():
            await source.watch(targets)

    def _missing(self, name: str) -> str:
        return self._absent.get(name, f"this control plane has no metric source '{name}'")
