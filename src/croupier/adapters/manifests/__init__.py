"""The files that people write: ``Service``, ``Release``, ``Gate``, ``Segment``, ``Rollout``, ``Flag``, ``Preset``,
``Experiment`` (``apiVersion: croupier/v1``), and bare flags.
"""

from croupier.adapters.manifests.bundle import Bundle, parse_objects, parse_text, read_paths, to_objects
from croupier.adapters.manifests.flag_words import read_day
from croupier.adapters.manifests.flags import FlagDraft, PresetDraft
from croupier.adapters.manifests.json_text import read_json
from croupier.adapters.manifests.located import Located, Severity
from croupier.adapters.manifests.misread import Misread
from croupier.adapters.manifests.references import Dangling, unresolved
from croupier.adapters.manifests.release import ReleaseDraft, agrees, complete_release
from croupier.adapters.manifests.schemas import schemas
from croupier.adapters.manifests.shapes import API_VERSION
from croupier.adapters.manifests.tree import MAX_DOCUMENTS

__all__ = [
    "API_VERSION",
    "MAX_DOCUMENTS",
    "Bundle",
    "Dangling",
    "FlagDraft",
    "Located",
    "Misread",
    "PresetDraft",
    "ReleaseDraft",
    "Severity",
    "agrees",
    "complete_release",
    "parse_objects",
    "parse_text",
    "read_day",
    "read_json",
    "read_paths",
    "schemas",
    "to_objects",
    "unresolved",
]
