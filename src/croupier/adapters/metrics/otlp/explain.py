"""Why pushed metrics cannot answer an SLI, with what exists instead, in words that a person can act on. Pure.

As with the embedded source: a name (metric, bucket edge, attribute) that was never pushed is wrong; a value that was
never pushed may be one that has not happened yet, but for one case, where plenty was counted and nothing of it is good.
"""

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from typing import Final

from croupier.adapters.metrics.never_good import never_good
from croupier.adapters.metrics.otlp.decode import sampled
from croupier.adapters.metrics.otlp.names import calls, labels_of, seconds_per
from croupier.adapters.metrics.otlp.points import Exponential, Instrument, Point
from croupier.adapters.metrics.otlp.samples import There
from croupier.adapters.metrics.otlp.sender import Sender
from croupier.adapters.metrics.otlp.settings import OtlpSettings
from croupier.control.ports import VersionKey
from croupier.core.gates import EventsSli, LatencySli, Matchers, RatioSli, Sli

_MOST_NAMED: Final = 12
_SOON_S: Final = 60.0
"""The SDKs push once a minute, unless they are told otherwise."""
_HOW: Final = "point OTEL_EXPORTER_OTLP_METRICS_ENDPOINT of the process to this control plane"


# --- who pushes ---------------------------------------------------------------------------------------


def stranger(version: VersionKey, refused: Iterable[tuple[str, str]], known: Iterable[VersionKey]) -> str | None:
    """Why a version that never pushed may be known under another name."""
    for service, why in refused:
        if service == version.service:
            return f"metrics of {service} were refused: {why}"
    versions = sorted({key.version for key in known if key.service == version.service})
    if versions:
        return f"{named(version)} pushes no metrics; {version.service} pushes as service.version {_listed(versions)}"
    return None


def not_pushing(
    version: VersionKey, live: Sequence[Sender], late: Sequence[Sender], running: int, now: float, begun: float
) -> str:
    """Some instances do not push. Counts of the others alone would mislead, so the whole version is silent. We began to
    listen when we had ``begun``.
    """
    if late:
        since_s = now - min(sender.beat.last for sender in late)
        how_many = f" ({len(late)} of {len(live)} instances)" if len(live) > 1 else ""
        return f"{named(version)} has not pushed metrics for {since_s:.0f} s{how_many}: instance {late[0].identity}"
    if live:
        return f"{len(live)} of {running} instances of {named(version)} push metrics"
    if now - begun < _SOON_S:
        return f"{named(version)} has pushed no metrics since this control plane started {now - begun:.0f} s ago"
    return f"{named(version)} pushes no metrics; {_HOW}, with service.name and service.version"


def too_old(versions: Sequence[VersionKey], last: float | None, until: float) -> str:
    """Everybody pushes, yet there is no moment up to which all have told."""
    who = " and ".join(map(named, versions))
    if last is None:
        return f"{who} {'have' if len(versions) > 1 else 'has'} not pushed since this metric was first asked for"
    return f"the last metrics that all instances of {who} pushed are {until - last:.0f} s older than what is asked for"


# --- what they push -----------------------------------------------------------------------------------


def unmatched(sli: Sli, version: VersionKey, there: Iterable[Instrument]) -> str:
    """No metric has this name."""
    wanted = {one.name for one in there if one.kind.has_buckets or not isinstance(sli, LatencySli)}
    close = get_close_matches(sli.metric.replace("_", "."), sorted(wanted), n=1, cutoff=0.6)
    meant = f"; did you mean {close[0]!r}?" if close else f"; it pushes {_listed(wanted)}"
    return f"{named(version)} pushes no metric {sli.metric!r}{meant}"


