"""iCal in (RFC 5545): events become freezes and windows of a Calendar document, found again by their UID.

An update replaces what came from the same event, a cancelled event takes it out, and whoever added a scope to it by
hand keeps that. Every component gets a line in the report, whatever became of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from croupier.adapters.imports.ical_event import Event, NotOurs, read_event
from croupier.core.governance.calendar.model import MOST_ENTRIES, Kind
from croupier.errors import Rejected

MOST_BYTES: Final = 2**20
MOST_COMPONENTS: Final = 2_000
_INSTANCE: Final = "#"
"""Between the UID of a series and what names one time of it."""
_LISTS: Final = {Kind.FREEZE: "freezes", Kind.WINDOW: "windows"}
_CATEGORIES: Final = {"FREEZE": Kind.FREEZE, "WINDOW": Kind.WINDOW}
_KEPT: Final = ("scope", "why")
"""What people add by hand and an event does not say."""


class Fate(StrEnum):
    """What became of an event."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True)
class Line:
    """One event of the report, and why it came to that."""

    event: str
    fate: Fate
    why: str = ""


@dataclass(slots=True)
class Read:
    """The Calendar document after the import, and the report."""

    document: dict[str, Any]
    lines: list[Line] = field(default_factory=list)

    @property
    def changes(self) -> bool:
        """Whether anything is to be recorded."""
        return any(line.fate in (Fate.ADDED, Fate.UPDATED, Fate.REMOVED) for line in self.lines)


def import_ical(
    text: str,
    name: str,
    present: Mapping[str, Any] | None,
    *,
    kind: Kind | None = None,
    scope: Mapping[str, Any] | None = None,
) -> Read:
    """The document ``name``, which is ``present`` if it is there already, with the file's events in it. ``kind`` is
    what events are that no category says it of, ``scope`` that of new ones. Raises ``Rejected`` where it is no iCal.
    """
    calendar = _parsed(text)
    spec = dict((present or {}).get("spec", {}))
    merging = _Merging(
        {str(entry.get("uid", f"\0{place}")): (which, dict(entry)) for place, which, entry in _entries(spec)},
        kind,
        scope,
    )
    zone = str(calendar.get("X-WR-TIMEZONE", "")) or str(spec.get("timeZone", "UTC"))
    cancels = str(calendar.get("METHOD", "")).upper() == "CANCEL"
    components = [found for found in calendar.subcomponents if found.name != "VTIMEZONE"]
    # A changed time of a series takes that time out of it, so the series comes first.
    for found in sorted(components, key=lambda each: "RECURRENCE-ID" in each):
        merging.take(found, zone, cancels=cancels)
    spec |= {which: [entry for kept, entry in merging.entries.values() if kept == which] for which in _LISTS.values()}
    spec = {key: value for key, value in spec.items() if value or key not in _LISTS.values()}
    if not merging.entries:  # documents are never taken away, so it stays with nothing in it
        spec["freezes"] = []
    document = {"apiVersion": "croupier/v1", "kind": "Calendar", "metadata": {"name": name}, "spec": spec}
    return Read(document, merging.lines)


def _parsed(text: str) -> Any:
    import icalendar

    if len(text.encode()) > MOST_BYTES:
        raise Rejected("The file is larger than 1 MiB.", hint="Export a shorter time, or part it.")
    try:
        found = icalendar.Calendar.from_ical(text)
    except (ValueError, IndexError, KeyError, TypeError) as error:
        why = " ".join(str(error).split())[:200]
        raise Rejected(f"This is no iCal file: {why}.", hint="It begins with BEGIN:VCALENDAR.") from None
    if found.name != "VCALENDAR":
        raise Rejected(f"This is a {found.name}, no VCALENDAR.", hint="It begins with BEGIN:VCALENDAR.")
    if len(found.subcomponents) > MOST_COMPONENTS:
        many = f"{len(found.subcomponents):,} components; {MOST_COMPONENTS:,} are taken at a time."
        raise Rejected(f"The file holds {many}", hint="Export a shorter time, or part it.")
    return found


def _entries(spec: Mapping[str, Any]) -> list[tuple[str, str, Mapping[str, Any]]]:
    return [
        (f"{which}/{index}", which, entry)
        for which in _LISTS.values()
        for index, entry in enumerate(spec.get(which, ()))
    ]


