"""``/login`` and ``/logout``: a token, or a one-time link, becomes a session.

``POST /login/tickets`` makes such a link for whoever holds a token, so that nobody has to paste one into a page: the
command line does it on the control plane's own machine.
"""

import re
from typing import Annotated, Final

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from croupier.server.auth import Principal, Role, Viewer
from croupier.server.context import Context, Here
from croupier.server.problems import TooManyRequests
from croupier.server.web.dress import PageRoute, render
from croupier.server.web.session import TICKET_S, Doors, Visitor, checked, same_origin

_OURS: Final = re.compile(r"/(?![/\\])[A-Za-z0-9._~/%-]{0,300}")

router = APIRouter(route_class=PageRoute, include_in_schema=False)
machines = APIRouter(include_in_schema=False)
"""What a program asks for: its errors are problems, not pages."""

Next = Annotated[str, Query(max_length=400)]


@router.get("/login")
def login_page(request: Request, next: Next = "/", ticket: Annotated[str, Query(max_length=100)] = "") -> Response:  # noqa: A002 - its name in the address
    """Ask for a token; a one-time link only asks for a click, so that a preview of it uses nothing up."""
    return render(request, "login.html", next=_within(next), ticket=ticket, complaint="")


@router.post("/login")
def login(
    request: Request,
    here: Here,
    doors: Doors,
    token: Annotated[str, Form(max_length=200)] = "",
    ticket: Annotated[str, Form(max_length=100)] = "",
    next: Annotated[str, Form(max_length=400)] = "/",  # noqa: A002 - as above
) -> Response:
    """Open a session. Whatever is wrong with what was given, the answer is the same."""
    same_origin(request)
    found = doors.redeem(ticket) if ticket else here.keyring.authenticate(token.strip())
    if found is None or not found.role.may(Role.VIEWER):
        return _refuse(request, here, _within(next), used_up=bool(ticket))
    # Behind a proxy that does TLS only the browser knows that this is https.
    secure = request.url.scheme == "https" or request.headers["origin"].startswith("https:")
    request.state.actor = found.name
    response = RedirectResponse(_within(next), 303)
    doors.dress(response, doors.open(found, secure=secure))
    return response


@router.post("/logout")
def logout(
    request: Request, doors: Doors, session: Visitor, csrf: Annotated[str, Form(max_length=200)] = ""
) -> Response:
    """End the session, also for whoever copied the cookie."""
    checked(request, session, csrf)
    doors.end(session)
    response = RedirectResponse("/login", 303)
    response.delete_cookie(doors.cookie, path="/", httponly=True, samesite="strict", secure=session.secure)
    return response


@machines.post("/login/tickets", status_code=201)
def make_ticket(request: Request, doors: Doors, who: Viewer) -> Response:
    """A link that signs its holder in as the owner of this token: once, within five minutes."""
    ticket = doors.issue_ticket(Principal(who.name, who.role, who.id))
    body = {"url": f"{request.base_url}login?ticket={ticket}", "expiresInS": TICKET_S}
    return JSONResponse(body, 201, {"Cache-Control": "no-store"})


def _refuse(request: Request, here: Context, back: str, *, used_up: bool) -> Response:
    error = here.doorman.refuse(request.client.host if request.client else "", "a wrong token at the page")
    if isinstance(error, TooManyRequests):
        complaint, status = f"Too many failed attempts. Try again in {error.retry_after_s:.0f} s.", 429
    else:
        used = "This link was used already, or is older than five minutes. Ask for a new one, or use a token."
        complaint, status = (used if used_up else "This token is not known, or was revoked."), 401
    return render(request, "login.html", status=status, next=back, ticket="", complaint=complaint)


def _within(address: str) -> str:
    """The address if it is a path of this server, else the start page: nobody is sent elsewhere by signing in."""
    return address if _OURS.fullmatch(address) else "/"
