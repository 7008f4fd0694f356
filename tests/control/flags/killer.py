"""Kills one flag for each line that it reads until it is killed itself: the process that ``test_crashes`` kills. Run by
path: URL SPOOL FIRST LAST.

After each kill it says the flag, so that the test knows what somebody was told.
"""

import asyncio
import os
import sys
from pathlib import Path

from croupier.adapters.clock import SystemClock
from croupier.adapters.store.spool import FileKillSpool
from croupier.adapters.store.sql import open_store
from croupier.control.flags.flags import Flags


async def kill(url: str, spool: str, first: int, last: int) -> None:
    store = await open_store(url)
    flags = Flags.of(store, store, FileKillSpool(Path(spool)), SystemClock(), ("production",))
    await flags.start()
    settling = asyncio.create_task(flags.changes.kills.keep_settling())
    for number in range(first, last):
        await asyncio.to_thread(sys.stdin.readline)
        killed = await flags.changes.kill(f"flag-{number}", actor="anna", reason="harm")
        os.write(1, f"flag-{number} {'recorded' if killed.recorded else 'early'}\n".encode())
    await settling


asyncio.run(kill(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
