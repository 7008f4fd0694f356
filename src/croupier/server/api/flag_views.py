"""From a flag's recorded state to what the API says of it. Pure; used by the flags' routes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, Final, get_args

from croupier.control.flags.book import FlagBook
from croupier.control.flags.presets import Preview as PresetPreviewed
from croupier.control.flags.propagation import Summary
from croupier.control.flags.recording import Changed
from croupier.control.ports import Recorded, Stored
from croupier.core.flags.diff import diff
from croupier.core.flags.events import FlagDeclared, FlagEvent
from croupier.core.flags.explain import Explanation, Verdict
from croupier.core.flags.lifecycle import Debt
from croupier.core.flags.outcome import Outcome
from croupier.core.flags.preset import PresetState
from croupier.core.flags.preview import Preview
from croupier.core.flags.read import read_flag
from croupier.core.flags.state import FlagState, Kill
from croupier.core.flags.write import write_flag
from croupier.core.journal.entry import Entry
from croupier.core.journal.flags import fold
from croupier.core.segments import BUCKETS
from croupier.errors import Problem
from croupier.server.api import flag_models as fm
from croupier.server.api.flag_intake import inside
from croupier.server.api.formats import moment
from croupier.server.problems import mistake


def flag(state: FlagState, book: FlagBook, warnings: Sequence[Problem] = ()) -> fm.FlagView:
    """Everything that is shown of a flag."""
    return fm.FlagView(
        key=state.key,
        type=state.flag.type,
        value_type=state.flag.value_type,
        standing=standing(state),
        description=state.flag.description,
        owner=state.flag.owner,
        tags=list(state.flag.tags),
        version=state.version,
        digest=state.digest,
        created_at=moment(state.created_at),
        changed_at=moment(state.changed_at),
        changed_by=state.changed_by,
        expires_at=moment(state.expires_at),
        killed=_kill(state.killed) if state.killed else None,
        kills=[_kill(kill) for kill in state.kills],
        warned_at=moment(state.warned_at),
        reverted_at=moment(state.reverted_at),
        full_since=moment(state.full_since),
        required_by=sorted(book.requiring(state.key)),
        declaration=declaration(state),
        recorded=state.key not in book.unrecorded,
        warnings=[mistake(warning) for warning in warnings],
    )


def changed(what: Changed, book: FlagBook) -> fm.FlagView:
    """The one flag of a change; the paths of its warnings begin in the declaration."""
    return flag(what.states[0], book, inside(what.warnings)).model_copy(update={"recorded": what.recorded})


def standing(state: FlagState) -> fm.Standing:
    """What it does now, in a word."""
    if state.archived:
        return "archived"
    if state.killed is not None:
        return "killed"
    if state.reverted_at is not None:
        return "reverted"
    return "live" if state.flag.enabled else "disabled"


def declaration(state: FlagState) -> dict[str, Any]:
    """As people write it: the expiry is a time, of a renewed flag the renewed one."""
    data = write_flag(replace(state.flag, expires_at=state.expires_at))
    at = data.pop("expires_at", None)
    return data if at is None else {**data, "expires": moment(at)}


def _kill(kill: Kill) -> fm.KillView:
    return fm.KillView(
        actor=kill.actor, at=moment(kill.at), reason=kill.reason, declared=kill.declared, preset=kill.preset
    )


_EVENTS: Final[Mapping[Any, type[FlagEvent]]] = {
    field.default: kind for kind in get_args(FlagEvent) for field in fields(kind) if field.name == "type"
}
"""By the type that an entry names; an event of a later version is told by its type alone."""


def history(entries: Sequence[Recorded]) -> list[fm.FlagHistoryItem]:
    """What happened, oldest first; ``entries`` begin with the flag's first one, so that differences can be told."""
    items: list[fm.FlagHistoryItem] = []
    state: FlagState | None = None
    for recorded in entries:
        for event in recorded.entry.events:
            before = state
            version, at = int(event["version"]), float(event["at"])
            if (kind := _EVENTS.get(event.get("type"))) is not None:
                happened = kind(**{name: event[name] for name in kind.__slots__ if name in event})
                state = fold(state, happened, version=version, actor=recorded.entry.actor, at=at)
            changes: tuple[str, ...] = ()
            if kind is FlagDeclared and state is not None:
                changes = diff(before.flag if before else None, state.flag)
            items.append(_item(recorded, event, changes or _said(event, state)))
    return items


def _item(recorded: Recorded, event: Mapping[str, Any], changes: Sequence[str]) -> fm.FlagHistoryItem:
    return fm.FlagHistoryItem(
        seq=recorded.seq,
        at=moment(float(event.get("at", recorded.entry.at))),
        actor=recorded.entry.actor,
        action=recorded.entry.action,
        reason=recorded.entry.reason,
        type=str(event.get("type", "")),
        version=int(event.get("version", 0)),
        preset=str(event.get("preset", "")),
        changes=[*changes, *filter(None, [by_preset(event, recorded.entry)])],
    )


def by_preset(event: Mapping[str, Any], entry: Entry) -> str:
    """The preset that brought this about, in words; empty where none did."""
    if not (name := event.get("preset")):
        return ""
    return f"by undoing preset {name}" if entry.action.startswith("undo ") else f"by preset {name}"


_SAID: Final = {
    "flag_reverted": "expired: it returned to its safe variant",
    "flag_archived": "archived",
    "flag_unmeasured": "the experiment on it is over",
}


