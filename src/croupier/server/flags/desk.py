"""The flags' side of the running control plane, as one value in the ``Context``. Made by ``running``."""

from dataclasses import dataclass

from croupier.control.flags.book import FlagBook
from croupier.control.flags.changes import FlagChanges
from croupier.control.flags.presets import Presets
from croupier.control.flags.propagation import Propagation
from croupier.server.flags.definitions import Definitions
from croupier.server.flags.feed import Feed
from croupier.server.flags.rulesets import Rulesets
from croupier.server.flags.ticket import Tickets
from croupier.server.flags.whole import Wholes


@dataclass(frozen=True, slots=True)
class Desk:
    """What people change flags by, and what applications get them from."""

    book: FlagBook
    changes: FlagChanges
    presets: Presets
    propagation: Propagation
    wholes: Wholes
    feed: Feed
    rulesets: Rulesets
    tickets: Tickets
    definitions: Definitions
