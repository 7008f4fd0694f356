"""What is said of services: what serves them now, and how their versions run. Part of ``models``."""

from pydantic import Field

from croupier.control.ports import Health
from croupier.server.api.rollout_models import RolloutView
from croupier.server.api.wire import Model, Percent


class WeightView(Model):
    version: str
    weight: Percent


class ShareView(Model):
    """How the players of a segment (null: everybody else) are divided."""

    segment: str | None
    weights: list[WeightView]


class WorkloadView(Model):
    version: str
    health: Health
    instances: list[str] = Field(description="host:port of each ready instance.")
    reason: str = ""


class ServiceView(Model):
    name: str
    prefixes: list[str]
    stable: str | None
    rollout: RolloutView | None = Field(description="The rollout in progress.")
    held_by: str | None = Field(
        None,
        description="The rollout beside which none begins: the one in progress, or one that is over and waits for its "
        "turn to be taken back with others.",
    )
    served: list[ShareView] | None = Field(description="Read back from the data plane; null where it did not answer.")
    default: str | None = Field(description="The version of requests without a player id; null where unknown.")
    preview: str | None = Field(
        None, description="The version at the preview address, where it is another; read back from the data plane."
    )
    workloads: list[WorkloadView]


class TargetGroup(Model):
    """Instances of one version, as Prometheus's ``http_sd_configs`` reads them."""

    targets: list[str] = Field(examples=[["127.0.0.1:9101"]])
    labels: dict[str, str]
