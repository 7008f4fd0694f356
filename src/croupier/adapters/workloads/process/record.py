"""What is written down about every process before it runs, so that another control plane can adopt or end it.

One JSON file per process, replaced by rename. It need not survive a crash of the machine (the process does not either),
so nothing is forced to disk.
"""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import structlog
from pydantic import TypeAdapter

from croupier.adapters.private_file import replace_private
from croupier.adapters.workloads.process.identity import Mark
from croupier.control.ports import VersionKey
from croupier.core.releases import ProcessTemplate

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Record:
    """One process of ours. Files are readable by the owner only: a template's environment is nobody else's business."""

    key: VersionKey
    instance: int
    port: int
    mark: Mark
    template: ProcessTemplate
    digest: str
    """Of the template; another one means another process."""
    log_from: int
    """Where in the log this process begins, bytes."""
    was_ready: bool = False
    drain_until: float | None = None
    """Epoch seconds; set once it is on its way out."""
    signalled: bool = False
    """It was sent SIGTERM, which is sent once only: many servers take a second one as "at once"."""

    @property
    def name(self) -> str:
        return f"{file_stem(self.key, self.instance)}-{self.mark.pid}.json"


_ADAPTER = TypeAdapter(Record)
_TEMPLATE = TypeAdapter(ProcessTemplate)


def file_stem(key: VersionKey, instance: int) -> str:
    """A file name for one instance, whatever characters the service and the version have."""
    return f"{quote(key.service, safe='')}@{quote(key.version, safe='+')}-{instance}"


def template_digest(template: ProcessTemplate) -> str:
    return "sha256:" + hashlib.sha256(_TEMPLATE.dump_json(template)).hexdigest()


def save(folder: Path, record: Record) -> None:
    """Raises ``OSError`` when it cannot be written; the file before stays whole."""
    replace_private(folder / record.name, _ADAPTER.dump_json(record), durable=False)


def forget(folder: Path, record: Record) -> None:
    """Remove the record of a process that has ended. One that cannot be removed does no harm: it names nobody alive."""
    try:
        (folder / record.name).unlink(missing_ok=True)
    except OSError as error:  # a disk that failed must not keep the next process from being started
        _log.warning("process_record_kept", record=record.name, error=str(error))


def load_all(folder: Path) -> Iterator[Record]:
    """All readable records. An unreadable one is set aside as ``.bad`` and told: its process, if any, is left alone."""
    for path in sorted(folder.glob("*.json")):
        try:
            yield _ADAPTER.validate_json(path.read_bytes())
        except (OSError, ValueError) as error:  # pydantic's ValidationError is a ValueError
            aside = path.with_suffix(".bad")
            with suppress(OSError):
                path.replace(aside)
            _log.warning("process_record_unreadable", file=str(aside), error=str(error)[:500])
