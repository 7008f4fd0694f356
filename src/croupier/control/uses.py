"""What uses a declared document, so that it cannot be taken out. Pure; asked by ``removing``."""

from collections.abc import Iterable, Iterator, Sequence

from croupier.control.ports import Document, ServiceState
from croupier.core.rollout.check_smoke import smoke_uses
from croupier.core.rollout.profile.fill import with_usual
from croupier.core.rollout.resolve import gate_uses
from croupier.core.rollout.spec import RolloutSpec
from croupier.core.rollout.state import RolloutState
from croupier.errors import Rejected

_FOR_EVER = {
    "Segment": "Clients keep the segments that they evaluate flags with. One that nothing names does nothing.",
    "Release": "A version is bound to its content for ever; one that nobody rolls out does nothing.",
    "Flag": "Take it away from applications instead: croupier flag archive KEY.",
    "Preset": "One that nobody applies does nothing.",
}
"""Kinds of which nothing is taken out, and what to do instead."""


def check_removable(kind: str) -> None:
    """Raises ``Rejected`` for kinds of which nothing is taken out."""
    if hint := _FOR_EVER.get(kind):
        raise Rejected(f"A {kind} is not taken out.", hint=hint)


def users(
    document: Document, others: Iterable[Document], active: Sequence[RolloutState], delivered: Sequence[ServiceState]
) -> tuple[str, ...]:
    """Who uses the document, each in words: other documents, and rollouts in progress. ``delivered`` says what
    serves it, where it is a service.
    """
    found = [f"{state.stable} of it serves players" for state in delivered if state.stable is not None]
    found += _in_progress(document, active)
    found += [
        f"the Rollout {other.name} names it"
        for other in others
        if isinstance(other.spec, RolloutSpec) and _names(other.spec, document)
    ]
    return tuple(found)


def _in_progress(document: Document, active: Sequence[RolloutState]) -> Iterator[str]:
    for state in active:
        plan = state.plan
        known = {
            "Service": [state.service],
            "Gate": [gate.name for gate in plan.gates],
            "SmokeCheck": [check.name for check in plan.checks],
        }
        if document.name in known.get(document.kind, ()):
            yield f"{state.id} is in progress with it"


def _names(spec: RolloutSpec, document: Document) -> bool:
    if document.kind == "Service":
        return document.name in (spec.service, *spec.services)
    if document.kind == "Gate":
        usual = with_usual(spec, {})  # what its profile has by itself needs no document
        return any(name == document.name and name not in usual for name, _ in gate_uses(spec))
    return document.kind == "SmokeCheck" and any(name == document.name for name, _ in smoke_uses(spec))
