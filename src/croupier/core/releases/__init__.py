"""Services, releases and their versions."""

from croupier.core.releases.model import Limits, ProcessTemplate, Release, Service

__all__ = ["Limits", "ProcessTemplate", "Release", "Service"]
