"""Fetches one metrics page within limits of time and size, over TCP or a unix socket. Called by the source, once a
round.
"""

import asyncio

import httpx

from croupier.adapters.metrics.embedded.page import Malformed, Page
from croupier.adapters.metrics.embedded.settings import MetricSettings

_ACCEPT = "text/plain;version=0.0.4;q=1,*/*;q=0.1"


def open_client(settings: MetricSettings, *, over_socket: bool = False) -> httpx.AsyncClient:
    """A client without proxies, redirects or idle connections, which would keep a draining instance waiting."""
    limits = httpx.Limits(max_keepalive_connections=0)
    socket = str(settings.edge_socket) if over_socket else None
    return httpx.AsyncClient(
        transport=httpx.AsyncHTTPTransport(uds=socket, limits=limits),
        timeout=settings.timeout_s,
        headers={"accept": _ACCEPT, "accept-encoding": "identity"},
        trust_env=False,
    )


async def fetch(client: httpx.AsyncClient, url: str, settings: MetricSettings) -> Page | str:
    """The page, or why there is none, as the end of a sentence that begins with the target."""
    try:
        async with asyncio.timeout(settings.timeout_s), client.stream("GET", url) as answer:
            if answer.status_code != httpx.codes.OK:
                return f"answers {answer.status_code} to GET {answer.url.path}"
            if (encoding := answer.headers.get("content-encoding", "identity")) != "identity":
                # A small answer may unpack to any size, and nobody asked for it.
                return f"sends its metrics page as {encoding!r}, although asked not to"
            body = bytearray()
            async for chunk in answer.aiter_raw():
                body += chunk
                if len(body) > settings.page_bytes:
                    return f"sends a metrics page of more than {settings.page_bytes} bytes, which is the limit"
    except (TimeoutError, httpx.TimeoutException):
        return f"does not send its metrics page within {settings.timeout_s:g} s"
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        return f"cannot be reached: {str(error) or type(error).__name__}"
    try:
        return Page(body.decode())
    except UnicodeDecodeError:
        return "sends something that is not text (UTF-8)"
    except Malformed as error:
        return f"sends a page that is not in the Prometheus text format: {error}"
