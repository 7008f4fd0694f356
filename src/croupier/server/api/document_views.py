"""What the API says of declared documents: as they were applied, and in a line. Pure; used by ``catalog``."""

from collections import Counter
from collections.abc import Sequence

from croupier.control.ports import Document, Spec, Stored
from croupier.core.experiments import Experiment
from croupier.core.gates import Gate
from croupier.core.governance.calendar.model import Calendar
from croupier.core.releases import Service
from croupier.core.rollout.explain import describe_gate
from croupier.core.rollout.spec import RolloutSpec
from croupier.core.segments import Segment
from croupier.core.smoke import SmokeCheck
from croupier.server.api import models as m


def document(stored: Stored[Document], used_by: Sequence[str] | None = None) -> m.DocumentView:
    value = stored.value
    return m.DocumentView(
        kind=value.kind,
        name=value.name,
        digest=value.digest,
        version=stored.version,
        document=dict(value.source),
        text=in_a_line(value.spec),
        used_by=None if used_by is None else [*used_by],
    )


def in_a_line(spec: Spec) -> str:
    """What the document says: ``market is SE or NO``, ``payments: 8 steps, profile payments``."""
    match spec:
        case Service(prefixes=prefixes):
            return f"requests to {_listed(prefixes)}"
        case Gate():
            return describe_gate(spec)
        case Segment(matches=matches):
            return " and ".join(f"{match.attribute} is {' or '.join(match.values)}" for match in matches)
        case RolloutSpec():
            profile = [f"profile {spec.profile.profile.name}"] if spec.profile is not None else []
            said = ", ".join((_counted(len(spec.steps), "step"), *profile))
            return f"{_listed(spec.services or (spec.service,))}: {said}"
        case Experiment(flag=flag, goal=goal):
            return f"flag {flag}, by {goal}"
        case Calendar(entries=entries):
            kinds = Counter(str(entry.kind) for entry in entries)
            return ", ".join(_counted(number, kind) for kind, number in sorted(kinds.items())) or "nothing"
        case SmokeCheck(command=None):
            return _counted(len(spec.steps), "request")
        case SmokeCheck():
            return "a command"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
