"""States of flags and presets as JSON text and back, and flags' events, with the rules of ``codec``.

A flag is kept as its declaration: reading it is reading the declaration again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter

from croupier.adapters.store.codec import Codec
from croupier.core.flags.events import FlagEvent
from croupier.core.flags.measurement import Measurement
from croupier.core.flags.preset import PresetState
from croupier.core.flags.read import read_flag
from croupier.core.flags.state import FlagState, Kill
from croupier.errors import Corrupt, Rejected


@dataclass(frozen=True, slots=True)
class _Kept:
    """A ``FlagState`` without the flag, which its source gives. Rows of before there were several ``kills`` have only
    ``killed``, the first of them; it is written for those that run an older version beside this one.
    """

    source: Mapping[str, Any]
    digest: str
    version: int
    created_at: float
    changed_at: float
    changed_by: str
    expires_at: float | None = None
    kills: tuple[Kill, ...] = ()
    killed: Kill | None = None
    warned_at: float | None = None
    reverted_at: float | None = None
    full_since: float | None = None
    archived: bool = False
    measured: tuple[Measurement, ...] = ()


FLAG_EVENT: Final[Codec[FlagEvent]] = Codec(
    "event of a flag", TypeAdapter(Annotated[FlagEvent, Field(discriminator="type")])
)
PRESET: Final[Codec[PresetState]] = Codec("preset", TypeAdapter(PresetState))

_KEPT: Final[Codec[_Kept]] = Codec("flag", TypeAdapter(_Kept))
_NAMES: Final = tuple(item.name for item in fields(_Kept) if item.name != "killed")


def encode_flag(state: FlagState) -> str:
    """The state as JSON text. Canonical would cost more; the journal's entry is, and refuses what is no JSON."""
    kept = _Kept(killed=state.killed, **{name: getattr(state, name) for name in _NAMES})
    return json.dumps(_KEPT.dump(kept), separators=(",", ":"))


def decode_flag(text: str, place: str) -> FlagState:
    """The state of its JSON text; ``Corrupt`` where it cannot be read."""
    kept = _KEPT.decode(text, place)
    try:
        flag = read_flag(kept.source)
    except Rejected as refused:
        raise Corrupt(f"the stored declaration of {place} cannot be read: {refused.message}") from None
    state = FlagState(flag, **{name: getattr(kept, name) for name in _NAMES})
    return state if state.kills or kept.killed is None else replace(state, kills=(kept.killed,))
