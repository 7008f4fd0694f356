"""Imported flags, asked as a client would ask them, and the players that they are asked about."""

from collections.abc import Iterable
from random import Random
from typing import Any

from croupier.core.flags import events as e
from croupier.core.flags.line import flag_line
from croupier.core.flags.model import Flag
from croupier.core.flags.ruleset import Ruleset
from croupier.core.flags.snapshot import snapshot
from croupier.core.flags.state import FlagState, declare
from croupier.core.flags.write import write_flag

NOW = 1_790_000_000.0
MARKETS = ["DE", "SE", "UK", "MT"]
THERE = 0.7
"""The share of players who have an attribute."""


def people(count: int, seed: int = 1, *, known: float = 0.95) -> list[dict[str, Any]]:
    """Players, each with and without each attribute; a share of them is ``known`` by name."""
    random = Random(seed)
    found = []
    for number in range(count):
        context: dict[str, Any] = {
            "targetingKey": f"player-{number}",
            "market": random.choice(MARKETS),
            "level": random.randrange(10),
            "app": random.choice(["1.2.3", "2.0.0", "2.0.0-rc.1", "10.1.0"]),
            "user": {"name": f"name-{number}", "vip": random.random() < 0.5},
            "account": {"id": f"account-{number}", "vip": random.random() < 0.5},
            "device": f"device-{number}",
            "employee": random.random() < 0.5,
            "tags": random.choice([["beta"], ["beta", "vip"], []]),
        }
        found.append(
            {
                name: value
                for name, value in context.items()
                if random.random() < (known if name == "targetingKey" else THERE)
            }
        )
    return found


def states_of(flags: Iterable[Flag]) -> list[FlagState]:
    return [declare(e.FlagDeclared(write_flag(flag), ""), version=1, actor="a", at=0) for flag in flags]


def ruleset_of(flags: Iterable[Flag]) -> Ruleset:
    lines = [flag_line(state, "production") for state in states_of(flags)]
    return Ruleset(snapshot("production", "home", 1, lines), lambda: NOW)
