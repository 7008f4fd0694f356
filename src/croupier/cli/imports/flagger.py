"""``croupier import flagger``: Flagger's documents become Rollouts, Gates and Segments. Needs no control plane."""

from pathlib import Path
from typing import Annotated

import typer

from croupier.cli.imports.manifests import Out, Strict, import_manifests
from croupier.cli.output import Json


def flagger(
    files: Annotated[list[Path], typer.Argument(help="Files or directories with documents of Flagger.")],
    folder: Out = None,
    strict: Strict = False,
    as_json: Json = False,
) -> None:
    """Turn Flagger's Canaries and MetricTemplates into ours. A report says of every field whether it was carried over,
    what is different here and why, what to do where it is not possible, or why it is not needed; what decides there and
    cannot here becomes a pause for a person. Nothing is applied: look at the files, then 'croupier apply'. Leaves with
    5 when a file is not valid, or nothing of it can be carried over, and writes nothing then.
    """
    from croupier.adapters.imports.flagger import import_flagger

    import_manifests(files, import_flagger, folder=folder, strict=strict, as_json=as_json)
