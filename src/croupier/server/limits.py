"""How many connections the system lets this process have: raised as far as it may be, and said where that is too few.

Called by ``app`` before it listens.
"""

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
