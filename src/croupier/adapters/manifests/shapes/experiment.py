"""What an ``Experiment`` file may hold. Docstrings below fields become the schemas' descriptions."""

from typing import Annotated, ClassVar, Literal

from pydantic import WithJsonSchema

from croupier.adapters.manifests import experiment_words as words
from croupier.adapters.manifests.fields import AnyText, NamedShape, Shape, Share, Text, reads
from croupier.adapters.manifests.shapes.flag import Key

Span = Annotated[
    float,
    reads(words.span),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "string",
                    "pattern": r"^([0-9]+(\.[0-9]+)?[dw]|[0-9]+|([0-9]+(\.[0-9]+)?(ms|us|µs|ns|h|m|s))+)$",
                },
                {"type": "integer", "minimum": 0},
            ],
            "examples": ["7d", "2w", "12h"],
        }
    ),
]
Effect = Annotated[
    float,
    reads(words.effect),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^[0-9]{1,4}(\.[0-9]+)?\s*%$"},
                {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            ],
            "examples": ["10%", 0.1],
        }
    ),
]
Direction = Annotated[str, reads(words.direction), WithJsonSchema({"enum": [*words.DIRECTIONS]})]


class GoalShape(Shape):
    short: ClassVar[str] = "event"
    event: Key
    """What the application reports with client.track("deposit", user=...)."""
    within: Span | None = None
    """How long after being given the variant an event still counts: 7d. Default: until the experiment is stopped."""
    better: Direction | None = None
    """Which way is better: more or fewer players who do it. Default: more."""


class GuardShape(Shape):
    short: ClassVar[str] = "event"
    event: Key
    """An event that must not get worse."""
    worse: Direction | None = None
    """Which way is worse: more or fewer players who do it. Default: more."""


class ExperimentSpecShape(Shape):
    flag: Key
    """The flag whose variants are compared; one of its rules deals them by chance."""
    control: Key
    """The variant that the others are compared with."""
    treatments: list[Key] | None = None
    """The variants that are compared. Default: all others that the rule deals."""
    goal: GoalShape
    """What more (or fewer) players are to do."""
    guards: list[GuardShape] | None = None
    """What must not get worse meanwhile. It is told, and decides nothing."""
    minimum_effect: Effect | None = None
    """The smallest relative difference that matters: 10% is a tenth more, or less. Default: 10%."""
    error: Share | None = None
    """The probability of ever naming a difference that there is not, however often anybody looks. Default: 5%."""
    lasts: Span | None = None
    """After so long nobody new is taken in. Default: 28d; 90d at most."""
    environment: Text | None = None
    """Where it runs. Default: production."""
    rule: Text | None = None
    """The flag's rule that deals. Default: the only one that does."""
    owner: AnyText | None = None
    """Who answers for it."""
    description: AnyText | None = None
    """What is asked, for people."""


class ExperimentShape(Shape):
    """A question to players: which variant of a flag makes more of them do something."""

    api_version: Literal["croupier/v1"]
    kind: Literal["Experiment"]
    metadata: NamedShape
    spec: ExperimentSpecShape
