"""Labels for the application's own metrics, so that a dashboard can set a flag's variants side by side."""

from typing import Any

from croupier.core.flags.evaluate import Context
from croupier.sdk.client import FlagClient


def flag_variant(flags: FlagClient, key: str, context: Context | None = None, /, **attributes: Any) -> dict[str, str]:
    """``{"flag": key, "flag_variant": name}``, for ``counter.labels(**flag_variant(…))`` and the like.

    As many values as the flag has variants, and ``default`` where the caller's default is the answer: never a value of
    the player's. Counts neither as a decision nor for an experiment: the player is given nothing.
    """
    variant = flags.variant(key, context, **attributes)
    return {"flag": key, "flag_variant": variant or "default"}
