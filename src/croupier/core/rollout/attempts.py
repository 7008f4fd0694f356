"""A rollout that was started again keeps its name; this finds what belongs to an earlier attempt. Pure.

Each attempt gathers its evidence anew, and may err anew: a retry begins with the whole false-rollback budget.
"""

from collections.abc import Iterable, Iterator

from croupier.core.rollout import events as e


def up_to(history: Iterable[e.Event], attempt: int) -> Iterator[e.Event]:
    """The history as it was when this attempt (1 is the first) had ended; all of it for the latest."""
    for event in history:
        if isinstance(event, e.Retried) and event.attempt > attempt:
            return
        yield event
