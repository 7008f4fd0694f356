"""Where the control plane is, and who asks. Light to import: the HTTP client comes when a request is made, so that
`--help`, `--version` and completion stay quick. Every verb opens its connection here.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from croupier.errors import CroupierError, Rejected

if TYPE_CHECKING:
    from croupier.cli.client import Client


class Denied(CroupierError):
    """The control plane does not know the token, or the token may not do this."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the control plane is and who we are; both may be empty, then they are looked for."""

    url: str | None = None
    token: str | None = None

    @contextmanager
    def open(self) -> Iterator["Client"]:
        """A client for a few requests."""
        # httpx comes with a command line of its own, and that with click, rich and pygments: 150 ms that nobody needs.
        sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
        from croupier.cli.client import connect

        with connect(self.url, self.token) as client:
            yield client


def segment(name: str) -> str:
    """A name as one segment of a path, whatever it contains. Raises ``Rejected`` for an empty one, which is none."""
    if not name:
        raise Rejected("A name is empty.", hint="Write what it is about.")
    return quote(name, safe="").replace(".", "%2E") if set(name) == {"."} else quote(name, safe="")
