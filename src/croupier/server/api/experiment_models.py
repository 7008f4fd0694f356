"""Experiments on the wire, as ``models``. Shares and rates are 0 to 1, effects relative: 0.05 is 5 % more."""

from typing import Any

from pydantic import Field

from croupier.core.experiments import Verdict
from croupier.server.api.wire import Model, Moment, Reason


class StartExperimentRequest(Model):
    reason: Reason = ""


class StopRequest(Model):
    reason: Reason = ""


class RunView(Model):
    """One run: what was frozen at its start. Nothing that is declared later changes it."""

    id: str = Field(description="Random; salts the players' hashes.")
    running: bool
    started_at: Moment
    started_by: str
    stopped_at: Moment | None = None
    stopped_by: str = ""
    ends_at: Moment = Field(description="From then on nobody new is taken in.")
    rule: str = Field(description="The flag's rule that deals.")
    shares: dict[str, float] = Field(description="Variant: the share of the players that it should get.")
    control: str
    goal: str
    minimum_effect: float
    error: float


class ExperimentView(Model):
    """An experiment as it is declared, and its runs."""

    name: str
    flag: str
    environment: str
    goal: str
    owner: str
    description: str
    running: bool
    said: str = Field(description="The answer of its newest run in one sentence; empty before there is one.")
    declared: dict[str, Any] = Field(description="The spec as people write it.")
    runs: list[RunView] = Field(description="Newest first.")


class VariantView(Model):
    """One variant: whom it counts, and how many of them did the goal, with the interval of their rate so far."""

    variant: str
    share: float
    exposed: int
    converted: int
    rate: float
    low: float
    high: float


class ComparisonView(Model):
    """A treatment against the control by one event, with bounds that hold at all times at once. Null: not bounded."""

    treatment: str
    event: str
    verdict: Verdict
    ratio: float | None
    ratio_low: float
    ratio_high: float | None
    difference: float | None = Field(description="Of the rates so far: 0.01 is one percentage point.")
    difference_low: float
    difference_high: float
    log_e: float = Field(description='Natural logarithm of the e-value against "no difference".')
    needed: float = Field(description="With which there is a difference.")
    left_s: float | None = Field(description="Until the smallest effect that matters would be found, at this traffic.")
    said: str


class SampleRatioView(Model):
    """Were the players dealt as the shares say? Beyond ``needed`` the result is withheld."""

    log_e: float
    needed: float


class ResultView(Model):
    """What a run says now. May be looked at at any time: the error level holds however often that is done."""

    experiment: str
    run: RunView
    at: Moment
    said: str = Field(description="The whole answer in words.")
    withheld: str = Field(description="Why there is no answer; empty where there is one.")
    variants: list[VariantView]
    comparisons: list[ComparisonView]
    guards: list[ComparisonView] = Field(description="Advisory.")
    crossed: int = Field(description="Players who were given two variants, and are left out.")
    lost: int = Field(description="Reports that clients had no room for.")
    sample_ratio: SampleRatioView


class PointView(Model):
    """The comparison as it stood then; ``ratios`` by treatment: low, estimate, high, of the rates' ratio less 1."""

    at: Moment
    players: int
    ratios: dict[str, tuple[float, float | None, float | None]]
