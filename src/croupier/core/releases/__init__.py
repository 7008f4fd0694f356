"""Services, releases and their versions."""

from croupier.core.releases.model import Affinity, Limits, ProcessTemplate, Release, Service

__all__ = ["Affinity", "Limits", "ProcessTemplate", "Release", "Service"]
