"""How pytest-bdd reads OpenFeature's scenarios: their tags are for the specification's readers, not for pytest."""

from collections.abc import Callable
from typing import Any

import pytest

TABLES = ("booleans", "strings", "numbers", "objects", "hooks", "transaction")


def pytest_configure(config: pytest.Config) -> None:
    """Tags of tables of examples become marks whatever we say, so pytest must know them."""
    for tag in TABLES:
        config.addinivalue_line("markers", f"{tag}: a tag of OpenFeature's scenarios")


def pytest_bdd_apply_tag(tag: str, function: Callable[..., Any]) -> bool:
    """Tags of features and scenarios are left alone."""
    return True
