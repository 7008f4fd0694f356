"""Taking in what people declare: documents are replaced, releases are only ever added. All of a request or none.

Called by the API; what it records wakes the loop.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from croupier.control.flags.recording import Effect
from croupier.control.flags.together import Together
from croupier.control.pinning import HEARD_S
from croupier.control.ports import Answer, Commit, Document, Ports, ServiceState, Stored
from croupier.control.reconcile import Reconciler
from croupier.core.journal.entry import Entry
from croupier.core.releases import Release, Service
from croupier.core.releases.affinity import left_out, shortened
from croupier.core.rollout.groups.check import labels_held
from croupier.core.rollout.spec import SetSegment
from croupier.errors import Conflict

__all__ = ["Applied", "Catalog", "Effect"]


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying one object did (or, in a dry run, would do)."""

    kind: str
    name: str
    effect: Effect


@dataclass(frozen=True, slots=True)
class Catalog:
    """The use cases of declared objects. ``turn`` is held from checking objects against what is recorded until they are
    recorded too: two that are right alone may be wrong together.
    """

    ports: Ports
    reconciler: Reconciler
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def apply(
        self,
        documents: Sequence[Document],
        releases: Sequence[Release],
        *,
        actor: str,
        reason: str = "",
        dry_run: bool = False,
        answer: Answer | None = None,
        flags: Together | None = None,
    ) -> tuple[Applied, ...]:
        """Record every object that differs from what is recorded, ``flags`` in the same commit. Raises ``Conflict``
        when a release would be bound anew, or players of a rollout in progress would be told apart by something else,
        or open rounds not be found any more, or flags changed since they were looked at.
        """
        now = self.ports.clock.now()
        known = {(item.value.kind, item.value.name): item for item in await self.ports.store.documents()}
        applied: list[Applied] = []
        writes: list[Stored[Document]] = []
        entries: list[Entry] = []
        for document in documents:
            before = known.get((document.kind, document.name))
            effect = _effect(before, document)
            applied.append(Applied(document.kind, document.name, effect))
            if effect is not Effect.UNCHANGED:
                writes.append(Stored(document, before.version if before else 0))
                entries.append(_declared(document, effect, actor, reason, now))
        fresh = [release for release in releases if await self._is_new(release)]
        for release in releases:
            effect = Effect.CREATED if release in fresh else Effect.UNCHANGED
            applied.append(Applied("Release", f"{release.service}-{release.version}", effect))
        entries += [_released(release, actor, reason, now) for release in fresh]
        services = await self._services(_services_of(documents), _services_of(item.value for item in known.values()))
        applied += [Applied(kind, name, effect) for kind, name, effect in (flags.effects if flags else ())]
        changing = bool(entries) or (flags is not None and flags.changes_something)
        if changing and not dry_run:
            change = Commit(
                tuple(entries), now, services=services, documents=tuple(writes), releases=tuple(fresh), answer=answer
            )
            change = await flags.join(change) if flags else change
            await self.ports.store.commit(change)
            self.reconciler.wake()
            if flags is not None:
                await flags.tell(change)
        return tuple(applied)

    async def _services(
        self, declared: Mapping[str, Service], known: Mapping[str, Service]
    ) -> tuple[Stored[ServiceState], ...]:
        """What serves each service, to be written with its document, also where it stays as it is: so no rollout begins
        between asking whether there is one and writing.
        """
        delivered = {item.value.service: item for item in await self.ports.store.services()}
        written: list[Stored[ServiceState]] = []
        for name, service in declared.items():
            before, delivery = known.get(name), delivered.get(name)
            if delivery is None:
                written.append(Stored(ServiceState(name), 0))
            elif before is not None and before != service:
                await self._keep_players(before, service, delivery.value.active)
                await self._keep_rounds(before, service, delivery.value)
                written.append(delivery)
        return tuple(written)

    async def _keep_players(self, before: Service, after: Service, active: str | None) -> None:
        """Refuse what would give players of the active rollout another version in the middle of it."""
        rollout = await self.ports.store.rollout(active) if active else None
        if rollout is None:
            return
        plan = rollout.value.plan
        segments = [step.segment for step in plan.steps if isinstance(step, SetSegment)]
        segments += [plan.segment] if plan.segment else []
        segments += rollout.value.held
        asked = frozenset(match.attribute for segment in segments for match in segment.matches)
        asked |= {label for gate in rollout.value.plan.gates for label in labels_held(gate)}
        if _tells_apart(before, asked) != _tells_apart(after, asked):
            raise Conflict(
                f"{active} is in progress: with another identity, or another header for an attribute of its "
                "segment, players would change versions in the middle of it.",
                hint="Let it end, or abort it, then apply again.",
            )

    async def _keep_rounds(self, before: Service, after: Service, delivery: ServiceState) -> None:
        """Refuse what would lead open rounds away from where they began: during a rollout, and until what it left
        drained.
        """
        lost = left_out(before.affinity, after.affinity)
        rollout = await self.ports.store.rollout(delivery.active) if delivery.active else None
        if rollout is not None and (less := shortened(rollout.value.plan.affinity, after.affinity)):
            raise Conflict(
                f"{delivery.active} is in progress, and its profile counts on what it began with: {', '.join(less)}.",
                hint="Let it end, or abort it, then apply again.",
            )
        if not lost:
            return
        if delivery.active is not None:
            raise Conflict(
                f"{delivery.active} is in progress, and {', '.join(lost)} would not be looked at any more: open rounds "
                "would change versions in the middle.",
                hint=f"Say the new place beside the old one, and leave the old one out when {delivery.active} is over.",
            )
        rows = await self.ports.pins.open_pins(self.ports.clock.now(), HEARD_S) if self.ports.pins is not None else ()
        for row in rows:
            if row.service == after.name and row.version != delivery.stable and row.count:
                raise Conflict(
                    f"{row.count} open rounds of {row.version} still end there, and {', '.join(lost)} would not be "
                    "looked at any more.",
                    hint=f"Wait for them: croupier rollout pins {delivery.latest}. After an abort they can be moved: "
                    f"croupier rollout abort {delivery.latest} --now",
                )

    async def _is_new(self, release: Release) -> bool:
        before = await self.ports.store.release(release.service, release.version)
        if before is not None and before.digest != release.digest:
            raise Conflict(
                f"{release.service} {release.version} exists with other content ({before.digest[:19]}…).",
                hint="Releases never change: give this content a new version.",
            )
        return before is None


