"""Sessions that somebody ended before their time: in memory, and in a file, so that none revives with a restart.

Used by ``session`` alone. No session lasts longer than a working day, so that names are kept no longer.
"""

import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from croupier.server.home import write_secret

log = logging.getLogger("croupier.auth")


@dataclass(slots=True)
class Ended:
    """Names of ended sessions and, in epoch seconds, until when each is worth remembering."""

    file: Path
    _until: dict[str, float] = field(default_factory=dict)
    _turn: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        try:
            self._until = {str(name): float(until) for name, until in json.loads(self.file.read_text()).items()}
        except FileNotFoundError:
            pass
        except (OSError, ValueError, AttributeError, TypeError) as trouble:
            log.warning("it is not known who signed out before this start", extra={"why": str(trouble)})

    def __contains__(self, name: str) -> bool:
        return name in self._until

    def add(self, name: str, until: float, now: float) -> None:
        """Remember it. Where the disk refuses, it holds as long as this process, and the log says so."""
        with self._turn:
            self._until = {**{known: end for known, end in self._until.items() if end > now}, name: until}
            try:
                write_secret(self.file, json.dumps(self._until))
            except OSError as trouble:
                log.warning("a sign-out was not written down: %s", trouble.strerror)
