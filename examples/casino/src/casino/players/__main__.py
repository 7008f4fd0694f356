"""`python -m casino.players`: let players loose on a casino and report what they met.

Exit codes: 0 nothing lost and nothing unexpected, 1 otherwise, 2 the casino could not be reached.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from pathlib import Path

import uvloop

from casino.players.crowd import Crowd
from casino.players.figures import Snapshot
from casino.players.wire import Lost
from casino.world import SERVICES


def main() -> int:
    """Run for the given time, or until interrupted."""
    arguments = _arguments()
    try:
        crowd, snapshot = uvloop.run(_play(arguments))
    except (Lost, RuntimeError) as error:
        print(f"players: no casino at {arguments.base_url}: {error}", file=sys.stderr)
        return 2
    if arguments.report is not None:
        arguments.report.write_text(json.dumps(_report(crowd, snapshot), indent=2) + "\n")
    print(_summary(snapshot))
    for complaint in crowd.figures.complaints[:5]:
        print(f"  unexpected: {complaint}")
    return 1 if snapshot.lost or snapshot.unexpected else 0


async def _play(arguments: argparse.Namespace) -> tuple[Crowd, Snapshot]:
    crowd = Crowd(
        arguments.base_url,
        rate=arguments.rate,
        seed=arguments.seed,
        players=arguments.players,
        routes=dict(arguments.route),
        timeout_s=arguments.timeout,
        lean=arguments.lean,
        lean_service=arguments.lean_service,
    )
    ended = asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, ended.set)
    async with crowd:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), arguments.duration)
        await crowd.stop()
        return crowd, crowd.snapshot()


def _report(crowd: Crowd, snapshot: Snapshot) -> dict[str, object]:
    figures = crowd.figures
    return {
        **snapshot.document(),
        "complaints": figures.complaints,
        "losses": [[loss.at, loss.service, loss.what, loss.why] for loss in figures.losses],
        "move_list": [[move.at, move.player, move.service, move.before, move.after] for move in figures.moves],
    }


def _summary(snapshot: Snapshot) -> str:
    first = (
        f"{snapshot.sent} requests in {snapshot.elapsed_s:.1f} s, {snapshot.answered} answered, {snapshot.lost} lost, "
        f"{snapshot.unexpected} unexpected, {snapshot.moves} moves between versions"
    )
    lines = [first]
    lines += [f"  lost: {count} x {reason}" for reason, count in sorted(snapshot.lost_by_reason.items())]
    lines += [
        f"  {v.service:<9}{v.version:<12}{v.requests:>8} requests {v.failed:>6} failed {v.players:>6} players   "
        f"p50 {v.p50_s * 1000:.0f} ms  p95 {v.p95_s * 1000:.0f} ms  p99 {v.p99_s * 1000:.0f} ms"
        for v in snapshot.versions
    ]
    return "\n".join(lines)


def _route(text: str) -> tuple[str, str]:
    service, separator, url = text.partition("=")
    if not separator or service not in SERVICES:
        raise argparse.ArgumentTypeError(f"{text!r} is not SERVICE=URL with a service of {', '.join(SERVICES)}")
    return service, url


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m casino.players", description="Players for the casino.")
    parser.add_argument("--base-url", required=True, help="address of the edge, such as http://127.0.0.1:8080")
    parser.add_argument("--rate", type=float, default=200.0, help="requests per second")
    parser.add_argument("--duration", type=float, default=60.0, help="seconds")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same pool of players")
    parser.add_argument("--players", type=int, default=2_000, help="size of the pool")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds after which a request counts as lost")
    parser.add_argument("--route", type=_route, action="append", default=[], metavar="SERVICE=URL", help="no edge")
    parser.add_argument("--lean", action="store_true", help="only pings, for benchmarks of what lies in front")
    parser.add_argument("--lean-service", choices=SERVICES, default="payments", help="whom to ping")
    parser.add_argument("--report", type=Path, help="write all figures as JSON to this file")
    arguments = parser.parse_args()
    if arguments.rate < 0 or arguments.duration <= 0 or arguments.players < 1 or arguments.timeout <= 0:
        parser.error("--rate must not be negative; --duration, --players and --timeout must be above 0")
    return arguments


if __name__ == "__main__":
    raise SystemExit(main())
