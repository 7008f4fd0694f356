"""Gates: an SLI, what is asked of it, and the rule by which it is judged. Frozen into a rollout when it starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias

from croupier.core.gates.analysis.model import AnalysisRule
from croupier.core.gates.group_actions import OnGroupFail
from croupier.core.gates.sequential.dispersion import Dispersion
from croupier.core.gates.sli import LatencySli, Sli


@dataclass(frozen=True, slots=True)
class Objective:
    """At least this share (0 to 1) of events must be good."""

    at_least: float


Against: TypeAlias = Literal["baseline", "yesterday", "last-week"]
AGO_S: Final[Mapping[str, float]] = {"baseline": 0.0, "yesterday": 86_400.0, "last-week": 604_800.0}


@dataclass(frozen=True, slots=True)
class Comparison:
    """The canary's bad share may be at most ``max_ratio`` times the concurrent baseline's, plus ``slack`` (absolute
    share).

    Of a latency the canary may be counted at a threshold of its own (seconds): a canary that is slower by no more than
    the thresholds are apart has no more slow requests than the baseline, whatever its distribution.
    """

    max_ratio: float = 1.10
    slack: float = 0.001
    canary_threshold_s: float | None = None
    against: Against = "baseline"

    @property
    def ago_s(self) -> float:
        """How long ago the stable version's counts are taken; 0 is at the same time, which is the stronger evidence:
        another day has other players and other incidents.
        """
        return AGO_S[self.against]


@dataclass(frozen=True, slots=True)
class HardStop:
    """One look is enough, no consecutive violations needed.

    ``events``: so many bad events in the canary. ``failing``: at least this share of at least ``samples`` canary events
    bad while the baseline is not failing likewise. ``drop``: the canary's good share is surely this much lower than the
    baseline's, as a share of it (0 to 1); for things that usually do not happen, such as a newcomer's deposit.
    """

    events: int | None = None
    failing: float | None = None
    samples: int = 20
    drop: float | None = None


@dataclass(frozen=True, slots=True)
class ClassicRule:
    """A point estimate over a sliding window, looked at every interval; ``consecutive`` violations in a row fail.

    The rule that Argo Rollouts users know. Durations in seconds; ``min_samples`` canary events are needed for an
    opinion.
    """

    interval_s: float = 10.0
    window_s: float = 60.0
    consecutive: int = 3
    min_samples: int = 20
    kind: Literal["classic"] = "classic"


@dataclass(frozen=True, slots=True)
class SequentialRule:
    """Evidence gathered sample by sample, each counted once; it may be looked at always and blames the healthy seldom.

    ``budget`` is the probability with which this gate may ever blame a canary that is no worse, its part of the
    rollout's. ``samples``: fewer convict nobody, whatever they contain. ``clumps``: so many failures may come of one
    fault; ``None`` is measured on the baseline's instances, where it has several: ``dispersion`` is what was seen of
    that before the rollout began, and belongs to the rollout like the budget. It passes after ``dwell`` samples at
    the present weight once what is not excluded yet could cost ``harm`` failed requests at the next weight, or after
    ``patience`` samples in which nothing speaks against the canary.
    """

    interval_s: float = 10.0
    samples: int = 4
    budget: float = 0.01
    clumps: float | None = None
    dwell: int = 6
    patience: int = 60
    harm: int = 20
    dispersion: Dispersion | None = None
    kind: Literal["sequential"] = "sequential"


BY_GROUP: Final = SequentialRule(harm=40)
"""Usual for a gate that is decided by group. A fault of one group of five shows in a fifth of the events: who waits at
a low weight until 20 failures at the next are excluded finds it up to twice as late, to spare one failure on average.
"""


@dataclass(frozen=True, slots=True)
class BurnRule:
    """The objective's error budget, burnt ``factor`` times too fast over ``window_s`` and still over ``short_s``: fail.

    Durations in seconds; ``min_samples`` canary events in the window are needed for an opinion.
    """

    window_s: float = 900.0
    short_s: float = 60.0
    factor: float = 10.0
    interval_s: float = 10.0
    min_samples: int = 20
    kind: Literal["burn"] = "burn"


@dataclass(frozen=True, slots=True)
class PopulationRule:
    """Alarms where the canary's share of the counted events is not what its weight says. It holds, and never fails.

    ``players`` are there in effect (fewer than there are, since some play much more than others), ``visit`` events come
    of one visit, ``error`` is the probability with which it may ever alarm for nothing. It passes after ``samples``
    intervals (seconds) at a weight.
    """

    players: float = 200.0
    visit: float = 20.0
    error: float = 0.001
    interval_s: float = 10.0
    samples: int = 6
    kind: Literal["population"] = "population"


Rule: TypeAlias = ClassicRule | SequentialRule | BurnRule | PopulationRule | AnalysisRule

EMBEDDED: Final = "embedded"
"""Croupier's own scraper, where a gate's counts come from unless it says otherwise."""

PROMETHEUS: Final = "prometheus"
"""A Prometheus server that somebody else runs."""

OTLP: Final = "otlp"
"""What the service's processes push to Croupier over OTLP."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One question asked of a rollout again and again: is the canary still good enough?

    ``source`` names where its counts come from. For the first ``warmup_s`` seconds that a canary serves only hard stops
    count: cold caches look like a fault.
    """

    name: str
    sli: Sli
    by: tuple[str, ...] = ()
    objective: Objective | None = None
    comparison: Comparison | None = None
    hard_stop: HardStop | None = None
    rule: Rule = field(default_factory=ClassicRule)
    description: str = ""
    source: str = EMBEDDED
    advisory: bool = False
    """Judged, shown and recorded; it neither stops a rollout nor keeps it waiting."""
    warmup_s: float = 0.0
    on_group_fail: OnGroupFail | None = None
    """What is done about a group that fails, instead of giving up the whole release."""

    @property
    def canary_sli(self) -> Sli:
        """What is counted of the canary: the same as of the baseline, unless the comparison names another threshold."""
        own = self.comparison.canary_threshold_s if self.comparison is not None else None
        return replace(self.sli, threshold_s=own) if isinstance(self.sli, LatencySli) and own is not None else self.sli
