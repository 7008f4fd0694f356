"""``croupier flag …``: look at feature flags, change them, and stop them. One module per verb or a few of a kind."""

import typer

from croupier.cli.flag import answers, change, exchange, kill, look, preview, propagation, refs, stale

app = typer.Typer(
    help="Look at feature flags, change them, and stop them.", no_args_is_help=True, rich_markup_mode=None
)
app.command("list")(look.list_)
app.command("show")(look.show)
app.command("set")(change.set_)
app.command("eval")(answers.evaluate)
app.command("explain")(answers.explain)
app.command("preview")(preview.preview)
app.command("kill")(kill.kill)
app.command("restore")(change.restore)
app.command("renew")(change.renew)
app.command("archive")(change.archive)
app.command("history")(look.history)
app.command("propagation")(propagation.propagation)
app.command("refs")(refs.refs)
app.command("stale")(stale.stale)
app.command("import")(exchange.import_)
app.command("export")(exchange.export)
