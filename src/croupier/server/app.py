"""The composition root: the only place that picks adapters, wires them to the use cases and the HTTP side.

``create_app`` makes the application without touching anything; what it needs is started and stopped with it. ``serve``
runs it until a signal; ``openapi`` describes it for the reference. Called by ``croupier serve`` and the docs generator.
"""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Final, TypeAlias

import uvicorn
from fastapi import FastAPI

from croupier.adapters.calendar import Recurrences
from croupier.adapters.clock import SystemClock, WallClock
from croupier.adapters.comparing import ProcessComparer
from croupier.adapters.metrics.embedded import EmbeddedMetrics, MetricSettings
from croupier.adapters.metrics.otlp import OtlpMetrics
from croupier.adapters.metrics.prometheus import PrometheusMetrics, PrometheusSettings
from croupier.adapters.metrics.sources import MetricSources
from croupier.adapters.metrics.web import MeasureSettings, Measuring
from croupier.adapters.notify import Webhook, read_notifiers, unencrypted
from croupier.adapters.outgoing import Allowed
from croupier.adapters.routing.envoy import EnvoyRouter, EnvoySettings
from croupier.adapters.routing.envoy.admin import Admin
from croupier.adapters.routing.envoy.players import Players, Visitors
from croupier.adapters.routing.envoy.process import find_process
from croupier.adapters.routing.envoy.version_tokens import OverrideKey
from croupier.adapters.smoke import CheckRunner, SmokeSettings
from croupier.adapters.smoke.runner import SECRET_PREFIX
from croupier.adapters.store.spool import FileKillSpool, FileSpool
from croupier.adapters.store.sql import open_store
from croupier.adapters.workloads.process import ProcessWorkloads
from croupier.control.ports import MetricSource, Ports
from croupier.core.gates import EMBEDDED, MEASURED, OTLP, PROMETHEUS
from croupier.core.gates.check.analysis import ENV_PREFIX
from croupier.core.smoke.override import LONGEST_S
from croupier.errors import Rejected, Transient
from croupier.server import guards, health, problems
from croupier.server.api.openapi import describe
from croupier.server.api.routes import reports
from croupier.server.api.routes import router as api
from croupier.server.doorstep import Doorstep
from croupier.server.edge import read_claims
from croupier.server.flags import flagd, ofrep
from croupier.server.flags.door import ClientDoor
from croupier.server.home import taken
from croupier.server.limits import make_room, settle
from croupier.server.logging import configure
from croupier.server.metrics import Metrics
from croupier.server.otlp.route import router as otlp
from croupier.server.running import Outside, running
from croupier.server.settings import OnExit, Settings
from croupier.server.settings_check import read_header
from croupier.server.visitors import ensure_key
from croupier.server.web import dress
from croupier.server.web.router import router as page

Opener: TypeAlias = Callable[[Settings], AbstractAsyncContextManager[Outside]]
"""Opens everything outside and closes it again."""

_BACKLOG: Final = 4_096
"""Connections that wait to be accepted: after a restart every application comes back at once."""

_NO_PROMETHEUS: Final = "this control plane asks no Prometheus; set CROUPIER_PROMETHEUS_URL"
_MEASURED: Final = "its metrics measure values, which say nothing of how much there is"

log = logging.getLogger("croupier.server")


