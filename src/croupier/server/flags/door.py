"""Applications come in here: who asks, for which environment, and what is answered. Around the rest of the application.

Everything else passes through. Errors are the same problems as the API's.
"""

import re
from typing import Final
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Receive, Scope, Send

from croupier.core.flags.snapshot import MEDIA_TYPE
from croupier.errors import CroupierError, Rejected
from croupier.server.auth import Principal, bearer_of
from croupier.server.context import Context
from croupier.server.experiments.report import LARGEST as LARGEST_REPORT
from croupier.server.experiments.report import read_report
from croupier.server.flags.acknowledge import CLIENT, LARGEST, read_acknowledgement
from croupier.server.flags.answer import answer, body_of, header
from croupier.server.flags.stream import CONNECTION, Connection, Listener
from croupier.server.problems import Forbidden, Malformed, respond_error, respond_status

REFETCH: Final = "/ofrep/v1/events"
"""Where clients of OFREP hear that they are to ask again; every bulk answer says so, with a ticket."""

_PATH: Final = re.compile(rf"/api/v1/environments/([^/]{{1,100}})/flags(|/stream|/acknowledge|/exposures)|({REFETCH})")
_METHODS: Final = {
    "": ("GET", "HEAD"),
    "/stream": ("GET",),
    "/acknowledge": ("POST",),
    "/exposures": ("POST",),
    REFETCH: ("GET",),
}
_MOST_PARAMETERS: Final = 20
_STREAM: Final = ((b"content-type", b"text/event-stream"), (b"x-accel-buffering", b"no"))


class ClientDoor:
    """Answers what applications ask; hands on what is none of that."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = _PATH.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        environment, what = found[1] or "", found[2] or found[3] or ""
        # For the log and the metrics, which name the route and not each path.
        scope["path_params"], scope["route"] = {"environment": environment} if environment else {}, what
        if scope["method"] not in _METHODS[what]:
            allowed = ", ".join(_METHODS[what])
            refusal = respond_status(scope, 405, f"{scope['method']} is not possible here.", headers={"Allow": allowed})
            await refusal(scope, receive, send)
            return
        here: Context = scope["app"].state.context
        try:
            match what:
                case "":
                    asking(here, scope, environment)
                    await _snapshot(here, scope, send, environment)
                case "/stream":
                    who = asking(here, scope, environment)
                    await _listen(here, scope, send, Listener(environment, who.id, _client_of(scope)))
                case "/acknowledge":
                    asking(here, scope, environment)
                    await _acknowledge(here, receive, send, environment)
                case "/exposures":
                    asking(here, scope, environment)
                    await _report(here, receive, send, environment)
                case _:
                    await _listen(here, scope, send, _of_ticket(here, scope))
        except CroupierError as error:
            await respond_error(scope, error)(scope, receive, send)


def asking(here: Context, scope: Scope, environment: str) -> Principal:
    """Who asks; raises ``Unauthenticated``, ``TooManyRequests``, or ``Forbidden`` for another environment's token."""
    bearer = bearer_of(header(scope, b"authorization"))
    who = here.keyring.authenticate(bearer) if bearer else None
    if who is None:
        why = "The token is not known, or was revoked." if bearer else "A token is needed."
        raise here.doorman.refuse(scope["client"][0] if scope.get("client") else "", why)
    scope.setdefault("state", {})["actor"] = who.name
    if not who.may_read(environment):
        raise Forbidden(f"{who.name} {who.bounds}.", hint="Use a token of this one.")
    return who


async def _snapshot(here: Context, scope: Scope, send: Send, environment: str) -> None:
    wholes = here.flags.wholes
    etag = wholes.etag(environment)
    shared = [(b"vary", b"accept-encoding"), (b"cache-control", b"private, no-cache")]
    if etag in (part.strip().removeprefix("W/") for part in header(scope, b"if-none-match").split(",")):
        await answer(send, 304, [(b"etag", etag.encode()), *shared])
        return
    whole = await wholes.of(environment)
    gzipped = "gzip" in header(scope, b"accept-encoding").lower()
    body = whole.gzipped if gzipped else whole.plain
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", b"%d" % len(body))]
    headers += [(b"etag", whole.etag.encode()), *shared]
    if gzipped:
        headers.append((b"content-encoding", b"gzip"))
    await answer(send, 200, headers, body)


async def _listen(here: Context, scope: Scope, send: Send, listener: Listener) -> None:
    """Tell the listener what changes, until one of us ends it. Raises ``NotFound`` for an unknown environment."""
    feed = here.flags.feed
    here.flags.book.snapshot(listener.environment)
    connection: Connection | None = scope.get("extensions", {}).get(CONNECTION)
    with feed.seat(listener, connection) as stream:
        await send({"type": "http.response.start", "status": 200, "headers": list(_STREAM)})
        await stream.write(send, feed.greeting(stream, header(scope, b"last-event-id")), feed.following)


def _of_ticket(here: Context, scope: Scope) -> Listener:
    """An OFREP client, which wants to hear when it is to ask again, by the ticket that it came with."""
    found = here.flags.tickets.redeem(_asked(scope, "ticket"), here.ports.clock.now())
    if found is None:
        address = scope["client"][0] if scope.get("client") else ""
        raise here.doorman.refuse(address, "The ticket is not known, or over.")
    token, environment = found
    return Listener(environment, token, refetch=True)


async def _acknowledge(here: Context, receive: Receive, send: Send, environment: str) -> None:
    here.flags.book.snapshot(environment)
    body = await body_of(receive, LARGEST)
    if body is None:
        raise Malformed(f"The body is larger than {LARGEST:,} bytes, or did not arrive.")
    said = read_acknowledgement(body)
    now = here.ports.clock.now()
    here.flags.propagation.acknowledge(
        said.client, environment, said.position, said.digest, held_s=said.held_s, now=now, sdk=said.sdk
    )
    await answer(send, 204)


async def _report(here: Context, receive: Receive, send: Send, environment: str) -> None:
    here.flags.book.snapshot(environment)
    body = await body_of(receive, LARGEST_REPORT)
    if body is None:
        raise Malformed(f"The body is larger than {LARGEST_REPORT:,} bytes, or did not arrive.")
    said = read_report(body, here.ports.clock.now())
    await here.intake.take(environment, said.client, said.runs, said.lost)
    await answer(send, 204)


def _client_of(scope: Scope) -> str:
    """The client's own name for itself. Raises ``Rejected``."""
    name = _asked(scope, "client")
    if name and not CLIENT.fullmatch(name):
        raise Rejected("This cannot be a client's name.", hint="Letters, digits, '.', '_', ':', '@', '-'; 128 at most.")
    return name


def _asked(scope: Scope, name: str) -> str:
    """The query's parameter; empty where it has none. Raises ``Malformed`` for too many."""
    try:
        query = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise Malformed(f"The address has more than {_MOST_PARAMETERS} parameters.") from None
    return str(query.get(name, [""])[0])
