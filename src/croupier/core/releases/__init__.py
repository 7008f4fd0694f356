"""Services, releases and their versions."""

from croupier.core.releases.affinity import Affinity, IdKind, IdSource, Where
from croupier.core.releases.model import Limits, ProcessTemplate, Release, Service

__all__ = ["Affinity", "IdKind", "IdSource", "Limits", "ProcessTemplate", "Release", "Service", "Where"]