def uncountable(sli: Sli, version: VersionKey, instruments: Collection[Instrument]) -> str | None:
    """Why a metric that is there under this name is of the wrong kind."""
    for one in instruments:
        if isinstance(sli, LatencySli):
            if not one.kind.has_buckets:
                return f"{one.name!r} of {named(version)} is a {one.kind}, not a histogram"
            if seconds_per(one.unit) is None:
                return f"{one.name!r} of {named(version)} is measured in {one.unit!r}, which is no time"
        elif not one.kind.counts:
            return f"{one.name!r} of {named(version)} is a {one.kind}, which cannot be counted; name a counter"
    return None


def blind(sli: Sli, by: tuple[str, ...], version: VersionKey, there: There, limits: OtlpSettings) -> str | None:
    """Why these metrics of the version can never answer; ``None`` when they can."""
    found = matching(sli.metric, there)
    if not found:
        return unmatched(sli, version, there)
    if why := uncountable(sli, version, found):
        return why
    # Where there was no room for a sample, nothing of it can be wrong.
    read = {one: sampled(there[one].data, one, limits) for one in found if there[one].data}
    if isinstance(sli, LatencySli):
        for one, (points, _) in read.items():
            if why := no_edge(sli, version, one, points):
                return why
    counted = [
        (labels_of(there[one].resource, point.attributes), point.value.count)
        for one, (points, _) in read.items()
        for point in points
    ]
    attributes = {
        name
        for one, (points, _) in read.items()
        for point in points
        for name, _ in (*point.attributes, *there[one].resource)
    }
    needed = [name for name, accepted in _asked(sli) if "" not in accepted]
    for name in (*needed, *by) if counted else ():
        if all(name not in labels for labels, _ in counted):
            return f"{sli.metric!r} of {named(version)} has no attribute {name!r}; it has {_listed(attributes)}"
    whole = all(complete for _, complete in read.values())
    return never_good(sli, named(version), counted, _other) if isinstance(sli, RatioSli) and whole else None


def no_edge(sli: LatencySli, version: VersionKey, instrument: Instrument, points: Iterable[Point]) -> str | None:
    """Why nobody can tell how many of these events were within the threshold."""
    per = seconds_per(instrument.unit) or 1.0
    threshold = sli.threshold_s / per
    unit = instrument.unit or "(no unit; seconds are assumed)"
    for point in points:
        if point.value.at_most(threshold) is not None:
            continue
        who = f"{instrument.name!r} of {named(version)} has no bucket edge at {threshold:g} {unit}"
        if isinstance(point.value, Exponential):
            low, high = point.value.edges_near(threshold)
            return (
                f"{who}: it is an exponential histogram, whose nearest edges are {low:g} and {high:g}; ask for a "
                "power of two (0.25, 0.5, 1), where there is always one, or give the histogram explicit buckets"
            )
        return f"{who}; its edges are {_listed([f'{edge:g}' for edge in point.value.edges()], keep_order=True)}"
    return None


def matching(metric: str, instruments: Iterable[Instrument]) -> list[Instrument]:
    """Those that the gate means: of its exact name, else of its name in Prometheus."""
    ranked = [(calls(metric, one.name, one.unit, one.kind), one) for one in instruments]
    best = min((rank for rank, _ in ranked if rank is not None), default=None)
    return sorted(one for rank, one in ranked if rank is not None and rank == best)


def named(version: VersionKey) -> str:
    return f"{version.service} {version.version}"


def _other(name: str, accepted: Sequence[str], there: set[str]) -> str:
    return f"{name} is never {_listed(map(repr, accepted))}, but {_listed(map(repr, there))}"


def _asked(sli: Sli) -> Matchers:
    match sli:
        case RatioSli():
            return (*sli.total, *sli.good)
        case LatencySli() | EventsSli():
            return sli.match
        case _:
            return ()


def _listed(names: Iterable[str], *, keep_order: bool = False) -> str:
    some = list(names) if keep_order else sorted(names)
    more = f" and {len(some) - _MOST_NAMED} more" if len(some) > _MOST_NAMED else ""
    return ", ".join(some[:_MOST_NAMED]) + more if some else "none"
