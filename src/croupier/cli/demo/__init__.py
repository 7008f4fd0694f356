"""``croupier demo``: a casino on this machine, players in it, three releases that Croupier promotes or rolls back, and
a flag that is killed.
"""

import shutil
from typing import Annotated, Final

import typer

from croupier.cli.output import Exit, out
from croupier.errors import Rejected

_BRISK: Final = 120
"""Requests/s from which on the story is as short as it is said to be."""


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running until Ctrl-C.")] = False,
    rate: Annotated[
        int, typer.Option(help="Requests per second of the players; with few, gates wait long.", min=20, max=1000)
    ] = 200,
    seed: Annotated[int, typer.Option(help="Seed of the players' dice.")] = 1,
) -> None:
    """Watch three releases of a casino on this machine. One is promoted, two are rolled back; then a flag misbehaves,
    and is killed. It takes two to three minutes.

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
    for note in (*place.notes, *_slowly(rate)):
        out.print(f"note: {note}", markup=False)
    try:
        good = asyncio.run(play(place, keep=keep, rate=rate, seed=seed))
    except KeyboardInterrupt:
        out.print("Stopped.")
        raise typer.Exit(130) from None
    finally:
        shutil.rmtree(place.folder, ignore_errors=True)
    raise typer.Exit(Exit.OK if good else Exit.FAILED)


def _slowly(rate: int) -> tuple[str, ...]:
    if rate >= _BRISK:
        return ()
    return (f"with {rate} requests/s the gates wait long for their events: 60 take six minutes, fewer take more",)
