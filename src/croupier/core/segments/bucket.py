"""Which players are first: the salted bucket, one hash for traffic and for flags.

Envoy computes the same number natively (hash policy over the salted header, weights that add up to 10 000), so what is
predicted here is what the data plane does. Called by the evaluation of flags and the simulator; the router's
contract tests hold Envoy to it.
"""

from typing import Final

import xxhash

BUCKETS: Final = 10_000
"""Number of buckets; one bucket is 0.01 % of the players (a basis point)."""


def bucket(salt: str, player_id: str) -> int:
    """The player's bucket, 0 to 9 999: ``xxh64(salt + ":" + player_id) mod 10 000``, seed 0, UTF-8.

    A version with weight ``w`` (basis points) serves the buckets below ``w``: raising a weight never moves a player
    back.
    """
    return xxhash.xxh64_intdigest(f"{salt}:{player_id}".encode()) % BUCKETS
