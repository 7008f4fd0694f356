"""Three services that move as one, played by hand."""

from dataclasses import dataclass, field, replace

from tests.core.rollout.together.order import Order

from croupier.core.gates import ClassicRule, Counts, Gate, Objective, RatioSli, Reading, Silence
from croupier.core.gates.edition import EDITION
from croupier.core.governance.calendar.closure import Shut
from croupier.core.governance.calendar.model import Kind
from croupier.core.rollout import events as e
from croupier.core.rollout import smoking
from croupier.core.rollout.decide import Evidence, looks
from croupier.core.rollout.machine import create, evolve
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.resolve import resolve
from croupier.core.rollout.routes import ServiceRoutes, stable_routes
from croupier.core.rollout.smoking import Smoked
from croupier.core.rollout.spec import Analysis, Member, Pause, Plan, RolloutSpec, SetWeight, Step, Together
from croupier.core.rollout.state import RolloutState, routes
from croupier.core.rollout.together.decide import decide_each
from croupier.core.rollout.together.parts import part
from croupier.core.rollout.together.whole import Events, in_order
from croupier.core.smoke import CheckResult, Outcome, SmokeCheck
from croupier.testing import START

NAMES = ("wallet", "payments", "lobby")
GATE = Gate(
    "errors",
    RatioSli("requests", good=(("code", ("200",)),)),
    objective=Objective(0.99),
    rule=ClassicRule(interval_s=5.0, window_s=10.0, consecutive=1),
)
GOOD = Reading(0.0, 0.0, {(): Counts(1_000, 1_000)}, None)
BAD = Reading(0.0, 0.0, {(): Counts(500, 1_000)}, None)
SILENT = Silence("nothing came in")
CLOSED = Shut("sports/final", Kind.FREEZE, "the final", START, None)
STEPS: tuple[Step, ...] = (
    SetWeight(500),
    Pause(10.0),
    Analysis(("errors",)),
    SetWeight(2_500),
    Pause(),
    SetWeight(1_000),
    SetWeight(10_000),
)


@dataclass
class Game:
    """Members, what serves them, and a clock. ``events`` are those recorded, with their member, oldest first; ``order``
    is what watches them. ``smoke`` is how smoke checks end that are wanted, ``tried`` whose ran, at which share.
    """

    states: list[RolloutState]
    served: dict[str, ServiceRoutes]
    now: float = START
    words: dict[str, Reading | Silence] = field(default_factory=dict)
    stuck: set[str] = field(default_factory=set)
    unready: set[str] = field(default_factory=set)
    failure: dict[str, str] = field(default_factory=dict)
    unseen: bool = False
    shut: set[str] = field(default_factory=set)
    smoke: Outcome | None = None
    tried: list[tuple[str, str]] = field(default_factory=list)
    events: list[tuple[str, e.Event]] = field(default_factory=list)
    order: Order = field(init=False)

    def __post_init__(self) -> None:
        self.order = Order({state.service: state for state in self.states})

    def evidence(self, state: RolloutState) -> Evidence:
        word = self.words.get(state.service, GOOD)
        due = {look.gate.name for look in looks(state, self.now)}
        return Evidence(
            canary_ready=state.service not in self.unready,
            failure=self.failure.get(state.service),
            served=None if self.unseen else self.served[state.service],
            shut=(CLOSED,) if state.service in self.shut else (),
            smoked=self.smoked(state),
            said=dict.fromkeys(due, replace(word, until=self.now) if isinstance(word, Reading) else word),
        )

    def smoked(self, state: RolloutState) -> Smoked | None:
        wanted = smoking.wanted(state, self.now)
        if wanted is None or self.smoke is None:
            return None
        self.tried.append((state.service, state.exposure))
        return Smoked(wanted, tuple(CheckResult(check.name, self.smoke, "it paid") for check in wanted.checks))

    def decide(self) -> Events:
        return decide_each(self.states, [self.evidence(state) for state in self.states], self.now)

    def tick(self, after_s: float = 5.0) -> None:
        """Decide, record, and let the data plane follow; then once more, as the loop does."""
        self.now += after_s
        for _ in range(8):
            decided = self.decide()
            self.record(decided)
            if not self.follow() and not any(decided):
                return

    def record(self, decided: Events, *, asked: bool = False) -> None:
        """What is recorded in one commit happens at once; members that go back are told of last to first."""
        served = {name: self.weight(name) for name in self.served}
        for place, events in reversed(list(enumerate(decided))):
            for event in events:
                self.events.append((self.states[place].service, event))
                self.states[place] = evolve(self.states[place], event)
        self.order.commit(self.states, served, self.now, asked=asked)

    def follow(self) -> bool:
        """The data plane serves what is wanted, where it is not stuck; whether anything moved."""
        moved = False
        for state in self.states:
            wanted = routes(state)
            if state.service not in self.stuck and self.served[state.service] != wanted:
                self.served[state.service] = wanted
                moved = True
        return moved

    def forget_ended(self) -> None:
        """As after a crash: what is in progress is read, and what may be gone back from."""
        kept = [state for state in self.states if state.phase.active or state.phase is Phase.SUCCEEDED]
        self.states = kept or self.states

    def weight(self, service: str) -> int:
        return self.served[service].weight_of("2")

    def weights(self) -> list[int]:
        return [self.weight(name) for name in self.served]

    def told(self, kind: str) -> list[str]:
        """Whose events of this type, in the order in which they happened."""
        return [service for service, event in self.events if event.type == kind]


def begun(*steps: Step, services: tuple[str, ...] = NAMES, guards: tuple[str, ...] = ("errors",)) -> Game:
    """Members of which nothing happened yet."""
    whole = Together("all.wallet-1", tuple(Member(name, "2", f"{name}-1") for name in services))
    plan = Plan(steps or STEPS, guards, (GATE,), edition=EDITION, together=whole)
    return _created(whole, dict.fromkeys(services, plan))


def planned(spec: RolloutSpec, *checks: SmokeCheck) -> Game:
    """Members with the plans that this Rollout of several services makes for each of them."""
    whole = Together("all.wallet-1", tuple(Member(name, "2", f"{name}-1") for name in spec.services))
    made = {name: resolve(part(spec, name), [GATE], [], checks) for name in spec.services}
    return _created(whole, {name: replace(plan, together=whole) for name, plan in made.items()})


def _created(whole: Together, plans: dict[str, Plan]) -> Game:
    services = [member.service for member in whole.members]
    created = [e.Created(f"{name}-1", name, "1", "2", "sha256:2", plans[name], START) for name in services]
    states = list(in_order(create(each) for each in reversed(created)))
    return Game(states, {name: stable_routes(name, "1") for name in services})
