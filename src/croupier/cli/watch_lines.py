"""``croupier rollout watch`` in a pipe: a line for each event, until it is over. Used by ``watch``.

Of services that move as one the events of all are told, in the journal's order, with whose they are.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from croupier.cli.connection import segment
from croupier.cli.output import counted, err, note, out, plain, print_json, print_line
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.turns import Turns
from croupier.errors import Transient

if TYPE_CHECKING:
    from croupier.cli.client import Client

_POLL_S: Final = 0.5
"""Between two looks."""


def follow_plainly(client: "Client", rollout: str, *, as_json: bool) -> str:
    """A line for each event that says something new (or a JSON document for each event); the journal's order, nothing
    twice. The phase that the rollout ended in.
    """
    told, found = _Told(as_json), None
    for found in looks(client, rollout):
        if found is not None:
            told.tell_new(client, members(found))
    assert found is not None  # noqa: S101 - the last look is the one that saw its end
    told.end(found["id"])
    return str(found["phase"])


def looks(client: "Client", rollout: str) -> Iterator[dict[str, Any] | None]:
    """The rollout as it is twice a second, to its end; ``None`` while the control plane is away."""
    while True:
        yield (found := look(client, rollout))
        if found is not None and over(found):
            return
        # No stream outlives a control plane that was away.
        time.sleep(_POLL_S)  # asked, not streamed: a gate's counts and the times left change without an event


def over(rollout: dict[str, Any]) -> bool:
    """Whether it has ended, and so have those that move as one with it."""
    return not any(Phase(each["phase"]).active for each in rollout.get("together") or (rollout,))


def members(rollout: dict[str, Any]) -> list[str]:
    """The rollouts that move as one with it, in the order of moving up; itself, where it moves alone."""
    return [each["rollout"] for each in rollout.get("together") or ()] or [rollout["id"]]


def look(client: "Client", rollout: str, what: str = "", **params: Any) -> dict[str, Any] | None:
    """What the control plane says of it; ``None`` while that is away."""
    try:
        found: dict[str, Any] = client.get(f"rollouts/{segment(rollout)}{what}", **params)
    except Transient as away:
        if not out.is_terminal:
            err.print(f"[yellow]waiting:[/] {plain(str(away))}")
        return None
    return found


class _Told:
    """What was printed of histories up to now. Gates that gather evidence look every few seconds, and what changes no
    verdict is left out, as in ``rollout history``.
    """

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._turns: dict[str, Turns] = {}
        self._seqs: dict[str, int] = {}
        self._left = 0

    def tell_new(self, client: "Client", rollouts: Sequence[str]) -> None:
        """Print the events after the last ones. Whatever cannot be read now comes next time."""
        new = [(event, rollout) for rollout in rollouts for event in self._read(client, rollout)]
        if new and not (self._turns or self._as_json):
            print_line("TIME", *(["ROLLOUT"] if len(rollouts) > 1 else []), "EVENT", "BY", "WHAT")
        for event, rollout in sorted(new, key=lambda each: each[0]["seq"]):
            self._tell(event, rollout, several=len(rollouts) > 1)
        sys.stdout.flush()

    def _read(self, client: "Client", rollout: str) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        more = True
        while more:
            page = look(client, rollout, "/history", cursor=self._seqs.get(rollout))
            events += page["items"] if page else ()
            if events:
                self._seqs[rollout] = events[-1]["seq"]
            more = bool(page and page["next"])
        return events

    def _tell(self, event: dict[str, Any], rollout: str, *, several: bool) -> None:
        turns = self._turns.setdefault(rollout, Turns())
        if self._as_json:
            print_json({"rollout": rollout, **event} if several else event)
        elif turns.is_turn(event["type"], event.get("gate"), event.get("standing")):
            whose = [rollout] if several else []
            print_line(event["at"], *whose, event["type"], event["actor"], event["text"])
        else:
            self._left += 1

    def end(self, rollout: str) -> None:
        """Say what was left out, and where it is."""
        if self._left and not self._as_json:
            note(f"{counted(self._left, 'look')} changed no verdict; all of them: rollout history {rollout} --looks.")
