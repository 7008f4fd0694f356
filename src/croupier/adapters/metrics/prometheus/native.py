"""Native histograms: what lies up to a threshold, exactly, at the edge nearest to it that all of them have. Pure.

Their buckets end at powers of a base, so hardly ever at the threshold itself. Interpolating would guess; instead, where
observations lie in a bucket around it, the threshold moves to the nearest edge of the coarsest histogram (finer ones
have the same edges and more), if it is near enough. Buckets of another kind (custom ones) must end at the threshold.
"""

import math
from collections.abc import Iterable
from typing import Final

from croupier.adapters.metrics.prometheus.samples import Bucket, Native, Series
from croupier.core.gates import LatencySli

FURTHEST: Final = 0.05
"""How far, relatively, the edge may be from the threshold: a growth factor of 1.1 or less is near enough anywhere."""

_COARSEST: Final = -4
_FINEST: Final = 8
"""Schemas of exponential buckets: each edge is the one before times 2^(2^-schema)."""


def within(histogram: Native, edge: float) -> float:
    """How many observations are no greater than the edge; meant for one that no bucket straddles."""
    return sum(bucket.count for bucket in histogram.buckets if bucket.upper <= edge * (1 + 1e-9))


def no_edge(sli: LatencySli) -> str:
    """Why it cannot be counted, and what to do."""
    return (
        f"the native histogram {sli.metric!r} has no edge near enough to {sli.threshold_s:g} s; let its buckets "
        "grow by a factor of 1.1 or less"
    )


def edge_near(series: Iterable[Series], threshold: float) -> float | None:
    """The edge at which all of these can be counted instead of the threshold; ``None`` where none is near enough."""
    buckets = [
        bucket
        for one in series
        for _, value in one.samples
        if isinstance(value, Native)
        for bucket in value.buckets
        if bucket.count
    ]
    if not any(_straddles(bucket, threshold) for bucket in buckets):
        return threshold
    schemas = [schema for bucket in buckets if (schema := _schema(bucket)) is not None]
    if not schemas:
        return None
    step = 2.0 ** -min(schemas)
    edge = 2.0 ** (step * round(math.log2(threshold) / step))
    near = abs(edge - threshold) <= FURTHEST * threshold
    return edge if near and not any(_straddles(bucket, edge) for bucket in buckets) else None


def _straddles(bucket: Bucket, edge: float) -> bool:
    return bucket.lower < edge * (1 - 1e-9) and edge * (1 + 1e-9) < bucket.upper


def _schema(bucket: Bucket) -> int | None:
    """Which exponential schema the bucket is of, if any."""
    if bucket.lower <= 0 or not math.isfinite(bucket.upper):
        return None
    exponent = math.log2(math.log2(bucket.upper / bucket.lower))
    schema = -round(exponent)
    fits = _COARSEST <= schema <= _FINEST and math.isclose(2.0**-schema, 2.0**exponent, rel_tol=1e-4)
    return schema if fits else None
