"""What is said of copied requests and compared answers. Part of ``models``."""

from pydantic import Field

from croupier.server.api.wire import Model


class DifferenceView(Model):
    """One field that differs at paths like this one."""

    path: str = Field(examples=["/rounds/{id}"], description="Parts that name one thing are {id}.")
    field: str = Field(examples=["$.items[*].price", "status", "header:cache-control"])
    count: int = Field(description="In so many answers.")
    share: float = Field(description="Of all that were compared, 0 to 1.")
    examples: list[list[str]] = Field(
        description="A few pairs of what the stable version and the canary said; none of fields that look secret."
    )


class ComparisonView(Model):
    """What comparing the canary's answers with the stable version's came to in one step."""

    step: int
    text: str
    recorded: bool = Field(description="False while the step goes on: these are the numbers up to now.")
    compared: int
    differing: int
    share: float = Field(description="Of the compared answers, those that differ, 0 to 1.")
    noisy: int = Field(description="Requests to which the stable version's own two answers differ somewhere.")
    skipped: dict[str, int] = Field(description="Requests that were not compared, by reason.")
    differences: list[DifferenceView] = Field(description="The most frequent first.")


class ShadowView(Model):
    """What of a rollout's service is copied to its canary now, and how the answers compare."""

    rollout: str
    copies: list[str] = Field(description="What is copied now, in words; empty if nothing is.")
    comparisons: list[ComparisonView] = Field(description="A step each, the latest last.")
