"""Flags to look at and to change, on a real control plane."""

from typing import Any

import pytest


@pytest.fixture
def flags(plane: Any, cli: Any) -> Any:
    """``payments_v2`` for a quarter of Germany, ``new_lobby`` for everybody, ``psp_x`` as an ops switch."""
    assert (
        cli("flag", "set", "payments_v2", "--if", "market == 'DE'", "--rollout", "25%", "--owner", "payments").code == 0
    )
    assert (
        cli("flag", "set", "new_lobby", "--rollout", "1", "--description", "The lobby of 2027", "--tag", "lobby").code
        == 0
    )
    assert cli("flag", "set", "psp_x", "--type", "ops", "--default", "on").code == 0
    return plane
