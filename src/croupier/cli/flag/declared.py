"""Flags out of files, for what needs no control plane (evaluation, references), and what is wrong with them."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from croupier.cli.output import Exit
from croupier.core.flags.model import Flag

if TYPE_CHECKING:
    from croupier.adapters.manifests import Bundle
    from croupier.core.flags.ruleset import Ruleset


def read_flags(paths: Sequence[Path]) -> "Bundle":
    """What the files hold; leaves with 5 where there is a mistake or no flag."""
    from croupier.adapters.manifests import read_paths
    from croupier.cli.validate import show_problems
    from croupier.errors import Rejected

    bundle = read_paths(paths, partial=True)
    show_problems(bundle)
    if bundle.errors:
        raise typer.Exit(Exit.REJECTED)
    if not bundle.flags:
        raise Rejected("There is no flag in these files.", hint='A flag is {"feature": "payments_v2", ...}.')
    return bundle


def flags_of(bundle: "Bundle") -> tuple[Flag, ...]:
    """The flags among the documents."""
    return tuple(draft.flag for draft in bundle.flags)


def ruleset_of(bundle: "Bundle", environment: str) -> "Ruleset":
    """The flags and segments as a client of the environment has them."""
    from croupier.core.flags.events import FlagDeclared
    from croupier.core.flags.line import flag_line, segment_line
    from croupier.core.flags.ruleset import Ruleset
    from croupier.core.flags.snapshot import snapshot
    from croupier.core.flags.state import declare
    from croupier.core.flags.write import digest_of, write_flag
    from croupier.core.segments import Segment

    lines = [segment_line(item.spec, 1) for item in bundle.documents if isinstance(item.spec, Segment)]
    for flag in flags_of(bundle):
        source = write_flag(flag)
        event = FlagDeclared(source, digest_of(source))
        lines.append(flag_line(declare(event, version=1, actor="", at=0.0), environment))
    return Ruleset(snapshot(environment, "", 1, lines), time.time)
