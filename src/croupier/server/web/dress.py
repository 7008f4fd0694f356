"""How everything of the page is answered: as HTML, with its own security headers, its errors as pages too.

``PageRoute`` is the route class of every route here; ``render`` fills a template.
"""

import gzip
import json
import math
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import quote, urlencode

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException

from croupier import errors
from croupier.core.experiments import words as words_of
from croupier.core.gates import Group
from croupier.core.rollout.explain import duration
from croupier.server import problems
from croupier.server.web import assets
from croupier.server.web.evolution import interval
from croupier.server.web.flags import words
from croupier.server.web.session import SignInNeeded, sessions_of

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",  # with no-referrer browsers would not name the origin of a form
    "Vary": "Cookie, HX-Request",
}
_LEVEL: Final = 4
"""Of gzip: a page is a sixth then, for a millisecond."""


class PageRoute(APIRoute):
    """A route whose errors are pages, and whose answers renew the session."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """As ``APIRoute``."""
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                response = await inner(request)
            except SignInNeeded:
                response = _to_sign_in(request)
            except errors.CroupierError as error:
                response = complain(request, error)
            except RequestValidationError as error:
                response = complain(request, errors.Rejected(f"This cannot be asked for: {error.errors()[0]['msg']}"))
            session = getattr(request.state, "session", None)
            if session is not None and "set-cookie" not in response.headers:
                doors = sessions_of(request)
                if doors.is_due(session):
                    doors.dress(response, session)
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
            return response

        return handle


def render(
    request: Request,
    template: str,
    *,
    status: int | None = None,
    error: errors.CroupierError | None = None,
    **values: Any,
) -> HTMLResponse:
    """The page that a template makes of these values. Without a ``status`` it has that of the ``error``, or is one."""
    session = getattr(request.state, "session", None)
    text = _environment().get_template(template).render(session=session, error=error, **values)
    if status is None:
        status = problems.kind_of(error).status if error else 200
    return HTMLResponse(text, status)


def packed(request: Request, response: Response) -> Response:
    """The same, smaller, for a client that takes it. Only for what holds no secret: its length would tell of one."""
    if "gzip" in request.headers.get("accept-encoding", "").lower():
        response.body = gzip.compress(bytes(response.body), _LEVEL, mtime=0)
        vary = f"{HEADERS['Vary']}, Accept-Encoding"
        response.headers.update({"Content-Encoding": "gzip", "Content-Length": str(len(response.body)), "Vary": vary})
    return response


def install(app: FastAPI) -> None:
    """Tell people in a browser by a page that there is nothing at a path. After ``problems.install``."""
    app.add_exception_handler(HTTPException, _on_http)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it was registered for
    if "text/html" not in request.headers.get("accept", ""):
        return await problems.on_http(request, error)
    message, _ = problems.explained(request, error)
    title = problems.kind_of_status(error.status_code).title
    back = home(request.url.path)
    response = render(request, "error.html", status=error.status_code, title=title, message=message, hint="", back=back)
    response.headers.update({**(error.headers or {}), **HEADERS, "Vary": "Accept"})
    return response


def complain(request: Request, error: errors.CroupierError) -> Response:
    """One of our errors as a page."""
    kind = problems.kind_of(error)
    message = "Stored data contradicts itself." if isinstance(error, errors.Corrupt) else error.message
    back = home(request.url.path)
    response = render(
        request, "error.html", status=kind.status, title=kind.title, message=message, hint=error.hint, back=back
    )
    if isinstance(error, errors.Transient):
        response.headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
    return response


def home(path: str) -> tuple[str, str]:
    """The list that a path belongs to, and what it is called."""
    first = path.strip("/").partition("/")[0]
    return (f"/{first}", first) if first in ("flags", "presets", "experiments") else ("/", "rollouts")


def _to_sign_in(request: Request) -> Response:
    """To the sign-in page and, after it, back to here. A fragment tells its page to go there."""
    if "hx-request" in request.headers:
        back = "/" + request.headers.get("hx-current-url", "").partition("//")[2].partition("/")[2]
        return Response(status_code=401, headers={"HX-Redirect": f"/login?{urlencode({'next': back})}"})
    if not any(kind in request.headers.get("accept", "*/*") for kind in ("text/html", "*/*")):
        return Response("Not signed in.\n", 401, media_type="text/plain")
    back = request.url.path if request.method == "GET" else "/"
    return RedirectResponse(f"/login?{urlencode({'next': back})}", 303)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("croupier.server.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(asset=assets.address, lively=assets.lively(), version=version("croupier"))
    made.filters.update(
        percent=percent,
        share=share,
        clock=lambda at: _utc(at).strftime("%H:%M:%S"),
        day=lambda at: _utc(at).strftime("%Y-%m-%d"),
        utc=lambda at: _utc(at).strftime("%Y-%m-%d %H:%M:%S UTC"),
        iso=lambda at: _utc(at).isoformat(timespec="milliseconds"),
        duration=duration,
        segment=lambda text: quote(str(text), safe=""),
        pretty=lambda value: json.dumps(value, indent=2, ensure_ascii=False),
        labels=_labels,
        thousands=lambda count: f"{count:,}",
        many=many,
        named=named,
        truly=truly,
        odds=odds,
        place=str,
        served=words.served,
        inwords=words.rule,
        part=words_of.percent,
        change=lambda value: "–" if value is None else words_of.percent(value, signed=True),
        points=lambda value: "–" if value is None else words_of.percent(value, signed=True),
        evidence=words_of.odds,
        roughly=words_of.duration,
        compact=lambda value: json.dumps(value, ensure_ascii=False),
    )
    return made


def percent(value: float) -> str:
    """``5 %``, ``0.25 %``, with a narrow space that does not break."""
    return f"{value:g}\u202f%"


def share(good: int, total: int) -> str:
    """Good of total as percent; more digits near the top, where they matter."""
    if total == 0:
        return "–"
    value = 100 * good / total
    # Cut, not rounded: almost all must not read as all.
    return f"{math.floor(100 * value + 1e-9) / 100:.2f}\u202f%" if 90 <= value < 100 else f"{value:.4g}\u202f%"


def odds(value: float) -> str:
    """``82 to 1``; below even they say nothing, however small they are."""
    return f"{math.floor(value):,} to 1" if value >= 1 else "none"


def truly(good: int, total: int) -> str:
    """``98.1 % to 99.9 %``: between what the true share of good ones is, with 95 % at all times at once."""
    low, high = interval(total - good, total)
    return f"{between(1.0 - high)} to {between(1.0 - low)}"


def between(share: float) -> str:
    """A share (0 to 1) as percent, with as many digits as tell."""
    digits = 3 if 0.999 < share < 1 else 2 if 0.9 < share < 1 else 1
    text = f"{100 * share:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.')}\u202f%"


def named(group: Group) -> str:
    """``psp kestrel, market DE``."""
    return _labels(dict(group))


def many(count: int, noun: str) -> str:
    """``1 flag``, ``50,000 flags``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _labels(group: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in group.items()) or "everything"


def _utc(at: float | str) -> datetime:
    return datetime.fromtimestamp(at, UTC) if isinstance(at, float | int) else datetime.fromisoformat(at)
