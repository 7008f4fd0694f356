from croupier.control.ports import Intent
from croupier.core.rollout.events import AbortStarted
from croupier.core.rollout.reasons import Cause
from croupier.testing import MemorySpool


def test_the_first_abort_of_a_rollout_is_kept_until_it_is_recorded() -> None:
    spool = MemorySpool()
    first = Intent("shop-1", AbortStarted(Cause.PERSON, "first", 1.0), "anna")
    spool.add(first)
    spool.add(Intent("shop-1", AbortStarted(Cause.PERSON, "second", 2.0), "boris"))
    assert spool.pending() == (first,)
    spool.remove("shop-1")
    spool.remove("shop-1")
    assert spool.pending() == ()
