"""Where the control plane is, and who asks. Light to import: the HTTP client comes when a request is made, so that
`--help`, `--version` and completion stay quick. Every verb opens its connection here.
"""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from croupier.cli.whereabouts import addresses
from croupier.errors import CroupierError, Rejected

if TYPE_CHECKING:
    from croupier.cli.client import Client


_PATIENCE_S: Final = 1.0
"""So long one of several control planes may take to let us in before the next one is tried."""


class Denied(CroupierError):
    """The control plane does not know the token, or the token may not do this."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the control plane is and who we are; both may be empty, then they are looked for. ``begun_at`` is when this
    command began (RFC 3339), where it sent something ahead.
    """

    url: str | None = None
    token: str | None = None
    begun_at: str = ""

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses: one, or those of several control planes on one database."""
        return addresses(self.url, os.environ)

    def each(self) -> "tuple[Connection, ...]":
        """A connection to each control plane."""
        return tuple(replace(self, url=url) for url in self.urls)

    @contextmanager
    def open(self) -> Iterator["Client"]:
        """A client for a few requests; of several control planes the first one that is there."""
        # httpx comes with a command line of its own, and that with click, rich and pygments: 150 ms that nobody needs.
        sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
        from croupier.cli.client import connect

        urls = self.urls
        url = urls[0] if len(urls) == 1 else next(filter(_is_there, urls), urls[0])
        with connect(url, self.token) as client:
            yield client


def _is_there(url: str) -> bool:
    """Whether somebody takes connections there. What is no address is for ``connect`` to complain about."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443}.get(parts.scheme, 80)
        socket.create_connection((parts.hostname or "", port), _PATIENCE_S).close()
    except (OSError, ValueError):
        return False
    return True


def segment(name: str) -> str:
    """A name as one segment of a path, whatever it contains. Raises ``Rejected`` for an empty one, which is none."""
    if not name:
        raise Rejected("A name is empty.", hint="Write what it is about.")
    return quote(name, safe="").replace(".", "%2E") if set(name) == {"."} else quote(name, safe="")
