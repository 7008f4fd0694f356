"""Versions as supervised local processes, which outlive the control plane and are adopted again by it."""

from croupier.adapters.workloads.process.command import check_template
from croupier.adapters.workloads.process.settings import ProcessSettings
from croupier.adapters.workloads.process.supervisor import ProcessWorkloads

__all__ = ["ProcessSettings", "ProcessWorkloads", "check_template"]
