"""``croupier rollout …``: start a rollout, follow it, and do with it what people may do."""

import typer

from croupier.cli import shadow, version_token
from croupier.cli.rollout import begin, look, steer

app = typer.Typer(help="Start, follow and steer rollouts.", no_args_is_help=True, rich_markup_mode=None)
app.command("start")(begin.start)
app.command("plan")(begin.plan)
app.command("approve")(begin.approve)
app.command("list")(look.list_)
app.command("status", help="The same as show.")(look.show)
app.command("show")(look.show)
app.command("token")(version_token.token)
app.command("watch")(look.watch_)
app.command("promote")(steer.promote)
app.command("pause")(steer.pause)
app.command("resume")(steer.resume)
app.command("abort")(steer.abort)
app.command("override")(steer.override)
app.command("undo")(steer.undo)
app.command("retry")(steer.retry)
app.command("hold")(steer.hold)
app.command("release")(steer.release)
app.command("shadow")(shadow.shadow)
app.command("history")(look.history)
app.command("pins")(look.pins)
app.command("replay")(look.replay)
