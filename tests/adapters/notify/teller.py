"""A process that tells a receiver what the record says, until somebody kills it. Run by ``test_crashes``."""

import asyncio
import sys

from croupier.adapters.clock import SystemClock
from croupier.adapters.notify import Declared, Webhook
from croupier.adapters.notify.declared import Format
from croupier.adapters.outgoing import Allowed
from croupier.adapters.store.sql import open_store
from croupier.control.telling import Teller
from croupier.server.api.record_views import decode


async def main(store_url: str, url: str) -> None:
    store, clock = await open_store(store_url), SystemClock()
    webhook = Webhook(Declared("on-call", url, Format.SLACK, timeout_s=30.0), Allowed.read(["127.0.0.1"]), clock)
    teller = Teller(webhook, store, store, store, clock, decode, lambda: True)
    running = asyncio.create_task(teller.run())
    while not await store.bookmarks():
        await asyncio.sleep(0.01)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await running


asyncio.run(main(sys.argv[1], sys.argv[2]))