def _services_of(documents: Iterable[Document]) -> Mapping[str, Service]:
    return {document.name: document.spec for document in documents if isinstance(document.spec, Service)}


def _tells_apart(service: Service, attributes: frozenset[str]) -> tuple[str | None, str, frozenset[tuple[str, str]]]:
    """What decides which player a request belongs to, and whether that one is in the segment."""
    headers = frozenset((name, header) for name, header in service.attribute_headers if name in attributes)
    return service.identity_cookie, service.identity_header, headers


def _effect(before: Stored[Document] | None, document: Document) -> Effect:
    if before is None:
        return Effect.CREATED
    return Effect.UNCHANGED if before.value.digest == document.digest else Effect.UPDATED


def _declared(document: Document, effect: Effect, actor: str, reason: str, now: float) -> Entry:
    event = {"type": "document_applied", "effect": effect.value, "digest": document.digest, "source": document.source}
    # "rollout/NAME" is a rollout's own record: a Rollout document must not stand in it.
    return Entry(now, actor, "apply", f"document/{document.kind}/{document.name}", (event,), reason)


def _released(release: Release, actor: str, reason: str, now: float) -> Entry:
    event = {"type": "release_added", "digest": release.digest, "notes": release.notes}
    return Entry(now, actor, "release", f"release/{release.service}/{release.version}", (event,), reason)
