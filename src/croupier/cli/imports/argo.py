"""``croupier import argo``: Argo Rollouts' documents become Rollouts and Gates. Needs no control plane."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from croupier.cli.imports.manifests import Out, Strict, import_manifests
from croupier.cli.output import Json
from croupier.errors import Rejected


def argo(
    files: Annotated[list[Path], typer.Argument(help="Files or directories with documents of Argo Rollouts.")],
    arg: Annotated[
        list[str] | None,
        typer.Option(
            help="A value for an argument of the templates, where no Rollout of the files gives it one, or another one "
            "is meant: service-name=payments. May be given several times.",
            metavar="NAME=VALUE",
        ),
    ] = None,
    compat: Annotated[
        Literal["argo"] | None,
        typer.Option(help="argo: behave as Argo Rollouts does where gates differ by default; the report says where."),
    ] = None,
    folder: Out = None,
    strict: Strict = False,
    as_json: Json = False,
) -> None:
    """Turn Argo's Rollouts and AnalysisTemplates into ours. A report says of every field whether it was carried over,
    what is different here and why, what to do where it is not possible, or why it is not needed; what decides there and
    cannot here becomes a pause for a person. Nothing is applied: look at the files, then 'croupier apply'. Leaves with
    5 when a file is not valid, or nothing of it can be carried over, and writes nothing then.
    """
    from croupier.adapters.imports.argo import import_argo

    args = _args(arg or [])
    import_manifests(
        files,
        lambda documents: import_argo(documents, args, argo=compat == "argo"),
        folder=folder,
        strict=strict,
        as_json=as_json,
    )


def _args(given: list[str]) -> dict[str, str]:
    values = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise Rejected(f"'{text}' gives no argument a value.", hint="Write --arg service-name=payments.")
        values[name] = value
    return values
