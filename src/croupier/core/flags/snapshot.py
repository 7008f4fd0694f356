"""All flags of one environment at one version, as text; and the difference between two versions.

Pure. The server encodes, clients decode; both hold the digest, so that a client whose content differs finds out.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final

from croupier.errors import Corrupt

MEDIA_TYPE: Final = "application/vnd.croupier.flags.v1"
_FORMAT: Final = 1
_MODULUS: Final = 1 << 256
_LONGEST: Final = 15
"""Digits of a version: as far as every JSON reader counts exactly."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a client of ``environment`` knows. ``lines`` maps a key to its ``VERSION <tab> JSON``.

    ``lineage`` names the record that versions count in: another server's version 7 is not this one's. ``digest`` is the
    sum of the lines' SHA-256, so that a delta updates it without reading the rest. It finds damage and lost updates; it
    is no signature. ``gone`` are flags that went after ``version``, with the version of that: an older line that comes
    late does not bring them back.
    """

    environment: str
    lineage: str = ""
    version: int = 0
    lines: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    digest: int = 0
    gone: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def position(self) -> str:
        """Where the client is, as ``Last-Event-ID`` says it: ``LINEAGE:VERSION``."""
        return f"{self.lineage}:{self.version}"


@dataclass(frozen=True, slots=True)
class Delta:
    """What changed after version ``since``, up to ``version``: whole lines, tombstones among them.

    ``at`` is when the newest change was committed (epoch seconds), ``digest`` the digest at ``version``.
    """

    environment: str
    lineage: str
    since: int
    version: int
    digest: int
    lines: tuple[str, ...]
    at: float = 0.0


def split_line(line: str) -> tuple[str, str]:
    """Key and rest. Raises ``Corrupt`` for what is no line."""
    key, tab, rest = line.partition("\t")
    number, second, _ = rest.partition("\t")
    if not (key and tab and second and number.isascii() and number.isdecimal() and len(number) <= _LONGEST):
        raise Corrupt(f"not a flag's line: {line[:80]!r}.")
    return key, rest


def version_of(rest: str) -> int:
    """The version of a line without its key."""
    return int(rest[: rest.index("\t")])


def is_tombstone(rest: str) -> bool:
    """Whether the line says that its flag is gone."""
    return rest.endswith("\t")


def snapshot(environment: str, lineage: str, version: int, lines: Iterable[str]) -> Snapshot:
    """The snapshot of these lines; tombstones are left out."""
    kept = {key: rest for key, rest in map(split_line, lines) if not is_tombstone(rest)}
    digest = sum(_digest(key, rest) for key, rest in kept.items()) % _MODULUS
    return Snapshot(environment, lineage, version, MappingProxyType(kept), digest)


def apply(before: Snapshot, delta: Delta) -> Snapshot:
    """The snapshot after the delta. A line never replaces a newer one, so lines may come early, late and twice.

    Where something lies between the two (the delta starts later), its lines are taken all the same, since a kill may be
    among them, but the version stays: the caller has to fetch the whole. A delta of another record changes nothing.
    """
    if not _same_record(before, delta):
        return before
    lines, gone, digest = _copied(before.lines), dict(before.gone), before.digest
    for key, rest in map(split_line, delta.lines):
        version, known = version_of(rest), lines.get(key)
        if version <= (gone.get(key, before.version) if known is None else version_of(known)):
            continue
        if known is not None:
            digest -= _digest(key, known)
            del lines[key]
        if is_tombstone(rest):
            gone[key] = version
        else:
            digest += _digest(key, rest)
            lines[key] = rest
            gone.pop(key, None)
    version = max(before.version, delta.version) if follows(before, delta) else before.version
    return replace(
        before,
        version=version,
        lines=MappingProxyType(lines),
        digest=digest % _MODULUS,
        gone=MappingProxyType({key: at for key, at in gone.items() if at > version}),
    )


def _copied(lines: Mapping[str, str]) -> dict[str, str]:
    """A proxy copies its dict as a whole, ten times as fast as by its keys: it is done for every delta."""
    return lines.copy() if isinstance(lines, MappingProxyType) else dict(lines)


def merge(before: Snapshot, fetched: Snapshot, asked: Snapshot | None = None) -> Snapshot:
    """The fetched snapshot, with what deltas of the same record had brought beyond it meanwhile.

    ``asked`` is what was held when the whole was asked for, where the record itself went back since (an older database
    was restored): then what is newer than the fetched counts only if it came after that.
    """
    lines: Iterable[tuple[str, str]] = before.lines.items()
    gone: Iterable[tuple[str, int]] = before.gone.items()
    if asked is not None:
        lines, gone = before.lines.items() - asked.lines.items(), before.gone.items() - asked.gone.items()
    newer = [f"{key}\t{rest}" for key, rest in lines if version_of(rest) > fetched.version]
    newer += [f"{key}\t{at}\t" for key, at in gone if at > fetched.version]
    if not newer:
        return fetched
    since = fetched.version
    return apply(fetched, Delta(before.environment, before.lineage, since, since, 0, tuple(newer)))


def follows(before: Snapshot, delta: Delta) -> bool:
    """Whether nothing lies between the snapshot and the delta."""
    return _same_record(before, delta) and delta.since <= before.version


def _same_record(before: Snapshot, delta: Delta) -> bool:
    return (before.lineage, before.environment) == (delta.lineage, delta.environment)


def encode(whole: Snapshot) -> bytes:
    """The snapshot as bytes: a header line of JSON, then the flags' lines."""
    return b"".join(encoded_lines(whole))


