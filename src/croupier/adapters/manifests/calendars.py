"""From the shape of a calendar to the core's, with the core's defaults; and what of it is about nobody."""

from collections.abc import Iterator, Sequence

from croupier.adapters.manifests.complaints import nearest
from croupier.adapters.manifests.shapes.calendar import CalendarShape, EntryShape, ScopeShape
from croupier.core.governance.calendar.model import EVERYTHING, Calendar, Entry, Kind, Scope
from croupier.core.segments import AttributeMatch
from croupier.errors import Problem

UTC = "UTC"


def calendar(shape: CalendarShape) -> Calendar:
    """The calendar, freezes before windows."""
    return Calendar(shape.metadata.name, tuple(_entries(shape)), shape.spec.description or "")


def of_nobody(calendar: Calendar, known: list[str], claimed: Sequence[str]) -> Iterator[Problem]:
    """Entries that name services that are not there, where any are: such a freeze closes nothing. Allowed, since the
    service may come later; ``claimed`` are the names of those with mistakes.
    """
    for kind, where in ((Kind.FREEZE, "freezes"), (Kind.WINDOW, "windows")):
        for place, entry in enumerate(each for each in calendar.entries if each.kind is kind):
            for at, name in enumerate(entry.scope.services):
                if known and name not in known and name not in claimed:
                    near = nearest(name, known)
                    yield Problem(
                        f"there is no service '{name}'{f'; did you mean {near!r}?' if near else '.'}",
                        ("spec", where, place, "scope", "services", at),
                        f"Until there is, {entry.name} is not about it. There are: {', '.join(known[:10])}"
                        f"{', …' if len(known) > 10 else ''}.",
                    )


def _entries(shape: CalendarShape) -> Iterator[Entry]:
    zone = shape.spec.time_zone or UTC
    for kind, written in ((Kind.FREEZE, shape.spec.freezes), (Kind.WINDOW, shape.spec.windows)):
        for each in written or ():
            yield _entry(each, kind, zone)


def _entry(shape: EntryShape, kind: Kind, zone: str) -> Entry:
    return Entry(
        name=shape.name,
        kind=kind,
        begins=shape.begins,
        ends=shape.ends,
        zone=shape.time_zone or zone,
        rule=shape.repeat,
        without=tuple(shape.leave_out or ()),
        scope=_scope(shape.scope) if shape.scope else EVERYTHING,
        why=shape.why or "",
        uid=shape.uid,
        sequence=shape.sequence or 0,
    )


def _scope(shape: ScopeShape) -> Scope:
    match = {**({"market": shape.markets} if shape.markets else {}), **(shape.match or {})}
    return Scope(
        services=tuple(shape.services or ()),
        matches=tuple(AttributeMatch(name, tuple(values)) for name, values in sorted(match.items())),
        environments=tuple(shape.environments or ()),
    )
