"""``croupier demo``: a casino on this machine, players in it, three releases that Croupier promotes or rolls back, and
a flag that is killed.
"""

import shutil
from typing import Annotated

import typer

from croupier.cli.output import Exit, out
from croupier.errors import Rejected


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running until Ctrl-C.")] = False,
    rate: Annotated[int, typer.Option(help="Requests per second of the players.", min=20, max=1000)] = 200,
    seed: Annotated[int, typer.Option(help="Seed of the players' dice.")] = 1,
) -> None:
    """Watch three releases of a casino on this machine. One is promoted, two are rolled back; then a flag misbehaves,
    and is killed. It needs 3 minutes.

    Leaves with 0 when every release and the flag ended as they should, and no request was lost.
    """
    try:
        import casino.players  # noqa: F401
    except ImportError as missing:
        raise Rejected(
            "The demo needs the example casino, which is not installed.",
            hint="From a clone of Croupier: make demo (or: pip install ./examples/casino)",
        ) from missing
    import asyncio

    from croupier.cli.demo.play import play
    from croupier.cli.demo.stage import choose_place

    place = choose_place()
    for note in place.notes:
        out.print(f"note: {note}", markup=False)
    try:
        good = asyncio.run(play(place, keep=keep, rate=rate, seed=seed))
    except KeyboardInterrupt:
        out.print("Stopped.")
        raise typer.Exit(130) from None
    finally:
        shutil.rmtree(place.folder, ignore_errors=True)
    raise typer.Exit(Exit.OK if good else Exit.FAILED)
