"""Which metrics each version has, with some points of each as one of its processes pushed them last. Pure.

A gate is checked against them before a rollout starts, when nothing was asked yet. They stay in protobuf until then.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from croupier.adapters.metrics.otlp.decode import Push
from croupier.adapters.metrics.otlp.points import Attributes, Instrument
from croupier.adapters.metrics.otlp.settings import OtlpSettings
from croupier.control.ports import VersionKey

_EVERY_S: Final = 10.0
"""Newer ones are taken so often."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Taken ``at`` our time; ``data`` is empty where there was no room for it."""

    at: float
    data: bytes
    resource: Attributes


There: TypeAlias = Mapping[Instrument, Sample]


class Samples:
    """Bounded by ``sample_bytes`` and ``metrics`` of all versions together."""

    def __init__(self, settings: OtlpSettings) -> None:
        self._settings = settings
        self._of: dict[VersionKey, dict[Instrument, Sample]] = {}
        self._bytes = 0
        self._count = 0

    def of(self, version: VersionKey) -> There:
        return self._of.get(version, {})

    def take(self, push: Push, at: float) -> None:
        """Look at what a process pushed."""
        known = self._of.setdefault(push.sender.key, {})
        for arrived in push.metrics:
            before = known.get(arrived.instrument)
            if not arrived.size or (before is not None and at - before.at < _EVERY_S):
                continue
            if before is None:
                if self._count >= self._settings.metrics:
                    continue
                self._count += 1
            else:
                self._bytes -= len(before.data)
            data = arrived.sample()
            if self._bytes + len(data) > self._settings.sample_bytes:
                data = b""
            self._bytes += len(data)
            known[arrived.instrument] = Sample(at, data, push.attributes)

    def keep_only(self, versions: Collection[VersionKey]) -> None:
        """Forget all others."""
        for version in self._of.keys() - set(versions):
            gone = self._of.pop(version)
            self._count -= len(gone)
            self._bytes -= sum(len(sample.data) for sample in gone.values())
