"""One turn of a background task that must not end: kills, expiries and news of the record depend on it.

Used by the loops of ``book``, ``killing`` and ``lifecycle``, which try again after a pause.
"""

import logging
from collections.abc import Awaitable

from croupier.errors import CroupierError

log = logging.getLogger("croupier.flags")


async def tried(work: Awaitable[object], failing: str, broken: str = "") -> bool:
    """Do the work; whether it went well. Trouble is logged under the words ``failing``, a mistake of ours under
    ``broken`` where that has words of its own.
    """
    try:
        await work
    except CroupierError as trouble:
        log.warning("%s: %s", failing, trouble)
    except Exception:  # a mistake of ours, told with its place: the task goes on, or no later kill would be recorded
        log.exception(broken or failing)
    else:
        return True
    return False
