"""Native histograms as an exporter sends them, which only Prometheus's protobuf format can.

No Python client writes it; the messages are those of io.prometheus.client (metrics.proto).
"""

import math
import struct
from collections import Counter
from collections.abc import Iterable, Mapping

TYPE = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
HISTOGRAM = 4


def page(name: str, series: Iterable[tuple[Mapping[str, str], Iterable[float], int]]) -> bytes:
    """One family; of each series its labels, everything that it observed and its schema."""
    family = _bytes(1, name.encode()) + _number(3, HISTOGRAM)
    for labels, observed, schema in series:
        pairs = b"".join(
            _bytes(1, _bytes(1, label.encode()) + _bytes(2, value.encode())) for label, value in labels.items()
        )
        family += _bytes(4, pairs + _bytes(7, _histogram(list(observed), schema)))
    return _varint(len(family)) + family


def _histogram(observed: list[float], schema: int) -> bytes:
    """Bucket i ends at 2^(i * 2^-schema)."""
    buckets = sorted(Counter(math.ceil(math.log2(value) * 2**schema) for value in observed).items())
    body = _number(1, len(observed)) + _double(2, math.fsum(observed)) + _number(5, _zigzag(schema))
    body += _double(6, 1e-128) + _number(7, 0)
    before, deltas, last = 0, b"", 0
    for place, (index, count) in enumerate(buckets):
        offset = index if place == 0 else index - before - 1
        body += _bytes(12, _number(1, _zigzag(offset)) + _number(2, 1))
        deltas += _varint(_zigzag(count - last))
        before, last = index, count
    # Without a span a histogram would pass for a classic one.
    return body + _bytes(13, deltas) if buckets else body + _bytes(12, _number(1, 0) + _number(2, 0))


def _varint(value: int) -> bytes:
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def _zigzag(value: int) -> int:
    return value * 2 if value >= 0 else -value * 2 - 1


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value
