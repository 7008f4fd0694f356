"""What is said about a rollout's past: what happened, and its verdicts made again. Part of ``models``."""

from typing import Any

from pydantic import Field

from croupier.core.gates import Verdict
from croupier.server.api.wire import Model, Moment


class HistoryItem(Model):
    """One thing that happened to the rollout: what, when, by whom and why."""

    seq: int = Field(description="Place of its entry in the journal.")
    at: Moment
    actor: str = Field(description="The token's name; 'croupier' for what nobody asked for.")
    action: str
    reason: str
    type: str = Field(examples=["step_started"])
    text: str = Field(description="As people say it.", examples=["step 3 began: 5 % of the players"])
    gate: str | None = Field(None, description="Of a look: the gate.")
    standing: Verdict | None = Field(
        None, description="Of a look of a gate that gathers evidence: what it says of all of that. Often as before."
    )
    data: dict[str, Any] = Field(description="The event as recorded.")


class ReplayMistake(Model):
    """A recorded verdict that its own counts do not give."""

    gate: str
    at: Moment
    recorded: Verdict
    again: Verdict
    same_evidence: bool


class ReplayAction(Model):
    """What was done about groups at one moment, which the looks of that moment do not give."""

    at: Moment
    recorded: str = Field(examples=["psp=kestrel: flag psp_kestrel turned off"])
    again: str = Field(examples=["nothing"])


class Replay(Model):
    """The verdicts of a rollout, made again from the recorded counts, and the actions on groups that follow."""

    rollout: str
    verdicts: int = Field(description="How many were recorded.")
    mistakes: list[ReplayMistake] = Field(description="Those that come out otherwise now; none is right.")
    actions: int = Field(description="How many groups were acted upon.")
    action_mistakes: list[ReplayAction] = Field(description="Moments at which it comes out otherwise; none is right.")
