"""Taking a declared document out again, which nothing uses. Called by the API; what it records wakes the loop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from croupier.control.catalog import Catalog
from croupier.control.ports import Answer, Commit, Document, Ports, ServiceState, Stored
from croupier.control.uses import check_removable, users
from croupier.core.journal.entry import Entry
from croupier.errors import Conflict, NotFound


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be taken out, by whom and why. ``expected`` is the version that was looked at, where it matters;
    ``held`` is what uses it beside what is known here, each in words.
    """

    kind: str
    name: str
    actor: str
    reason: str
    expected: int | None = None
    held: tuple[str, ...] = ()


async def uses(ports: Ports, document: Document) -> tuple[str, ...]:
    """Who uses the document now, each in words; nothing, where it can be taken out."""
    return await _uses(ports, document, await _delivered(ports, document.kind, document.name))


async def remove(catalog: Catalog, wish: Wish, answer: Callable[[Stored[Document]], Answer | None]) -> Stored[Document]:
    """Take a document out. Raises ``NotFound``, ``Conflict`` with who uses it, and ``Rejected`` for kinds that stay.
    ``answer`` makes what is recorded with it.
    """
    check_removable(wish.kind)
    ports, place = catalog.ports, f"{wish.kind} {wish.name}"
    async with catalog.turn:
        # Read first and written as it is: so no rollout of a service begins between asking and taking it out.
        delivered = await _delivered(ports, wish.kind, wish.name)
        stored = next((each for each in await ports.store.documents(wish.kind) if each.value.name == wish.name), None)
        if stored is None:
            raise NotFound(f"There is no {place}.", hint="See: croupier document list")
        if wish.expected not in (None, stored.version):
            raise Conflict(f"{place} changed meanwhile.", hint="Read it again, then decide.")
        if used := (*await _uses(ports, stored.value, delivered), *wish.held):
            raise Conflict(f"{place} is in use: {'; '.join(used)}.", hint="Take that out, or let it end, first.")
        await ports.store.commit(_change(stored, delivered, wish, ports.clock.now(), answer(stored)))
    catalog.reconciler.wake()
    return stored


def _change(
    stored: Stored[Document], delivered: Sequence[Stored[ServiceState]], wish: Wish, now: float, answer: Answer | None
) -> Commit:
    event = {"type": "document_removed", "digest": stored.value.digest, "source": stored.value.source}
    entry = Entry(now, wish.actor, "delete", f"document/{wish.kind}/{wish.name}", (event,), wish.reason)
    return Commit((entry,), now, services=tuple(delivered), removed=(stored,), answer=answer)


async def _uses(ports: Ports, document: Document, delivered: Sequence[Stored[ServiceState]]) -> tuple[str, ...]:
    others = [item.value for item in await ports.store.documents("Rollout")]
    active = [item.value for item in await ports.store.active()]
    return users(document, others, active, [item.value for item in delivered])


async def _delivered(ports: Ports, kind: str, name: str) -> Sequence[Stored[ServiceState]]:
    """What serves the service of that name; nothing for other kinds."""
    if kind != "Service":
        return ()
    return [each for each in await ports.store.services() if each.value.service == name]
