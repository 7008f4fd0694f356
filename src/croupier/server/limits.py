"""What the process takes from the system, and from Python: connections as many as it may, garbage collection in rests.

Called by ``app``: ``make_room`` before it listens, ``settle`` when everything is started.
"""

import gc
import logging
import sys
from typing import Final

_OTHERS: Final = 1_500
"""Descriptors beside those of listening applications: requests, the database, Envoy, workloads, logs."""

log = logging.getLogger("croupier.server")


def make_room(streams: int) -> None:
    """Raise the limit of open files to what so many streams need, up to what the system's administrator allows."""
    if sys.platform == "win32":  # there is no such limit
        return
    import resource

    wanted = streams + _OTHERS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    if most < wanted:
        text = "%d applications may listen, but the system allows %d open files: raise LimitNOFILE or ulimit -Hn to %d"
        log.info(text, streams, most, wanted)


def settle() -> None:
    """Let the collector look at what comes and goes, and rarely at what stays.

    Ten thousand listening applications are a million objects that hold no circles. With Python's own thresholds more
    than half of the time in which they connect goes into looking through them, and a kill would wait for it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
