"""An application that runs already, on a real port."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from croupier.server.doorstep import Doorstep


@asynccontextmanager
async def listening(app: Any, http: type[Doorstep] = Doorstep) -> AsyncIterator[str]:
    """Its URL, on a free port, as ``serve`` listens. Streams have to be ended before."""
    config = uvicorn.Config(
        app, http=http, lifespan="off", log_config=None, ws="none", access_log=False, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # Not serve(): it would take the signals of the test run.
        task = asyncio.create_task(server._serve([listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task
