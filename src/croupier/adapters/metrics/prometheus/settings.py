"""The dials of the Prometheus source, with their defaults. Filled in by ``server/settings.py``, read here."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PrometheusSettings:
    """Durations are seconds. Secrets are in files, which are read for every question: they may be renewed."""

    url: str
    """Where its API is, without ``/api/v1``."""
    token_file: Path | None = None
    """Holds a bearer token."""
    user: str | None = None
    password_file: Path | None = None
    """With ``user``: basic authentication."""
    ca_file: Path | None = None
    """Certificates (PEM) that sign Prometheus's; by default those that the machine trusts."""
    certificate_file: Path | None = None
    key_file: Path | None = None
    """With ``certificate_file``: who we are (PEM), where Prometheus asks clients for a certificate."""
    headers: tuple[tuple[str, str], ...] = ()
    """Sent with every question: the tenant, where several share one (``X-Scope-OrgID``). No secrets."""
    timeout_s: float = 5.0
    """For everything that one reading needs."""
    service_label: str = "service"
    version_label: str = "version"
    lookback_s: float = 300.0
    """Where the samples begin that a reading counts on from; a counter that was away for longer begins anew."""
    longest_s: float = 3_600.0
    """A reading that would have to reach back further begins later."""
    stale_after: int = 3
    """So many intervals without a scrape (and ``grace_s``) make a version silent."""
    grace_s: float = 5.0
    skew_s: float = 5.0
    """How far Prometheus's clock may be from ours."""
    answer_bytes: int = 32 * 1024 * 1024
    groups: int = 200
    """Groups in one reading; of more, the largest."""
