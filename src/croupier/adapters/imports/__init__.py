"""Other vendors' flags: read into ours with their bucketing, so that no player moves; and written for flagd.

Each import says flag by flag what was kept, what is different now, and what could not be carried over.
"""

from croupier.adapters.imports.flagd import import_flagd
from croupier.adapters.imports.flagd_export import export_flagd
from croupier.adapters.imports.growthbook import import_growthbook
from croupier.adapters.imports.ical import import_ical
from croupier.adapters.imports.ical_export import Shown, export_ical
from croupier.adapters.imports.launchdarkly import import_launchdarkly
from croupier.adapters.imports.report import Fate, Imported, Note
from croupier.adapters.imports.unleash import import_unleash

__all__ = [
    "Fate",
    "Imported",
    "Note",
    "Shown",
    "export_flagd",
    "export_ical",
    "import_flagd",
    "import_growthbook",
    "import_ical",
    "import_launchdarkly",
    "import_unleash",
]