@asynccontextmanager
async def open_outside(settings: Settings) -> AsyncIterator[Outside]:
    """The real adapters, started. On the way out they are stopped in the opposite order: Envoy lets go of its players
    before the versions that serve them end.
    """
    keep = True  # a start that fails must leave what serves players as it is
    async with AsyncExitStack() as stack:
        stack.enter_context(taken(settings.state_dir))
        clock, clock_file = SystemClock(), settings.state_dir / "clock.json"
        notifiers = _notifiers(settings, clock)
        for notifier in notifiers:
            stack.push_async_callback(notifier.close)
        store = await open_store(settings.store_url)
        stack.push_async_callback(store.close)
        workloads = ProcessWorkloads(settings.state_dir / "run", clock)
        await workloads.start()
        stack.push_async_callback(lambda: workloads.stop(keep_running=keep))
        if settings.edge_visitors:
            ensure_key(settings.visitors_key_file)
        overrides = OverrideKey(settings.override_key_file, WallClock())
        router = EnvoyRouter(replace(_edge(settings), override_jwks=overrides.jwks))
        await router.start()
        stack.push_async_callback(lambda: router.stop(keep_serving=keep))
        scraper = EmbeddedMetrics(clock, MetricSettings(interval_s=settings.scrape_s, edge_socket=router.admin_socket))
        await scraper.start()
        stack.push_async_callback(scraper.stop)
        pushed = OtlpMetrics(clock)
        sources: dict[str, MetricSource] = {EMBEDDED: scraper, OTLP: pushed}
        if (prometheus := _prometheus(settings, clock)) is not None:
            sources[PROMETHEUS] = prometheus
            stack.push_async_callback(prometheus.stop)
        measuring = Measuring(clock, _measures(settings), prometheus)
        stack.push_async_callback(measuring.stop)
        smoke = CheckRunner(
            _smoke(settings), lambda keys, for_s: overrides.sign(keys, min(for_s, LONGEST_S), "smoke checks")
        )
        await smoke.start()
        stack.push_async_callback(smoke.stop)
        comparer = ProcessComparer(_edge(settings).compare_socket)
        stack.push_async_callback(comparer.stop)
        ports = Ports(
            store=store,
            leases=store.leases,
            journal=store,
            spool=FileSpool(settings.state_dir / "aborts.jsonl"),
            router=router,
            workloads=workloads,
            metrics=MetricSources(sources, {PROMETHEUS: _NO_PROMETHEUS, MEASURED: _MEASURED}),
            clock=clock,
            measurer=measuring,
            comparer=comparer,
            smoke=smoke,
            overrides=overrides,
            pins=store,
            almanac=Recurrences(frozenset(settings.environments)),
        )
        kills = FileKillSpool(settings.state_dir / "kills.jsonl")
        yield Outside(
            ports,
            tokens=store,
            changes=store,
            kills=kills,
            edge_healthy=router.healthy,
            runs=store,
            pushed=pushed,
            notifiers=notifiers,
            bookmarks=store,
            jumped_s=clock.jumped_s(clock_file),
            acted_on_jump=lambda: clock.note(clock_file),
        )
        keep = settings.on_exit is OnExit.KEEP


def create_app(settings: Settings | None = None, outside: Opener = open_outside) -> FastAPI:
    """The application. Nothing is opened before its lifespan starts; a failed start leaves its error in
    ``app.state.failure``.
    """
    chosen = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            async with outside(chosen) as opened, running(chosen, opened, metrics) as context:
                app.state.context = context
                yield
        except Exception as failure:
            app.state.failure = failure
            raise

    metrics = Metrics()
    app = FastAPI(
        title="Croupier",
        version=version("croupier"),
        lifespan=lifespan,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # they would load scripts from elsewhere
        redoc_url=None,
    )
    app.state.failure = None
    app.include_router(health.router)
    app.include_router(api)
    app.include_router(reports)
    app.include_router(flagd.router)
    app.include_router(ofrep.router)
    app.include_router(otlp)
    app.include_router(page)
    problems.install(app)
    dress.install(app)
    app.add_middleware(ClientDoor)
    guards.install(app, chosen, metrics)
    describe(app)
    return app


