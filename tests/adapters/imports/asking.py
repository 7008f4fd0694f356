"""Imported flags, asked as a client would ask them."""

from collections.abc import Iterable

from croupier.core.flags import events as e
from croupier.core.flags.line import flag_line
from croupier.core.flags.model import Flag
from croupier.core.flags.ruleset import Ruleset
from croupier.core.flags.snapshot import snapshot
from croupier.core.flags.state import FlagState, declare
from croupier.core.flags.write import write_flag

NOW = 1_790_000_000.0


def states_of(flags: Iterable[Flag]) -> list[FlagState]:
    return [declare(e.FlagDeclared(write_flag(flag), ""), version=1, actor="a", at=0) for flag in flags]


def ruleset_of(flags: Iterable[Flag]) -> Ruleset:
    lines = [flag_line(state, "production") for state in states_of(flags)]
    return Ruleset(snapshot("production", "home", 1, lines), lambda: NOW)
