"""Which editions of the arithmetic this program has, and what it says of one that it has not."""

import pytest

from croupier.core.gates import edition
from croupier.core.gates.edition import EDITION, KEPT, RELEASED, lacks


def test_the_present_edition_is_here() -> None:
    assert max(KEPT) == EDITION
    assert EDITION in (RELEASED, RELEASED + 1), "between two releases there is one new edition at the most"
    assert lacks(EDITION) is None


def test_what_is_lacking_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lacks(7) == "began with edition 7 of the gates' arithmetic, and this program has edition 1"
    assert lacks(None) == "began before editions of the gates' arithmetic were noted, and this program has edition 1"
    monkeypatch.setattr(edition, "KEPT", frozenset({2, 1}))
    assert lacks(7) == "began with edition 7 of the gates' arithmetic, and this program has editions 1 and 2"
