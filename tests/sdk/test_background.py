"""What goes on by itself, around forks."""

import multiprocessing.util as pools

from croupier.sdk import FlagClient


def test_however_often_a_process_forks_its_pools_are_told_once() -> None:
    flags = FlagClient.from_rules({"on": True})
    background = flags._background

    def told() -> int:
        registered: dict[object, object] = pools._afterfork_registry  # type: ignore[attr-defined]
        return sum(each is background for each in registered.values())

    for _ in range(5):
        background.before_fork()
        background.after_fork_in_parent()
    assert told() == 1
    background.after_fork_in_parent()  # one that was not prepared releases nothing
    assert background.held.lock.acquire(blocking=False)
