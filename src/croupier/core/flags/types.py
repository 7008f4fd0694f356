"""What each type of flag owes: an owner, an end; and what is filled in where the author left it out.

Called by whoever takes declarations in, before ``check``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from croupier.core.flags.model import Flag, FlagType
from croupier.core.flags.state import FlagState

DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Duty:
    """``lifetime_s``: after so long a flag without a date of its own expires. ``stays``: it may not expire at all."""

    named: str
    has_owner: bool = False
    lifetime_s: float | None = None
    stays: bool = False

    @property
    def expires(self) -> bool:
        return self.lifetime_s is not None


DUTIES: Final[Mapping[FlagType, Duty]] = MappingProxyType(
    {
        FlagType.RELEASE: Duty("a release flag", has_owner=True, lifetime_s=60 * DAY_S),
        FlagType.EXPERIMENT: Duty("an experiment", has_owner=True, lifetime_s=30 * DAY_S),
        FlagType.OPS: Duty("an ops flag"),
        FlagType.PERMISSION: Duty("a permission flag", stays=True),
    }
)


def complete(flag: Flag, *, actor: str, now: float, before: FlagState | None = None) -> Flag:
    """The flag with what its type demands and its author left out: the owner (``actor``) and the expiry.

    A flag that is declared again keeps the owner and the expiry that were filled in at first: applying the same file
    every day does not renew anything. ``now`` is in epoch seconds, the expiry is in whole ones.
    """
    duty = DUTIES[flag.type]
    known = before.flag if before is not None and not before.archived else None
    owner, expires_at = flag.owner, flag.expires_at
    if duty.has_owner and not owner:
        owner = (known.owner if known is not None else "") or actor
    if duty.lifetime_s is not None and expires_at is None:
        kept = known.expires_at if known is not None and known.type is flag.type else None
        expires_at = float(int(now + duty.lifetime_s)) if kept is None else kept
    return replace(flag, owner=owner, expires_at=expires_at)
