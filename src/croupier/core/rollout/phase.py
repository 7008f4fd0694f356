"""Where a rollout is: the states by name. Apart from what a rollout knows, for those who only ask by phase."""

from enum import StrEnum


class Phase(StrEnum):
    """Where a rollout is; the permitted moves are the table in ``machine``."""

    PENDING = "pending"
    PROGRESSING = "progressing"
    PAUSED = "paused"
    PROMOTING = "promoting"
    SUCCEEDED = "succeeded"
    ABORTING = "aborting"
    ABORTED = "aborted"
    SUPERSEDED = "superseded"

    @property
    def active(self) -> bool:
        """Whether the rollout still has something to do."""
        return self not in (Phase.SUCCEEDED, Phase.ABORTED, Phase.SUPERSEDED)
