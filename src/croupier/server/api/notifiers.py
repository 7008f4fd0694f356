"""``/notifiers``: who is told what happens to rollouts, how that went last, and a try. They are declared in the
operator's file, not here: whoever may name an address that this machine sends to runs it.
"""

from secrets import token_hex
from typing import Annotated

from fastapi import APIRouter, Path

from croupier.control.ports import Bookmark, Notifier
from croupier.core.rollout.notices import Kind, Notice
from croupier.errors import NotFound
from croupier.server.api import models as m
from croupier.server.api.formats import moment
from croupier.server.auth import Operator
from croupier.server.context import Context, Here

router = APIRouter(prefix="/notifiers", tags=["notifiers"])


@router.get("", operation_id="list_notifiers", summary="List notifiers")
async def list_notifiers(here: Here) -> list[m.NotifierView]:
    """Every receiver of notices, what it is told, and how its last delivery went. Never its whole address."""
    marks = {mark.notifier: mark for mark in await here.bookmarks.bookmarks()} if here.bookmarks else {}
    return [_view(notifier, marks.get(name)) for name, notifier in here.notifiers.items()]


@router.post("/{name}/test", operation_id="test_notifier", summary="Try a notifier")
async def test_notifier(here: Here, who: Operator, name: Annotated[str, Path(max_length=63)]) -> m.NotifierTried:
    """Send it a notice of the type ``test``, once, and say what came of it."""
    notifier = _named(here, name)
    now = here.ports.clock.now()
    about = f"this is a test of the notifier {name}; everything is as it was"
    trouble = await notifier.send(Notice(f"msg_{token_hex(16)}", Kind.TEST, now, about, actor=who.name))
    return m.NotifierTried(name=name, delivered=trouble is None, trouble=trouble.why if trouble is not None else "")


def _named(here: Context, name: str) -> Notifier:
    found = here.notifiers.get(name)
    if found is None:
        hint = f"There are: {', '.join(here.notifiers)}." if here.notifiers else "See CROUPIER_NOTIFIERS_FILE."
        raise NotFound(f"There is no notifier '{name}'.", hint=hint)
    return found


def _view(notifier: Notifier, mark: Bookmark | None) -> m.NotifierView:
    wants = notifier.wants
    return m.NotifierView(
        name=notifier.name,
        where=notifier.where,
        events=[kind.value for kind in Kind if kind in wants.kinds and kind is not Kind.TEST],
        services=sorted(wants.services),
        blind_after_s=wants.patience.blind_s,
        budget_used=wants.patience.budget,
        sent=mark.sent if mark else 0,
        lost=mark.lost if mark else 0,
        last_at=moment(mark.tried_at) if mark and mark.tried_at is not None else None,
        last_event=mark.kind if mark else "",
        trouble=mark.trouble if mark else "",
    )
