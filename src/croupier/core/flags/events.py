"""What can happen to a flag. The journal's entries of ``flag/KEY`` carry these; ``state.evolve`` folds them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class FlagDeclared:
    """It was created or changed. ``source`` is the whole declaration as canonical JSON, ``digest`` its digest.
    ``preset`` names the preset whose change it was, or its undoing: then it neither kills nor restores.
    """

    source: Mapping[str, Any]
    digest: str
    preset: str = ""
    type: Literal["flag_declared"] = "flag_declared"


@dataclass(frozen=True, slots=True)
class FlagKilled:
    """It answers its safe variant everywhere until it is restored, whatever its declaration says. ``preset`` names the
    preset that killed it; without one it was a person.
    """

    reason: str
    preset: str = ""
    type: Literal["flag_killed"] = "flag_killed"


@dataclass(frozen=True, slots=True)
class FlagRestored:
    """A kill is undone: that of ``preset``; without one a person's, or all others where no person killed it."""

    preset: str = ""
    type: Literal["flag_restored"] = "flag_restored"


@dataclass(frozen=True, slots=True)
class FlagRenewed:
    """Somebody still needs it: it expires later (epoch seconds). What an expiry did to it is undone."""

    expires_at: float
    type: Literal["flag_renewed"] = "flag_renewed"


@dataclass(frozen=True, slots=True)
class FlagWarned:
    """It expires soon (or expired, where it only warns) and its owner was told."""

    expires_at: float
    type: Literal["flag_warned"] = "flag_warned"


@dataclass(frozen=True, slots=True)
class FlagReverted:
    """It expired unrenewed and returned to its safe variant."""

    type: Literal["flag_reverted"] = "flag_reverted"


@dataclass(frozen=True, slots=True)
class FlagArchived:
    """It is gone for clients. Its history stays; declaring it again brings it back."""

    type: Literal["flag_archived"] = "flag_archived"


@dataclass(frozen=True, slots=True)
class FlagMeasured:
    """An experiment on it started: clients report what it deals, see ``Measurement``. It answers as before."""

    run: str
    experiment: str
    environment: str
    rule: str
    by: str = ""
    events: tuple[str, ...] = ()
    type: Literal["flag_measured"] = "flag_measured"


@dataclass(frozen=True, slots=True)
class FlagUnmeasured:
    """The experiment's run is over: clients report nothing of it any more."""

    run: str
    type: Literal["flag_unmeasured"] = "flag_unmeasured"


FlagEvent: TypeAlias = (
    FlagDeclared
    | FlagKilled
    | FlagRestored
    | FlagRenewed
    | FlagWarned
    | FlagReverted
    | FlagArchived
    | FlagMeasured
    | FlagUnmeasured
)
