"""What the API says of smoke checks and of tokens that ask for a version."""

from pydantic import Field

from croupier.core.rollout.smoked import Occasion
from croupier.core.smoke import Outcome
from croupier.core.smoke.override import LONGEST_S
from croupier.server.api.wire import Model, Moment, Reason, Version


class SmokeStepView(Model):
    name: str
    outcome: Outcome
    said: str = Field("", description="Why it failed, or what to look at.")
    seconds: float


class SmokeResultView(Model):
    """What came of one check."""

    check: str
    outcome: Outcome
    said: str
    seconds: float
    steps: list[SmokeStepView] = Field(description="Of a scenario; or the tests of a command's JUnit report.")
    tail: str = Field("", description="The end of what a command printed, without secrets.")


class SmokeRunView(Model):
    """One run of a rollout's smoke checks."""

    occasion: Occasion = Field(description="What asked for it: a step, or a switch to another share.")
    exposure: str = Field(description="What the players had then.", examples=["5 %"])
    at: Moment
    passed: bool
    stands: bool = Field(description="False: about an earlier share or step, or tried again since.")
    results: list[SmokeResultView]


class VersionTokenRequest(Model):
    version: Version
    together: bool = Field(
        False, description="Also for the versions that move as one with it, in the rollout of it that is in progress."
    )
    seconds: float = Field(300.0, gt=0, le=LONGEST_S, description="How long it lives, an hour at the most.")
    reason: Reason = ""


class VersionTokenView(Model):
    """A token with which requests reach one version through the edge. Shown once, and kept nowhere."""

    header: str = Field(description="The header that carries it.", examples=["croupier-version"])
    token: str
    service: str
    version: str
    together: dict[str, str] = Field(
        default_factory=dict, description="Versions of other services that it leads to, too."
    )
    expires_at: Moment
