"""Why a rollout is kept paused, and why it is given up. Events name it, the state keeps it, people read it."""

from enum import StrEnum


class Hold(StrEnum):
    """Who keeps a rollout paused."""

    STEP = "step"
    PERSON = "person"
    INCONCLUSIVE = "inconclusive"
    """A gate could not decide, and the rollout is to ask a person then."""
    NO_DATA = "no_data"
    """A gate saw nothing, and the rollout is to ask a person then."""
    GROUPS = "groups"
    """Every step is done, and players of some groups or segments are held: who goes on gives them the canary, too."""
    APPROVAL = "approval"
    """Somebody else than who started it is to approve, of the rollout or of its step."""
    SMOKE = "smoke"
    """A smoke check failed, and the rollout is to ask a person then."""
    DIFFERENCES = "differences"
    """Too many of the canary's answers differ from the stable version's: a person has to look at them."""


class Cause(StrEnum):
    """Why a rollout was given up."""

    GATE = "gate"
    HARD_STOP = "hard_stop"
    WORKLOAD = "workload"
    DEADLINE = "deadline"
    PERSON = "person"
    INCONCLUSIVE = "inconclusive"
    """A gate could not decide, and the rollout is to go back then."""
    NO_DATA = "no_data"
    """A gate saw nothing, or a smoke check had no result, and the rollout is to go back then."""
    UNDO = "undo"
    """A person took it back after its promotion."""
    SMOKE = "smoke"
    """A smoke check failed."""
    TOGETHER = "together"
    """A rollout that this one moves with was given up."""
