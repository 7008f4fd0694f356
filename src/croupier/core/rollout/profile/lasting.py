"""Domains in which something lasts for several requests, orders or rounds, and has to end where it began: in what a
service's affinity is less than its profile asks for. Pure.

A profile says it of rollouts, and only a service can do it: where its ids are, nobody else knows. So it is compared and
not inherited. Called by ``loosened`` for a plan, by ``resolve`` for documents.
"""

from collections.abc import Iterator

from croupier.core.releases import Affinity, Service
from croupier.core.rollout.explain import duration
from croupier.core.rollout.profile.model import Lasting, Profile


def shorter(affinity: Affinity | None, usual: Lasting) -> Iterator[tuple[str, str, str]]:
    """In what the affinity keeps less than the usual one: field, its own value, the usual one."""
    if affinity is None:
        yield "affinity", "none", " and ".join(usual.kinds)
        return
    own = [kind.name for kind in affinity.kinds]
    for kind in usual.kinds:
        if kind not in own:
            yield "affinity.kinds", " and ".join(own), kind
    for name, ours_s, theirs_s in (
        ("affinity.ttl", affinity.ttl_s, usual.ttl_s),
        ("affinity.drain", affinity.drain_s, usual.drain_s),
    ):
        if ours_s < theirs_s:
            yield name, duration(ours_s), duration(theirs_s)


def promised(service: Service | None, profile: Profile) -> Affinity | None:
    """The affinity that a plan counts on from its start to its end; ``None`` where its profile asks for none."""
    return service.affinity if service is not None and profile.lasting is not None else None


def to_write(service: Service, profile: Profile) -> str:
    """What to write in the Service document so that it is as careful; nothing where it is. What the service's affinity
    has is left as it is: only its service knows where ids are.
    """
    usual, own = profile.lasting, service.affinity
    if usual is None or not any(shorter(own, usual)):
        return ""
    have = [kind.name for kind in own.kinds] if own is not None else []
    kinds = ", ".join(
        f"{{kind: {kind}, sources: [{{header: x-{kind}-id}}, {{query: {kind}}}]}}"
        for kind in usual.kinds
        if kind not in have
    )
    if own is None:
        times = f"ttl: {_written(usual.ttl_s)}, drain: {_written(usual.drain_s)}"
        write = f"Write in the Service {service.name}: affinity: {{kinds: [{kinds}], {times}}}"
    else:
        more = [f"{kinds} beside its kinds"] if kinds else []
        more += [f"ttl: {_written(usual.ttl_s)}"] if own.ttl_s < usual.ttl_s else []
        more += [f"drain: {_written(usual.drain_s)}"] if own.drain_s < usual.drain_s else []
        write = f"Write in the affinity of the Service {service.name}: {', '.join(more)}"
    return f"{write}, so that callbacks find the version that knows them"


def _written(seconds: float) -> str:
    """A duration as files have it."""
    return f"{seconds / 60:g}m" if seconds % 60 == 0 else f"{seconds:g}s"
