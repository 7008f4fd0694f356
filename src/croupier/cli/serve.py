"""``croupier serve`` and ``croupier down``: run the control plane, and stop what it left serving."""

import gc
import os
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from croupier.cli.output import err, out, plain
from croupier.errors import Problem, Rejected

StateDir = Annotated[
    Path | None, typer.Option("--state-dir", help="Where everything is kept.", envvar="CROUPIER_STATE_DIR")
]


def serve(
    state_dir: StateDir = None,
    port: Annotated[int | None, typer.Option(help="Port of the API and the page.", min=1, max=65535)] = None,
    edge_port: Annotated[int | None, typer.Option(help="Port at which players arrive.", min=1, max=65535)] = None,
    on_exit: Annotated[
        Literal["keep", "stop"] | None,
        typer.Option(help="Whether traffic and workloads go on when this stops, or stop too."),
    ] = None,
) -> None:
    """Run the control plane: API, page, Envoy and workloads. Options not given come from CROUPIER_* variables."""
    given = {"state_dir": state_dir, "port": port, "edge_port": edge_port, "on_exit": on_exit}
    server, settings = _server(given)
    _warn_of_strangers()
    server.serve(settings)
    if settings.on_exit == "keep":
        out.print("Stopped. Envoy and the running versions keep serving; to stop them, too: croupier down")


def down(state_dir: StateDir = None) -> None:
    """Stop Envoy and the workloads that were left serving."""
    server, settings = _server({"state_dir": state_dir})
    stopped = server.down(settings)
    out.print(f"Stopped {stopped} processes." if stopped else "Nothing was running.")


def _warn_of_strangers() -> None:
    """A mistyped variable would be ignored without a word."""
    from croupier.server.settings import unknown_variables

    for name, meant in unknown_variables(os.environ).items():
        hint = f"did you mean {meant}?" if meant else "see the page 'Settings' of the documentation."
        err.print(f"[yellow]warning:[/] {plain(name)} is no setting and is ignored; {hint}")


def _server(given: dict[str, Any]) -> tuple[Any, Any]:
    """The server, which is an extra (without it the command line is a client only), and its settings."""
    gc.disable()  # hundreds of modules and no garbage: to look for some takes a fifth of the start
    try:
        from pydantic import ValidationError

        from croupier.server import app
        from croupier.server.settings import Settings
    except ImportError as missing:
        if (missing.name or "").partition(".")[0] == "croupier":  # a fault of ours, which installing does not mend
            raise
        raise Rejected(
            f"The control plane is not installed here ({missing.name} is missing).",
            hint="In a checkout of Croupier: pip install '.[server]'",
        ) from missing
    finally:
        gc.freeze()  # and what is loaded stays: nobody needs to look through it ever
        gc.enable()
    try:
        return app, Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as wrong:
        problems = tuple(
            Problem(item["msg"].removeprefix("Value error, "), _origin(item["loc"], given)) for item in wrong.errors()
        )
        raise Rejected("These settings cannot be used.", problems=problems) from None


def _origin(field: tuple[int | str, ...], given: dict[str, Any]) -> tuple[int | str, ...]:
    """Where a wrong value came from: an option, or else a variable."""
    name = str(field[0]) if field else ""
    if not name or given.get(name) is not None:
        return field
    return (f"CROUPIER_{name.upper()}", *field[1:])
