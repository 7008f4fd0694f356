"""The control plane while it runs: the loop, the journal's reader and the token refresh as tasks, and their end.

Made by ``app`` from what it opened; gives the ``Context`` that requests get.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial

from croupier.control.catalog import Catalog
from croupier.control.experiments.experiments import Experiments
from croupier.control.experiments.intake import Intake
from croupier.control.flag_steps import OpenDoor
from croupier.control.flags.flags import Flags
from croupier.control.jumped import ask_after_jump
from croupier.control.ports import Bookmarks, Changes, Commit, KillSpool, Notifier, Ports, PushedMetrics, Tokens
from croupier.control.ports.experiments import RunLedger
from croupier.control.rollouts import Rollouts
from croupier.control.round_reports import RoundReports
from croupier.control.telling import Teller
from croupier.control.traffic import keep_counting
from croupier.core.journal.entry import Entry
from croupier.errors import CroupierError, Rejected
from croupier.server.api.idempotency import Answers
from croupier.server.api.record_views import decode
from croupier.server.auth import Doorman, Keyring, Role, mint
from croupier.server.context import Context
from croupier.server.flags.definitions import Definitions
from croupier.server.flags.desk import Desk
from croupier.server.flags.feed import Feed
from croupier.server.flags.rulesets import Rulesets
from croupier.server.flags.ticket import Tickets
from croupier.server.flags.whole import Wholes
from croupier.server.home import identity, write_secret
from croupier.server.leases import SeenLeases
from croupier.server.metrics import Metrics, TimedReconciler
from croupier.server.otlp.allowance import Allowance
from croupier.server.settings import Settings
from croupier.server.streams import Streams
from croupier.server.timed import CountedNotifier, TimedSource

_STOP_S = 15.0
"""The loop gets so long to finish its turn."""

log = logging.getLogger("croupier.server")


@dataclass(frozen=True, slots=True)
class Outside:
    """What ``app`` opened: the ports, and what only the server needs."""

    ports: Ports
    tokens: Tokens
    changes: Changes
    kills: KillSpool
    edge_healthy: Callable[[], Awaitable[bool]]
    runs: RunLedger
    pushed: PushedMetrics | None = None
    notifiers: Sequence[Notifier] = ()
    bookmarks: Bookmarks | None = None
    jumped_s: float = 0.0
    """By how much the wall clock was set forward since the last control plane began here."""
    acted_on_jump: Callable[[], None] = lambda: None
    """Told once that has been looked at."""


@asynccontextmanager
async def running(settings: Settings, outside: Outside, metrics: Metrics) -> AsyncIterator[Context]:
    """Run the loop as long as this is entered; leaving it finishes the present turn and gives the lease back."""
    leases = SeenLeases(outside.ports.leases)
    ports = replace(outside.ports, leases=leases, metrics=TimedSource(outside.ports.metrics, metrics))
    notifiers = [CountedNotifier(one, metrics, ports.clock) for one in outside.notifiers]
    keyring = Keyring(outside.tokens)
    await keyring.refresh()
    await _let_an_admin_in(settings, ports, keyring)
    flags = Flags.of(ports.store, ports.journal, outside.kills, ports.clock, settings.environments)
    await flags.start()
    reconciler = TimedReconciler(
        ports,
        identity(settings.state_dir),
        settings.lease_ttl_s,
        switches=flags.changes.kills,
        flags=OpenDoor(flags),
        jumped_s=outside.jumped_s,
    )
    reconciler.metrics = metrics
    metrics.watch_fleet(lambda: reconciler.fleet)
    metrics.watch_rounds(lambda: reconciler.open_rounds)
    experiments = Experiments(flags.changes.recorder, outside.runs)
    await experiments.settle()
    feed = Feed(flags.book, keyring, flags.propagation, ports.clock, settings.max_flag_streams)
    streams = Streams(ports.journal, outside.changes, settings.max_streams, metrics.note)
    context = Context(
        settings=settings,
        ports=ports,
        tokens=outside.tokens,
        reconciler=reconciler,
        rollouts=Rollouts(ports, reconciler),
        catalog=Catalog(ports, reconciler),
        keyring=keyring,
        doorman=Doorman(ports.clock),
        answers=Answers(ports.store, ports.clock),
        streams=streams,
        metrics=metrics,
        leases=leases,
        flags=_desk(flags, feed, keyring, ports),
        experiments=experiments,
        intake=Intake(experiments),
        rounds=RoundReports(ports.pins) if ports.pins is not None else None,
        pushed=outside.pushed,
        allowance=Allowance(settings.otlp_per_s),
        edge_healthy=outside.edge_healthy,
        notifiers={notifier.name: notifier for notifier in notifiers},
        bookmarks=outside.bookmarks,
    )
    await ask_after_jump(context.rollouts, outside.jumped_s)
    outside.acted_on_jump()
    stop = asyncio.Event()
    loop = asyncio.create_task(reconciler.run(settings.tick_s, stop), name="control loop")
    others = [
        asyncio.create_task(streams.run(), name="journal reader"),
        asyncio.create_task(keyring.keep_fresh(settings.token_refresh_s, ports.clock), name="token refresh"),
        asyncio.create_task(_again(partial(keep_counting, ports)), name="traffic"),
        asyncio.create_task(_again(partial(flags.run, outside.changes)), name="flags"),
        asyncio.create_task(_again(feed.run), name="flag streams"),
        asyncio.create_task(_again(feed.keep_alive), name="heartbeats of flag streams"),
        *(asyncio.create_task(teller.run(), name=f"notifier {name}") for name, teller in _tellers(context)),
    ]
    log.info("serving", extra={"url": settings.url, "edge": settings.edge_url, "state_dir": str(settings.state_dir)})
    try:
        async with _flagd(context):
            yield context
    finally:
        streams.close()
        feed.close()
        stop.set()
        await _finish(loop)
        for task in others:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def _tellers(here: Context) -> Iterator[tuple[str, Teller]]:
    """Who tells the receivers of notices what happens."""
    ports, bookmarks = here.ports, here.bookmarks
    if bookmarks is None:
        return
    for notifier in here.notifiers.values():
        yield (
            notifier.name,
            Teller(
                notifier=notifier,
                journal=ports.journal,
                store=ports.store,
                bookmarks=bookmarks,
                clock=ports.clock,
                decode=decode,
                acting=lambda: here.leases.holding(ports.clock),
            ),
        )


def _desk(flags: Flags, feed: Feed, keyring: Keyring, ports: Ports) -> Desk:
    """What requests about flags need."""
    return Desk(
        book=flags.book,
        changes=flags.changes,
        presets=flags.presets,
        propagation=flags.propagation,
        wholes=Wholes(flags.book),
        feed=feed,
        rulesets=Rulesets(flags.book, ports.clock.now),
        tickets=Tickets(keyring),
        definitions=Definitions(flags.book),
    )


async def _again(work: Callable[[], Awaitable[None]]) -> None:
    """Do the work, and begin anew where a mistake of ours ends it: without it no kill would be heard of any more."""
    while True:
        try:
            return await work()
        except Exception:  # whatever it was: the others go on, and this one must not stay away
            log.exception("a background task ended, and begins anew")
            await asyncio.sleep(1.0)


@asynccontextmanager
async def _flagd(here: Context) -> AsyncIterator[None]:
    """Serve flagd's clients, where a port is set for that."""
    settings = here.settings
    if settings.flagd_port is None:
        yield
        return
    try:
        from croupier.server.flags.sync import Sync, read_identity, serving
    except ModuleNotFoundError as missing:
        hint = "In a checkout of Croupier: pip install '.[server,flagd]'"
        raise Rejected(f"flagd's clients cannot be served: {missing.name} is not installed.", hint=hint) from None
    certificate, key = settings.flagd_certificate, settings.flagd_key
    identity = read_identity(certificate, key) if certificate and key else None
    sync = Sync(here.flags.book, here.keyring, here.flags.definitions, settings.max_streams)
    async with serving(sync, settings.host, settings.flagd_port, identity):
        yield


async def _finish(loop: asyncio.Task[None]) -> None:
    """Let the loop end its turn; not for ever."""
    try:
        await asyncio.wait_for(loop, _STOP_S)
    except TimeoutError:
        log.warning("the control loop did not end in time and was cut off; the next start goes on from the record")
    except CroupierError as trouble:
        log.warning("the lease was not given back: %s", trouble)


async def _let_an_admin_in(settings: Settings, ports: Ports, keyring: Keyring) -> None:
    """At the first start nobody has a token: make one and leave it where only the owner of this account finds it."""
    file = settings.admin_token_file
    if keyring.has_admin and not settings.new_admin_token:
        return
    now = ports.clock.now()
    token, text = mint("admin", Role.ADMIN, now)
    event = {"type": "token_created", "id": token.id, "name": token.name, "role": token.role}
    entry = Entry(now, "croupier", "create token", f"token/{token.id}", (event,), "first start")
    write_secret(file, text)
    await ports.store.commit(Commit((entry,), now, tokens=(token,)))
    keyring.learn(token)
    log.info("an admin token was made", extra={"file": str(file)})
