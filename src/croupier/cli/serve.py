"""``croupier serve`` and ``croupier down``: run the control plane, and stop what it left serving."""

from pathlib import Path
from typing import Annotated, Any

import typer

from croupier.cli.output import out
from croupier.errors import Rejected

StateDir = Annotated[
    Path | None, typer.Option("--state-dir", help="Where everything is kept.", envvar="CROUPIER_STATE_DIR")
]


def serve(
    state_dir: StateDir = None,
    port: Annotated[int | None, typer.Option(help="Port of the API and the page.", min=1, max=65535)] = None,
    edge_port: Annotated[int | None, typer.Option(help="Port at which players arrive.", min=1, max=65535)] = None,
    on_exit: Annotated[
        str | None, typer.Option(help="keep: traffic and workloads go on when this stops; stop: they stop too.")
    ] = None,
) -> None:
    """Run the control plane: API, page, Envoy and workloads. Options not given come from CROUPIER_* variables."""
    server = _server()
    given = {"state_dir": state_dir, "port": port, "edge_port": edge_port, "on_exit": on_exit}
    server.serve(server.settings(**{name: value for name, value in given.items() if value is not None}))


def down(state_dir: StateDir = None) -> None:
    """Stop Envoy and the workloads that a control plane left serving when it ended."""
    server = _server()
    stopped = server.down(server.settings(**({"state_dir": state_dir} if state_dir else {})))
    out.print(f"Stopped {stopped} processes." if stopped else "Nothing was running.")


def _server() -> Any:
    """The server is an extra; without it the command line is a client only."""
    try:
        from croupier.server import app
    except ImportError as missing:
        raise Rejected(
            f"The control plane is not installed here ({missing.name} is missing).",
            hint="Install it: pip install 'croupier[server]'",
        ) from missing
    return app
