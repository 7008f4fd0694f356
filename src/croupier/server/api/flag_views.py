"""From a flag's recorded state to what the API says of it. Pure; used by the flags' routes."""

from collections.abc import Mapping, Sequence
from typing import Any

from croupier.control.flags.book import FlagBook
from croupier.control.flags.recording import Changed
from croupier.control.ports import Recorded
from croupier.core.flags.diff import diff
from croupier.core.flags.lifecycle import Debt
from croupier.core.flags.model import Flag
from croupier.core.flags.outcome import Outcome
from croupier.core.flags.preview import Preview
from croupier.core.flags.read import read_flag
from croupier.core.flags.state import FlagState, Kill
from croupier.core.flags.write import write_flag
from croupier.errors import Problem
from croupier.server.api import flag_models as fm
from croupier.server.api.views import moment
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
        warned_at=moment(state.warned_at),
        reverted_at=moment(state.reverted_at),
        full_since=moment(state.full_since),
        required_by=sorted(book.requiring(state.key)),
        declaration=declaration(state.flag),
        recorded=state.key not in book.unrecorded,
        warnings=[mistake(warning) for warning in warnings],
    )


def changed(what: Changed, book: FlagBook) -> fm.FlagView:
    """The one flag of a change; the paths of its warnings begin in the declaration."""
    inner = [Problem(item.message, item.path[1:], item.hint) for item in what.warnings]
    return flag(what.states[0], book, inner).model_copy(update={"recorded": what.recorded})


def standing(state: FlagState) -> fm.Standing:
    """What it does now, in a word."""
    if state.archived:
        return "archived"
    if state.killed is not None:
        return "killed"
    if state.reverted_at is not None:
        return "reverted"
    return "live" if state.flag.enabled else "disabled"


def declaration(declared: Flag) -> dict[str, Any]:
    """As people write it: the expiry is a time."""
    data = write_flag(declared)
    at = data.pop("expires_at", None)
    return data if at is None else {**data, "expires": moment(at)}


def _kill(kill: Kill) -> fm.KillView:
    return fm.KillView(actor=kill.actor, at=moment(kill.at), reason=kill.reason, declared=kill.declared)


def history(entries: Sequence[Recorded]) -> list[fm.FlagHistoryItem]:
    """What happened, oldest first; ``entries`` begin with the flag's first one, so that differences can be told."""
    items: list[fm.FlagHistoryItem] = []
    before: Flag | None = None
    for recorded in entries:
        for event in recorded.entry.events:
            changes: tuple[str, ...] = ()
            if event.get("type") == "flag_declared":
                after = read_flag(event["source"])
                changes, before = diff(before, after), after
            items.append(_item(recorded, event, changes or _said(event)))
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
        changes=list(changes),
    )


def _said(event: Mapping[str, Any]) -> tuple[str, ...]:
    match event.get("type"):
        case "flag_killed":
            return (f"killed: {event.get('reason', '')}",)
        case "flag_restored":
            return ("restored",)
        case "flag_renewed":
            return (f"renewed until {moment(float(event['expires_at']))}",)
        case "flag_warned":
            return (f"its owner was told: it expires {moment(float(event['expires_at']))}",)
        case "flag_reverted":
            return ("expired: it returned to its safe variant",)
        case "flag_archived":
            return ("archived",)
        case _:
            return ()


def preview(seen: Preview, changes: Sequence[str], warnings: Sequence[Problem]) -> fm.PreviewView:
    """What an edit does."""
    return fm.PreviewView(
        text=seen.text,
        players=seen.players,
        gain=seen.gain,
        lose=seen.lose,
        change=seen.change,
        moves=[fm.MoveView(before=move.before, after=move.after, players=move.players) for move in seen.moves],
        confidence=seen.confidence,
        changes=list(changes),
        warnings=[mistake(Problem(item.message, item.path[1:], item.hint)) for item in warnings],
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