@dataclass(slots=True)
class _Merging:
    """``entries`` by UID (or place, of those that came from no event): which list they are in, and themselves."""

    entries: dict[str, tuple[str, dict[str, Any]]]
    kind: Kind | None
    scope: Mapping[str, Any] | None
    lines: list[Line] = field(default_factory=list)

    def take(self, found: Any, zone: str, *, cancels: bool) -> None:
        label = " ".join(str(found.get("SUMMARY", found.get("UID", "without a name"))).split())[:120]
        if found.name != "VEVENT":
            self.lines.append(Line(label, Fate.LEFT_OUT, f"a {found.name} is no event"))
            return
        try:
            event = read_event(found, zone)
            self.lines.append(self._merge(event, cancelled=event.cancelled or cancels))
        except (NotOurs, ValueError, OverflowError, OSError, KeyError) as why:
            self.lines.append(Line(label, Fate.LEFT_OUT, str(why) or type(why).__name__))
        except (TypeError, AttributeError, RecursionError):  # a property that is there twice, or without end
            self.lines.append(Line(label, Fate.LEFT_OUT, "it cannot be read"))

    def _merge(self, event: Event, *, cancelled: bool) -> Line:
        if "ROLLOUT" in event.categories:
            return Line(event.name, Fate.LEFT_OUT, "a rollout of an export: what is planned is no freeze")
        own = event.uid if event.instance is None else f"{event.uid}{_INSTANCE}{event.instance}"
        before = self.entries.get(own)
        if before is not None and event.sequence < before[1].get("sequence", 0):
            return Line(event.name, Fate.UNCHANGED, f"it is older (SEQUENCE {event.sequence}) than what is there")
        if event.instance is not None:
            self._leave_out(event.uid, event.instance)
        if cancelled:
            return self._remove(event, own)
        kind = next((which for word, which in _CATEGORIES.items() if word in event.categories), self.kind)
        if kind is None:
            raise NotOurs("neither its categories (FREEZE, WINDOW) nor --as say what it is")
        return self._put(event, own, kind, before)

    def _put(self, event: Event, own: str, kind: Kind, before: tuple[str, dict[str, Any]] | None) -> Line:
        kept = {key: before[1][key] for key in _KEPT if key in before[1]} if before else {}
        if not before and self.scope:
            kept["scope"] = dict(self.scope)
        old = {key: value for key, value in self.entries.items() if _is_part(key, own)}
        keys = [own, *(f"{own}{_INSTANCE}+{each['from']}" for each in event.extra)]
        if len(self.entries) - len(old) + len(keys) > MOST_ENTRIES:
            raise NotOurs(f"the calendar is full: at most {MOST_ENTRIES} entries")
        for key in old:
            del self.entries[key]
        for key, entry in zip(keys, [event.entry, *event.extra], strict=True):
            whole = kept | entry | {"uid": key} | ({"sequence": event.sequence} if event.sequence else {})
            if event.instance is None and key == own and before:
                left = {*before[1].get("leaveOut", ()), *entry.get("leaveOut", ())} if "repeat" in entry else set()
                whole |= {"leaveOut": sorted(left)} if left else {}
            self.entries[key] = (_LISTS[kind], whole | {"name": self._named(entry["name"], entry["from"], key)})
        new = {key: self.entries[key] for key in keys}
        # Times of a series that were changed one by one stay changed.
        self.entries |= {
            key: value for key, value in old.items() if key not in new and "+" not in key.rpartition("#")[2]
        }
        if before is None:
            return Line(event.name, Fate.ADDED, f"{len(event.extra)} further times by RDATE" if event.extra else "")
        same = all(old.get(key) == value for key, value in new.items())
        stays = self.scope and kept.get("scope", {}) != dict(self.scope)
        why = "whom it is about stays as the calendar has it: change its scope there" if stays else ""
        return Line(event.name, Fate.UNCHANGED if same else Fate.UPDATED, why)

    def _named(self, name: str, begins: str, key: str) -> str:
        """Its name, or with its day where another one has that already."""
        taken = {entry["name"] for other, (_, entry) in self.entries.items() if other != key}
        for tried in (name, f"{name[:100]} ({begins[:10]})", f"{name[:100]} ({begins})"):
            if tried not in taken:
                return tried
        return next(each for number in range(2, 10_000) if (each := f"{name[:100]} ({begins}, {number})") not in taken)

    def _remove(self, event: Event, own: str) -> Line:
        gone = [key for key in self.entries if _is_part(key, own)]
        for key in gone:
            del self.entries[key]
        if not gone and event.instance is None:
            return Line(event.name, Fate.UNCHANGED, "it is cancelled, and was not there")
        return Line(event.name, Fate.REMOVED, "it is cancelled")

    def _leave_out(self, uid: str, instance: str) -> None:
        if uid in self.entries:
            which, entry = self.entries[uid]
            left = sorted({*entry.get("leaveOut", ()), instance})
            self.entries[uid] = (which, entry | {"leaveOut": left})


def _is_part(key: str, own: str) -> bool:
    return key == own or key.startswith(f"{own}{_INSTANCE}")
