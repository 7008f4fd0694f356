"""``croupier rollout token``: how long one may live; what it opens is in the end-to-end tests of smoke checks."""

from typing import Any

import pytest


@pytest.mark.parametrize(
    "lasts, said", [("2h", "a token lives an hour at the most, and not 2h."), ("soon", "expected a duration")]
)
def test_a_token_lives_an_hour_at_the_most(canary: Any, cli: Any, lasts: str, said: str) -> None:
    refused = cli("rollout", "token", "shop-2", "--for", lasts, "--reason", "a look")
    assert (refused.code, said in " ".join(refused.err.split())) == (5, True)
