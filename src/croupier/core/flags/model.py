"""What a flag is: its variants, its rules, who answers for it, and until when.

Declared as files or over the API, read by ``read``, judged by ``check``, carried to clients by ``line``. The fields
that a person may write and their defaults are in the reference of the ``Flag`` file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeAlias

from croupier.core.segments import BUCKETS

Value: TypeAlias = Any
"""A JSON value: what a variant stands for."""

ON: Final = "on"
OFF: Final = "off"

NATIVE: Final = "croupier.1"
"""The house's own bucketing: ``xxh64(salt + ":" + key) mod 10 000``, the same as the data plane's."""


class FlagType(StrEnum):
    """Why a flag exists; each type has its own defaults and duties."""

    RELEASE = "release"
    """Hides what is being released. Needs an owner and an expiry: it is to be removed."""
    OPS = "ops"
    """A switch for operations, kept for good; has a safe value for accidents."""
    EXPERIMENT = "experiment"
    """Compares variants; needs an owner and an expiry."""
    PERMISSION = "permission"
    """Says who may do something; does not expire."""


class ValueType(StrEnum):
    BOOLEAN = "boolean"
    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    OBJECT = "object"


class OnExpiry(StrEnum):
    """What happens to a flag that nobody renewed in time."""

    WARN = "warn"
    """It goes on as it is and is listed as debt."""
    REVERT = "revert"
    """It returns to its safe variant, and is listed as debt."""

    @classmethod
    def default(cls, kind: FlagType) -> "OnExpiry":
        """An experiment is over when its time is over; anything else changes for players only if asked to."""
        return cls.REVERT if kind is FlagType.EXPERIMENT else cls.WARN


@dataclass(frozen=True, slots=True)
class Share:
    """A variant and its part among those that a rule serves; the parts need not add up to anything."""

    variant: str
    weight: int


@dataclass(frozen=True, slots=True)
class Bucketing:
    """How players are put in order, pinned per flag (or per rule, for imported ones) so that nobody ever moves.

    ``algorithm`` names one of ``bucketing.ALGORITHMS``. ``salt`` decides who is in (``None``: the flag's key),
    ``variant_salt`` which variant they get (``None``: derived from the salt); ``by`` is the attribute that a player is
    known by, dotted (``""``: ``targetingKey``, else ``user``).
    """

    algorithm: str = NATIVE
    salt: str | None = None
    variant_salt: str | None = None
    by: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """For whom: ``condition`` is CEL (``""``: everybody), ``rollout`` the share of them in basis points.

    A player outside the share goes on to the next rule. ``serve`` are the variants, one or several by weight.
    ``bucketing`` is set only where the rule differs from its flag.
    """

    condition: str = ""
    rollout: int = BUCKETS
    serve: tuple[Share, ...] = (Share(ON, 1),)
    name: str = ""
    bucketing: Bucketing | None = None


@dataclass(frozen=True, slots=True)
class Prerequisite:
    """The other flag must answer one of these variants, else this flag is off."""

    flag: str
    variants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Override:
    """What one environment does differently; ``None`` is "as everywhere"."""

    enabled: bool | None = None
    rules: tuple[Rule, ...] | None = None
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Flag:
    """A declared flag. ``off`` answers where the flag is off, ``default`` where no rule takes the player, ``safe``
    where the flag is killed or was reverted. ``expires_at`` is epoch seconds, ``None`` for never.

    ``kill_switch`` is the declaration's wish to be killed; a kill by a person is state, and outlives declarations.
    """

    key: str
    type: FlagType = FlagType.RELEASE
    description: str = ""
    owner: str = ""
    value_type: ValueType = ValueType.BOOLEAN
    variants: Mapping[str, Value] = field(default_factory=lambda: {ON: True, OFF: False})
    off: str = OFF
    default: str = OFF
    safe: str = OFF
    enabled: bool = True
    rules: tuple[Rule, ...] = ()
    prerequisites: tuple[Prerequisite, ...] = ()
    environments: Mapping[str, Override] = field(default_factory=dict)
    kill_switch: bool = False
    bucketing: Bucketing = field(default_factory=Bucketing)
    expires_at: float | None = None
    on_expiry: OnExpiry = OnExpiry.WARN
    tags: tuple[str, ...] = ()

    def in_environment(self, environment: str | None) -> "Targeting":
        """What the flag does there, with that environment's overrides; for ``None``, where nothing is overridden."""
        override = self.environments.get(environment or "", Override())
        return Targeting(
            enabled=self.enabled if override.enabled is None else override.enabled,
            rules=self.rules if override.rules is None else override.rules,
            default=self.default if override.default is None else override.default,
        )


@dataclass(frozen=True, slots=True)
class Targeting:
    """What a flag does in one environment."""

    enabled: bool
    rules: tuple[Rule, ...]
    default: str
