"""What a ``Flag`` file and a ``Preset`` file may hold. Docstrings below fields become the schemas' descriptions."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, WithJsonSchema

from croupier.adapters.manifests import flag_words
from croupier.adapters.manifests.fields import AnyText, Shape, Text, reads
from croupier.core.flags.model import FlagType, OnExpiry

Key = Annotated[
    str, reads(flag_words.key), WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"})
]
Truth = Annotated[bool, reads(flag_words.truth), WithJsonSchema({"type": "boolean"})]
Fraction = Annotated[
    float,
    reads(flag_words.fraction),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1, "examples": [0.25]}),
]
Count = Annotated[
    int, reads(flag_words.weight), WithJsonSchema({"type": "integer", "minimum": 0, "maximum": 1_000_000})
]
Moment = Annotated[
    float,
    reads(flag_words.read_day),
    WithJsonSchema({"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}(T.+)?$", "examples": ["2027-01-31"]}),
]
Kind = Annotated[str, reads(flag_words.key), WithJsonSchema({"enum": [kind.value for kind in FlagType]})]
Ending = Annotated[str, reads(flag_words.key), WithJsonSchema({"enum": [kind.value for kind in OnExpiry]})]
Variant = Annotated[
    Any, WithJsonSchema({"type": ["boolean", "string", "number", "object", "array"], "description": "A JSON value."})
]


class BucketingShape(Shape):
    algorithm: Text | None = None
    """How players are put in order. Default: croupier.1, the same as the data plane's; imported flags keep theirs."""
    salt: Text | None = None
    """What the order depends on. Default: the flag's name."""
    variant_salt: Text | None = None
    """What the choice among several variants depends on. Default: the salt with '/variant'."""
    by: Text | None = None
    """The attribute that a player is known by, dotted. Default: targetingKey, else user."""


class FlagRuleShape(Shape):
    name: Text | None = None
    """What the rule is called in decisions. Default: 'rule 1', 'rule 2', ..."""
    if_: Annotated[AnyText | None, Field(alias="if")] = None
    """For whom, in CEL: "market in ['DE','SE']". Default: everybody."""
    rollout: Fraction | None = None
    """The share of them, 0 to 1. Who is outside goes on to the next rule. Default: all."""
    variant: Key | None = None
    """The variant that they get. Default: on."""
    variants: Annotated[dict[Key, Count], Field(min_length=1)] | None = None
    """Several variants by weight: {blue: 70, green: 30}."""
    bucketing: BucketingShape | None = None
    """Where the rule puts players in another order than its flag."""


class PrerequisiteShape(Shape):
    flag: Key
    """The flag that is required."""
    variants: list[Key] | None = None
    """What it must answer, else this flag is off. Default: on."""


class OverrideShape(Shape):
    enabled: Truth | None = None
    """Whether the flag is on there."""
    rules: list[FlagRuleShape] | None = None
    """The rules there, instead of all others."""
    default: Key | None = None
    """The variant there for those whom no rule takes."""


class FlagSpecShape(Shape):
    type: Kind | None = None
    """Why it exists; release and experiment need owner and expires. Default: release."""
    description: AnyText | None = None
    """What it does, for people."""
    owner: Text | None = None
    """Who answers for it."""
    tags: list[Text] | None = None
    """Words to find it by."""
    expires: Moment | None = None
    """Until when it is needed: a day (its end, UTC) or a time with its zone."""
    on_expiry: Ending | None = None
    """What happens then: it warns, or it reverts to the safe variant. Default: warn; an experiment's: revert."""
    variants: Annotated[dict[Key, Variant], Field(min_length=1)] | None = None
    """Its answers by name, all of one type. Default: {on: true, off: false}."""
    off: Key | None = None
    """The variant where the flag is off. Default: off."""
    default: Key | None = None
    """The variant for those whom no rule takes. Default: the off variant."""
    safe: Key | None = None
    """The variant where it is killed or reverted. Default: the off variant."""
    enabled: Truth | None = None
    """Whether it is on at all. Default: true."""
    rules: list[FlagRuleShape] | None = None
    """Who gets what; the first rule that takes a player decides."""
    prerequisites: list[PrerequisiteShape] | None = None
    """Flags that must answer something, else this one is off."""
    environments: dict[Text, OverrideShape] | None = None
    """What single environments do differently."""
    kill_switch: Truth | None = None
    """true: kill it, until a declaration says false. A kill by a person outlives declarations. Default: false."""
    bucketing: BucketingShape | None = None
    """How players are put in order."""


class FlagMetadataShape(Shape):
    short: ClassVar[str] = "name"
    name: Key
    """The key by which code asks for it: payments_v2."""


class FlagShape(Shape):
    """A feature flag."""

    api_version: Literal["croupier/v1"]
    kind: Literal["Flag"]
    metadata: FlagMetadataShape
    spec: FlagSpecShape


class ChangeShape(Shape):
    some_of: ClassVar[tuple[str, ...]] = ("kill", "enabled", "rules", "default")
    lacking: ClassVar[tuple[str, str]] = ("nothing is to change.", "Write kill: true, or enabled, rules or default.")
    flag: Key
    """The flag to change."""
    kill: Truth | None = None
    """true: kill it, in every environment. Stands alone."""
    environment: Text | None = None
    """Where the settings change. Default: everywhere."""
    enabled: Truth | None = None
    """Whether the flag is on."""
    rules: list[FlagRuleShape] | None = None
    """The new rules, instead of all others."""
    default: Key | None = None
    """The variant for those whom no rule takes."""


class PresetSpecShape(Shape):
    description: AnyText | None = None
    """When to apply it, for people in a hurry."""
    changes: Annotated[list[ChangeShape], Field(min_length=1)]
    """What changes, all of it at once."""


class PresetMetadataShape(Shape):
    short: ClassVar[str] = "name"
    name: Key
    """What people and commands call it: old-payment-button."""


class PresetShape(Shape):
    """A named set of changes to flags, approved beforehand, applied at once, undone exactly."""

    api_version: Literal["croupier/v1"]
    kind: Literal["Preset"]
    metadata: PresetMetadataShape
    spec: PresetSpecShape
