"""What a ``Gate`` may say about groups that fail. Docstrings below fields become the schemas' descriptions."""

from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from croupier.adapters.manifests.fields import Duration, Label, Shape, Text, between, one_or_many


class GroupActionShape(Shape):
    """Exactly one of kill and hold."""

    one_of: ClassVar[tuple[str, ...]] = ("kill", "hold")
    elsewhere: ClassVar[dict[str, str]] = {"flag": 'Write kill: "psp_{psp}": a killed flag answers its safe variant.'}
    kill: Text | None = None
    """The flag to turn off, as a person's kill does; {psp} stands for the failing group's value of the label psp."""
    hold: Annotated[list[Label], BeforeValidator(one_or_many), Field(min_length=1, max_length=8)] | None = None
    """A label, or several, that requests carry (attributes of the Service): players with the failing group's values get
    the stable version again, and stay there."""


class OnGroupFailShape(Shape):
    """What is done about a group that fails alone, instead of giving up the whole release."""

    short: ClassVar[str] = "actions"
    actions: Annotated[list[GroupActionShape], Field(min_length=1, max_length=8)]
    """All of them are taken."""
    at_most: between(1, 10) | None = None  # type: ignore[valid-type]
    """For so many groups of a rollout; one more takes everybody back. Default 2."""
    watch: Duration | None = None
    """So long nothing rises after it, and the group is watched whether it helps. Default 2m."""
