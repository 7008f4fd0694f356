"""``croupier import``: other tools' documents made into ours, with a report of what became of every field."""

import typer

from croupier.cli.imports import argo, flagger

app = typer.Typer(help="Make other tools' documents into ours.", no_args_is_help=True)
app.command("argo")(argo.argo)
app.command("flagger")(flagger.flagger)
