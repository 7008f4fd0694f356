"""Smoke checks and the tokens they travel with, as the use cases see them. Adapters implement these."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from croupier.control.ports.outside import VersionKey
from croupier.core.smoke import CheckResult, SmokeCheck
from croupier.errors import Transient


class SmokeRunner(Protocol):
    """Runs smoke checks against one version, through the data plane, beside its players."""

    async def run(self, check: SmokeCheck, key: VersionKey, others: Sequence[VersionKey] = ()) -> CheckResult:
        """What came of it. ``others`` are the versions of other services that it is to meet beside this one, and no
        others; services that are not named answer as players know them. Raises ``Transient`` where it could not be
        run, which says nothing about the version.

        Cancelled, it ends at once and cleans up behind itself. Running it again is safe: its keys are made anew.
        """
        ...


class VersionTokens(Protocol):
    """Signs tokens with which a request may ask the data plane for a version."""

    def sign(self, versions: Iterable[VersionKey], for_s: float, subject: str) -> str:
        """A token for these versions. ``subject`` says who asked. Raises ``Rejected`` for more than an hour."""
        ...


class NoSmoke:
    """Runs nothing, and says so."""

    async def run(self, check: SmokeCheck, key: VersionKey, others: Sequence[VersionKey] = ()) -> CheckResult:
        """See ``SmokeRunner.run``."""
        versions = " and ".join(each.version for each in (key, *others))
        raise Transient(f"this control plane runs no smoke checks, so {check.name} says nothing of {versions}.")
