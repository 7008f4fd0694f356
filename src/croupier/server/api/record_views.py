"""What the record says, as the API tells it: entries of the journal, a rollout's history, what was made again from it.
Pure; used by the API's routes, the page and the event stream.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter, ValidationError

from croupier.control.ports import (
    Recorded,
)
from croupier.core.journal.verify import Verification
from croupier.core.rollout.events import Event, GateJudged
from croupier.core.rollout.explain import (
    describe_event,
)
from croupier.core.rollout.redecide import Redecided, in_words
from croupier.core.rollout.rejudge import Rejudged
from croupier.core.rollout.standing import said_so_far
from croupier.core.rollout.state import RolloutState
from croupier.server.api import models as m
from croupier.server.api.formats import moment

_EVENT: Final[TypeAdapter[Event]] = TypeAdapter(Annotated[Event, Field(discriminator="type")])


def entry(recorded: Recorded) -> m.EntryView:
    value = recorded.entry
    return m.EntryView(
        seq=recorded.seq,
        at=moment(value.at),
        actor=value.actor,
        action=value.action,
        subject=value.subject,
        reason=value.reason,
        events=[dict(event) for event in value.events],
        leaf_hash=recorded.leaf_hash.hex(),
    )


def history(recorded: Recorded, state: RolloutState) -> list[m.HistoryItem]:
    """What one entry says happened to its rollout."""
    return [told(recorded, data, state) for data in recorded.entry.events]


def told(recorded: Recorded, data: Mapping[str, Any], state: RolloutState) -> m.HistoryItem:
    """One of its events."""
    value, event = recorded.entry, decode(data)
    look = event.state if isinstance(event, GateJudged) else None
    kind = str(data.get("type", ""))
    return m.HistoryItem(
        seq=recorded.seq,
        at=moment(value.at),
        actor=value.actor,
        action=value.action,
        reason=value.reason,
        type=kind,
        text=describe_event(event, state) if event else kind.replace("_", " "),  # none: of a later version than ours
        gate=look.gate if look else None,
        standing=said_so_far(state.plan.gate(look.gate), look) if look else None,
        data=dict(data),
    )


def decode(data: Mapping[str, Any]) -> Event | None:
    """A rollout's event as the journal has it; ``None`` for one of a later version than ours."""
    try:
        return _EVENT.validate_python(data)
    except ValidationError:
        return None


def verification(found: Verification) -> m.VerificationView:
    return m.VerificationView(
        ok=found.ok,
        head=m.HeadView(size=found.head.size, root=found.head.root.hex()),
        rollouts=found.rollouts,
        flags=found.flags,
        discrepancies=[m.DiscrepancyView(**asdict(item)) for item in found.discrepancies],
    )


def replay(rollout: RolloutState, verdicts: Sequence[Rejudged], actions: Sequence[Redecided]) -> m.Replay:
    """The verdicts and the actions that were made again, and those that came out otherwise."""
    mistakes = [
        m.ReplayMistake(
            gate=item.gate,
            at=moment(item.at),
            recorded=item.recorded,
            again=item.again,
            same_evidence=item.same_evidence,
        )
        for item in verdicts
        if not item.agrees
    ]
    others = [
        m.ReplayAction(
            at=moment(item.at),
            recorded=in_words(item.recorded, rollout.stable),
            again=in_words(item.again, rollout.stable),
        )
        for item in actions
        if not item.agrees
    ]
    return m.Replay(
        rollout=rollout.id,
        verdicts=len(verdicts),
        mistakes=mistakes,
        actions=sum(len(item.recorded) for item in actions),
        action_mistakes=others,
    )