def _said(event: Mapping[str, Any], after: FlagState | None) -> tuple[str, ...]:
    match event.get("type"):
        case "flag_killed":
            return (f"killed: {event.get('reason', '')}",)
        case "flag_restored":
            if after is None or not after.kills:
                return ("restored",)
            undone = "the preset's kill is undone" if event.get("preset") else "a person's kill is undone"
            return (f"{undone}; stays killed by {' and by '.join(kill.text for kill in after.kills)}",)
        case "flag_renewed":
            return (f"renewed until {moment(float(event['expires_at']))}",)
        case "flag_warned":
            return (f"its owner was told: it expires {moment(float(event['expires_at']))}",)
        case "flag_measured":
            return (f"experiment {event.get('experiment', '')} started: clients report what it deals",)
        case kind:
            return (_SAID[kind],) if kind in _SAID else ()


def preview(
    key: str, environment: str, seen: Preview | None, changes: Sequence[str], warnings: Sequence[Problem]
) -> fm.PreviewView:
    """What an edit does; ``seen`` is ``None`` where nothing changes for anybody there."""
    moves = seen.moves if seen else ()
    return fm.PreviewView(
        key=key,
        environment=environment,
        text=seen.text if seen else "nobody gets anything else",
        players=seen.players if seen else 0,
        gain=seen.gain if seen else 0,
        lose=seen.lose if seen else 0,
        change=seen.change if seen else 0,
        moves=[fm.MoveView(before=move.before, after=move.after, players=move.players) for move in moves],
        confidence=seen.confidence if seen else "The flag answers everybody as before there.",
        changes=list(changes),
        warnings=[mistake(item) for item in inside(warnings)],
    )


def evaluation(key: str, outcome: Outcome, bucket: int | None) -> fm.EvaluationView:
    """One answer."""
    return fm.EvaluationView(
        key=key,
        value=outcome.value,
        variant=outcome.variant,
        reason=outcome.reason,
        rule=outcome.rule,
        version=outcome.version,
        detail=outcome.detail,
        error=outcome.error,
        bucket=bucket,
    )


def debt(owed: Debt) -> fm.DebtView:
    """One reason to look at a flag."""
    return fm.DebtView(key=owed.key, owner=owed.owner, why=owed.why, since=moment(owed.since), text=owed.text)


_MATCHED: Final = {Verdict.TOOK: True, Verdict.OUTSIDE: True, Verdict.NOT_MATCHED: False}


def explanation(found: Explanation) -> fm.ExplanationView:
    """The answer, rule by rule."""
    shown = evaluation(found.flag, found.outcome, found.bucket)
    requires = [
        fm.RequiredView(flag=item.flag, variants=list(item.variants), found=item.found, met=item.met)
        for item in found.requires
    ]
    rules = [
        fm.RuleExplained(
            name=trace.rule,
            condition=trace.condition,
            matched=_MATCHED.get(trace.verdict),
            why=trace.why,
            rollout=trace.share / BUCKETS,
            bucket=trace.bucket,
            decided=trace.verdict is Verdict.TOOK,
        )
        for trace in found.rules
    ]
    text = [
        f"{item.flag} answers {item.found}" + ("" if item.met else ", which will not do") for item in found.requires
    ]
    text += [f"{trace.rule}: {trace.verdict.value}, {trace.why}" for trace in found.rules]
    answer = f"{found.flag} = {json.dumps(found.outcome.value, ensure_ascii=False)}: {found.outcome.reason.value}"
    detail = f", {found.outcome.detail}" if found.outcome.detail else ""
    return fm.ExplanationView(outcome=shown, requires=requires, rules=rules, text=[*text, answer + detail])


def propagation(found: Summary, listening: int) -> fm.PropagationView:
    """Who runs what."""
    behind = found.clients - found.current
    late = f", {behind} behind" if behind else ""
    return fm.PropagationView(
        environment=found.environment,
        version=found.version,
        clients=found.clients,
        current=found.current,
        listening=listening,
        versions=[
            fm.VersionCount(version=version, clients=count) for version, count in sorted(found.versions.items())[::-1]
        ],
        laggards=[
            fm.LaggardView(
                client=item.client.name,
                sdk=item.client.sdk,
                version=item.client.version,
                seen_at=moment(item.client.seen_at),
                behind_s=round(item.behind_s, 3),
            )
            for item in found.laggards
        ],
        differing=[item.name for item in found.differing],
        p50_ms=None if found.p50_s is None else round(found.p50_s * 1_000, 1),
        p99_ms=None if found.p99_s is None else round(found.p99_s * 1_000, 1),
        text=f"{found.current} of {found.clients} on v{found.version}{late}",
    )


def preset(stored: Stored[PresetState]) -> fm.PresetView:
    """Everything that is shown of a preset."""
    state = stored.value
    approval, applied = state.approval if state.approved else None, state.applied
    return fm.PresetView(
        name=state.preset.name,
        description=state.preset.description,
        version=stored.version,
        digest=state.digest,
        author=state.author,
        changed_at=moment(state.changed_at),
        preset=dict(state.source),
        approved=state.approved,
        approval=fm.ApprovalView(actor=approval.actor, at=moment(approval.at)) if approval else None,
        applied=fm.ApplicationView(
            actor=applied.actor,
            at=moment(applied.at),
            reason=applied.reason,
            version=applied.version,
            flags=[item.flag for item in applied.before],
            digest=applied.digest,
        )
        if applied
        else None,
    )


def preset_preview(seen: PresetPreviewed, *, undo: bool) -> fm.PresetPreview:
    """What applying or undoing would do."""
    changes = [
        fm.PresetChange(
            flag=item.flag,
            killed_before=bool(item.kills_before),
            killed_after=bool(item.kills_after),
            changes=[*diff(read_flag(item.before), read_flag(item.after)), *([item.text] if item.text else [])],
        )
        for item in seen.differences
    ]
    problems, warnings = ([mistake(item) for item in found] for found in (seen.problems, seen.warnings))
    return fm.PresetPreview(undo=undo, changes=changes, problems=problems, warnings=warnings)