def openapi() -> dict[str, Any]:
    """The API's description (OpenAPI 3.1), without starting anything."""
    return create_app(Settings.model_construct()).openapi()


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C, then stop in order. Raises ``Rejected`` for a busy port, and what a failed start
    raised.
    """
    os.umask(0o077)
    configure(settings.log_format, settings.log_level)
    make_room(settings.max_flag_streams)
    app = create_app(settings)
    with _listening(settings.host, settings.port, "port") as listener:
        _Server(app, settings).serve_on(listener)
    if app.state.failure is not None:
        raise app.state.failure.with_traceback(None)


def down(settings: Settings) -> int:
    """Stop Envoy and the workloads that a control plane left serving; how many processes that were. Raises ``Conflict``
    where one still runs.
    """
    configure(settings.log_format, "warning")
    return asyncio.run(_down(settings))


async def _down(settings: Settings) -> int:
    with taken(settings.state_dir):
        count = int(await _end_left_envoy(settings))
        workloads = ProcessWorkloads(settings.state_dir / "run", SystemClock())
        await workloads.start()
        count += sum(max(1, len(status.endpoints)) for status in (await workloads.observe()).values())
        await workloads.stop(keep_running=False)
        return count


async def _end_left_envoy(settings: Settings) -> bool:
    """End an Envoy that was left serving, after the requests in flight; whether there was one."""
    edge = _edge(settings)
    process = find_process(edge.run_dir)
    if process is None:
        return False
    admin = Admin(edge.admin_socket)
    with suppress(Transient, TimeoutError):
        async with asyncio.timeout(edge.drain_s):
            await admin.drain()
            while await admin.requests_in_flight():  # noqa: ASYNC110 - Envoy is asked, it does not tell
                await asyncio.sleep(0.05)
    await admin.close()
    await process.end()
    return True


def _edge(settings: Settings) -> EnvoySettings:
    run_dir = settings.state_dir.absolute() / "envoy"
    return EnvoySettings(
        run_dir=run_dir,
        port=settings.edge_port,
        listen_host=settings.edge_host,
        players=_players(settings),
        preview_port=settings.edge_preview_port,
        preview_host=settings.edge_preview_host,
    )


def _smoke(settings: Settings) -> SmokeSettings:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.edge_host, settings.edge_host)  # noqa: S104 - from within
    address = f"http://{f'[{host}]' if ':' in host else host}:{settings.edge_port}"
    env = {name: value for name, value in os.environ.items() if name.startswith(SECRET_PREFIX)}
    return SmokeSettings(address, env, settings.secrets_dir, settings.state_dir.absolute() / "smoke")


def _players(settings: Settings) -> Players | None:
    if settings.edge_jwks_file is None or settings.edge_issuer is None:
        return None
    return Players(
        jwks_file=settings.edge_jwks_file.absolute(),
        issuer=settings.edge_issuer,
        audiences=settings.edge_audiences,
        cookie=settings.edge_token_cookie,
        player_claim=settings.edge_player_claim,
        player_header=settings.edge_player_header,
        claims=read_claims(settings.edge_claims),
        visitors=Visitors(settings.visitors_key_file, settings.edge_visitor_cookie) if settings.edge_visitors else None,
    )


def _prometheus(settings: Settings, clock: SystemClock) -> PrometheusMetrics | None:
    if settings.prometheus_url is None:
        return None
    return PrometheusMetrics(
        clock,
        PrometheusSettings(
            url=settings.prometheus_url,
            token_file=settings.prometheus_token_file,
            user=settings.prometheus_user,
            password_file=settings.prometheus_password_file,
            ca_file=settings.prometheus_ca_file,
            certificate_file=settings.prometheus_certificate_file,
            key_file=settings.prometheus_key_file,
            headers=tuple(pair for text in settings.prometheus_headers if (pair := read_header(text))),
            timeout_s=settings.prometheus_timeout_s,
            service_label=settings.prometheus_service_label,
            version_label=settings.prometheus_version_label,
        ),
    )


def _notifiers(settings: Settings, clock: SystemClock) -> list[Webhook]:
    """Raises ``Rejected`` where the file has mistakes: alerts that nobody gets are found when they are needed."""
    if settings.notifiers_file is None:
        return []
    allowed = Allowed.read(settings.outgoing_hosts)
    receivers = read_notifiers(settings.notifiers_file)
    for declared in receivers:
        if host := unencrypted(declared):
            log.warning(
                "notifier %s has a plain HTTP address: whoever is on the way to %s reads what it is told; write https://",
                declared.name,
                host,
            )
    return [Webhook(declared, allowed, clock) for declared in receivers]


def _measures(settings: Settings) -> MeasureSettings:
    return MeasureSettings(
        allowed=Allowed.read(settings.outgoing_hosts),
        secrets_dir=settings.secrets_dir,
        env={name: value for name, value in os.environ.items() if name.startswith(ENV_PREFIX)},
        prometheus_url=settings.prometheus_url,
    )


class _Server(uvicorn.Server):
    """uvicorn, with streams that end when it is told to stop, and a signal that ends in a normal return."""

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                http=Doorstep,
                ws="none",
                lifespan="on",
                loop="uvloop" if find_spec("uvloop") else "asyncio",
                limit_concurrency=1_000 + settings.max_flag_streams,
                backlog=_BACKLOG,
                timeout_graceful_shutdown=10,
            )
        )
        self._app = app

    def serve_on(self, listener: socket.socket) -> None:
        """Run until a signal."""
        # uvicorn raises the signal again when it is done; by then everything is stopped and there is nothing to end.
        before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            self.run(sockets=[listener])
        except SystemExit:  # a failed start; ``serve`` says why
            if self._app.state.failure is None:
                raise
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as uvicorn does, then settle down."""
        await super().startup(sockets)
        settle()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """A signal came: end the streams, which would go on for ever."""
        context = getattr(self._app.state, "context", None)
        if context is not None:
            context.streams.close()
            context.flags.feed.close()
        super().handle_exit(sig, frame)


def _listening(host: str, port: int, name: str) -> socket.socket:
    """The socket to serve on, or what to do about it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise Rejected(
            f"{name.capitalize()} {port} of {host} cannot be used: {error.strerror or error}.",
            hint=f"Stop what listens there, or choose another one: CROUPIER_{name.upper()}.",
        ) from None