def encoded_lines(whole: Snapshot) -> Iterator[bytes]:
    """``encode`` line by line, for files, so that a large one is not in memory once more."""
    header = {
        "format": _FORMAT,
        "environment": whole.environment,
        "lineage": whole.lineage,
        "version": whole.version,
        "digest": f"{whole.digest:064x}",
    }
    yield f"{json.dumps(header)}\n".encode()
    for key, rest in whole.lines.items():
        yield f"{key}\t{rest}\n".encode()


def decode(data: bytes | bytearray) -> Snapshot:
    """Read ``encode``'s bytes back. Raises ``Corrupt`` for anything else, a wrong digest included."""
    try:
        lines = _lines(data)
        header = json.loads(next(lines))
        if header["format"] != _FORMAT or not data.endswith(b"\n"):
            raise Corrupt("the snapshot is cut off or in a format of another version.")
        whole = snapshot(str(header["environment"]), str(header["lineage"]), int(header["version"]), lines)
        digest = int(header["digest"], 16)
    except (ValueError, KeyError, TypeError, StopIteration, RecursionError) as error:
        raise Corrupt(f"not a snapshot of flags: {type(error).__name__}.") from error
    if digest != whole.digest:
        raise Corrupt("the snapshot's content does not have the digest that it names.")
    return whole


def _lines(data: bytes | bytearray) -> Iterator[str]:
    """One after the other: all at once would leave holes in memory that are as large as the flags."""
    start = 0
    while (end := data.find(b"\n", start)) >= 0:
        yield data[start:end].decode()
        start = end + 1


def encode_delta(delta: Delta) -> str:
    """The delta as one line of JSON, for an event stream."""
    data = {
        "environment": delta.environment,
        "lineage": delta.lineage,
        "since": delta.since,
        "version": delta.version,
        "digest": f"{delta.digest:064x}",
        "lines": list(delta.lines),
        "at": delta.at,
    }
    return json.dumps(data, separators=(",", ":"))


def decode_delta(text: str) -> Delta:
    """Read ``encode_delta``'s text back. Raises ``Corrupt`` for anything else."""
    try:
        data: Any = json.loads(text)
        lines = tuple(str(line) for line in data["lines"])
        for line in lines:
            split_line(line)
            line.encode()  # JSON can say half of a surrogate pair, which is no text
        return Delta(
            environment=str(data["environment"]),
            lineage=str(data["lineage"]),
            since=int(data["since"]),
            version=int(data["version"]),
            digest=int(data["digest"], 16),
            lines=lines,
            at=float(data["at"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Corrupt(f"not a delta of flags: {type(error).__name__}.") from error


def _digest(key: str, rest: str) -> int:
    return int.from_bytes(sha256(f"{key}\t{rest}".encode()).digest())
