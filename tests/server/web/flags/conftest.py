"""A control plane with a few flags."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import pytest

from croupier.core.flags.read import read_flag

PAYMENTS: dict[str, Any] = {
    "feature": "payments_v2",
    "description": "The new deposit flow",
    "owner": "payments",
    "tags": ["psp"],
    "rules": [
        {"if": "market in ['DE','SE']", "rollout": 0.25},
        {"name": "staff", "if": "brand == 'X' && user.isEmployee"},
    ],
}
OTHERS: Sequence[dict[str, Any]] = (
    {"feature": "new_lobby", "owner": "lobby", "rules": [{"rollout": 1.0}]},
    {"feature": "provider_evo", "type": "ops", "default": "on"},
    {"feature": "dark_table", "owner": "lobby", "enabled": False},
)


@pytest.fixture
async def flagged(world: Any) -> Any:
    """Four flags: one partly on, one on, one for accidents, one off."""
    await declare(world, PAYMENTS, *OTHERS)
    return world


@pytest.fixture
def payments() -> dict[str, Any]:
    """How ``payments_v2`` is declared."""
    return deepcopy(PAYMENTS)


async def declare(world: Any, *flags: dict[str, Any], actor: str = "anna", reason: str = "") -> None:
    """Record the flags."""
    await world.context.flags.changes.declare([read_flag(flag) for flag in flags], actor=actor, reason=reason)


@pytest.fixture
def declared(world: Any) -> Any:
    """``declare`` in this world."""

    async def act(*flags: dict[str, Any], **options: Any) -> None:
        await declare(world, *flags, **options)

    return act
