"""The dials of measuring, with their defaults. Filled in by ``server/app.py``, read here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from croupier.adapters.outgoing import Allowed


@dataclass(frozen=True, slots=True)
class MeasureSettings:
    """``allowed`` are hosts that may be asked although they are private. Durations are seconds."""

    allowed: Allowed = field(default_factory=Allowed)
    secrets_dir: Path | None = None
    """Where secrets are, a file each."""
    env: Mapping[str, str] = field(default_factory=dict)
    """What arguments may name: environment variables that begin with ``CROUPIER_ARG_``."""
    prometheus_url: str | None = None
    """The control plane's own Prometheus, which is asked as the control plane is permitted to."""
    answer_bytes: int = 1024 * 1024
    patience_s: float = 0.25
    """How long a look waits for answers; slower ones are seen by the next look."""
