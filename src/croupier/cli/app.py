"""The verbs of the ``croupier`` command, put together: one module per verb or noun. Run by ``main``."""

from typing import Annotated

import typer

from croupier.cli import (
    apply,
    calendar,
    demo,
    diff,
    document,
    experiment,
    flag,
    gate,
    imports,
    journal,
    notifier,
    page,
    preset,
    profile,
    release,
    rollout,
    segment,
    serve,
    service,
    smoke,
    token,
    validate,
)
from croupier.cli.connection import Connection

app = typer.Typer(
    name="croupier",
    help="The release control plane of online casinos: rolls a release out to a few players, watches money and play, "
    "goes on or goes back by itself, and can prove what happened.",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: it takes a third of the time, and reads well in a pipe
    pretty_exceptions_enable=False,
)
app.command("serve")(serve.serve)
app.command("down")(serve.down)
app.command("validate")(validate.validate)
app.command("apply")(apply.apply)
app.command("diff")(diff.diff)
app.command("delete")(document.delete)
app.add_typer(document.app, name="document")
app.add_typer(service.app, name="service")
app.add_typer(release.app, name="release")
app.add_typer(rollout.app, name="rollout")
app.add_typer(gate.app, name="gate")
app.add_typer(segment.app, name="segment")
app.add_typer(profile.app, name="profile")
app.add_typer(flag.app, name="flag")
app.add_typer(preset.app, name="preset")
app.add_typer(experiment.app, name="experiment")
app.add_typer(calendar.app, name="calendar")
app.add_typer(imports.app, name="import")
app.add_typer(token.app, name="token")
app.add_typer(smoke.app, name="smoke")
app.add_typer(journal.app, name="journal")
app.add_typer(notifier.app, name="notifier")
app.command("page")(page.page)
app.command("demo")(demo.demo)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        from croupier.core.gates.edition import KEPT

        editions = ", ".join(map(str, sorted(KEPT)))
        typer.echo(f"croupier {version('croupier')} (editions of the gates' arithmetic: {editions})")
        raise typer.Exit


@app.callback()
def connection(
    context: typer.Context,
    url: Annotated[
        list[str] | None,
        typer.Option(
            envvar="CROUPIER_URL",
            help="Address of the control plane. Where several share a database, all of theirs, separated by commas: a "
            "kill is sent to each, anything else to the first that is there.",
            show_default=False,
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(envvar="CROUPIER_TOKEN", help="Token; on the control plane's own machine it is found by itself."),
    ] = None,
    _show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Options for every command that talks to a control plane."""
    begun_at: str = context.obj or ""
    context.obj = Connection(",".join(url or ()) or None, token, begun_at)
