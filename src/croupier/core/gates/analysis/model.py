"""What an analysis asks: metrics, each with its provider, its conditions and its limits. Part of a gate, frozen with
it.

The names are those of Argo Rollouts' AnalysisTemplate. ``compat`` says whose behaviour holds where the two differ; see
``run`` and ``verdict``.
"""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Pairs: TypeAlias = tuple[tuple[str, str], ...]
"""Names and values, in the order of the file."""

MEASURED: Final = "measured"
"""The source of gates whose values are measured one by one, by a provider that each metric names."""

LONGEST_TIMEOUT_S: Final = 120.0
"""So long a provider may be waited for. Prometheus itself gives a query up after two minutes, unless told otherwise."""

RETRY_S: Final = 10.0
"""After an error the measurement is taken again so soon, whatever the interval."""


@dataclass(frozen=True, slots=True)
class PrometheusQuery:
    """A query in PromQL, at the moment of the measurement. Without an ``address`` it is the control plane's own
    Prometheus that is asked; ``headers`` are for one with an address.
    """

    query: str
    address: str | None = None
    headers: Pairs = ()
    timeout_s: float = 30.0
    insecure: bool = False
    kind: Literal["prometheus"] = "prometheus"


@dataclass(frozen=True, slots=True)
class WebRequest:
    """A request whose answer is JSON; ``json_path`` (Kubernetes' notation, ``{$.data.ok}``) picks the value out of
    it.
    """

    url: str
    method: Literal["GET", "POST", "PUT"] = "GET"
    headers: Pairs = ()
    body: str | None = None
    json_path: str = ""
    timeout_s: float = 10.0
    insecure: bool = False
    kind: Literal["web"] = "web"


Provider: TypeAlias = PrometheusQuery | WebRequest


@dataclass(frozen=True, slots=True)
class Metric:
    """One value, measured again and again. Durations in seconds.

    ``count`` measurements are taken (``None``: one without an ``interval_s``, else until the rollout is over). Limits
    are "more than": one failure more than ``failure_limit`` fails; -1 switches it off. ``consecutive_success_limit``
    ends it early, 0 is off. ``dry_run``: measured and shown, and decides nothing. ``keep`` measurements are shown; the
    record has them all.
    """

    name: str
    provider: Provider
    success: str | None = None
    failure: str | None = None
    interval_s: float | None = None
    initial_delay_s: float = 0.0
    count: int | None = None
    failure_limit: int = 0
    inconclusive_limit: int = 0
    consecutive_error_limit: int = 4
    consecutive_success_limit: int = 0
    dry_run: bool = False
    keep: int = 10

    @property
    def wanted(self) -> int | None:
        """So many measurements are enough; ``None``: no number is."""
        if self.count:
            return self.count
        return 1 if self.interval_s is None else None

    @property
    def ends(self) -> bool:
        """Whether it is over at some time, if all goes well."""
        return self.wanted is not None or self.consecutive_success_limit > 0


@dataclass(frozen=True, slots=True)
class Arg:
    """A value for ``{{args.NAME}}``: written down, or a secret in a file or an environment variable of the control
    plane, which is read for every measurement and never recorded.
    """

    name: str
    value: str | None = None
    file: str | None = None
    env: str | None = None


@dataclass(frozen=True, slots=True)
class AnalysisRule:
    """Metrics that are measured by their providers; the worst of them decides.

    ``compat: argo`` keeps what Argo Rollouts does where ours differs by default: too many errors in a row fail instead
    of holding, a result that is NaN is compared like any other, failures within their limit do not hold, and a finished
    analysis is not begun again at the next weight.
    """

    metrics: tuple[Metric, ...]
    args: tuple[Arg, ...] = ()
    compat: Literal["croupier", "argo"] = "croupier"
    kind: Literal["analysis"] = "analysis"

    @property
    def interval_s(self) -> float:
        """The shortest time between two measurements."""
        return min((each.interval_s or RETRY_S for each in self.metrics), default=RETRY_S)

    @property
    def deciding(self) -> tuple[Metric, ...]:
        """The metrics that count."""
        return tuple(each for each in self.metrics if not each.dry_run)
