"""The outlook as people say it: one sentence for what a gate finds, one for what it cannot and what would help."""

import math

from croupier.core.gates import ClassicRule, Gate
from croupier.core.rollout.explain import duration
from croupier.core.rollout.exposure import percent
from croupier.core.rollout.outlook.outlook import GateOutlook, Timed, View
from croupier.core.rollout.outlook.sights import LIKELY
from croupier.core.rollout.outlook.traffic import Traffic
from croupier.core.rollout.spec import Resort, Undecided


def forecast(outlook: GateOutlook, view: View, timed: Timed, *, group: bool = False) -> str:
    """``with 20 requests/s, 1 % finds a fall from 99.95 % to 99.5 % good with probability 12 % in 5 min (50 % in 18
    min)``.
    """
    traffic, sight = _known(outlook), view.sight
    half = sight.half_s
    what = f"with {_rate(traffic)}, {percent(timed.stage.weight_bp)} finds {_fall(traffic)}{_where(traffic, group)}"
    if timed.stage.by_hand:
        return f"{what} with probability 50 % {in_time(half)}, {probability(LIKELY)} {in_time(sight.likely_s)}"
    text = f"{what} with probability {probability(sight.probability)} in {duration(sight.seconds)}"
    if sight.probability >= 0.5 and half < sight.seconds:
        return f"{text} (50 % in {duration(half)})"
    return f"{text} (50 % {in_time(half)})" if sight.probability < 0.5 else text


def warnings(outlook: GateOutlook, timed: tuple[Timed, ...]) -> list[str]:
    """What the gate cannot do with this traffic, and what would help; one sentence for stages that fail alike."""
    found: list[str] = []
    for views, group in ((outlook.whole, False), (outlook.group, True)):
        # Of several weights with too few events the first is told: what helps there helps at the others.
        waits = [view for view in views if _mute(view) and (group or outlook.gate.name not in timed[view.stage].stuck)]
        found += [_too_few(outlook, view, timed[view.stage], group=group) for view in waits[:1]]
        blind = [view for view in views if view.remedy is not None and not _mute(view)]
        found += [_unseen(outlook, view, timed[view.stage], group=group) for view in blind[-1:]]
    wrongly = [view.sight.blamed for view in (*outlook.whole, *outlook.group) if view.sight.blamed is not None]
    if wrongly and max(wrongly) > 0.05:
        found.append(
            f"it rolls back a healthy release with probability {probability(max(wrongly))}: point estimates of so few "
            "events swing. Use 'sequential: {}' instead of 'rule', a longer window, or a larger minSamples"
        )
    return found


def stuck(timed: Timed, gate: Gate, traffic: Traffic, then: Undecided) -> str:
    """Why a gate never lets a healthy canary go on there, and what the rollout does ``then``."""
    waits = {
        Resort.HOLD: "the rollout waits there for ever",
        Resort.PAUSE: f"the rollout waits there for a person after {duration(then.after_s)}",
        Resort.ABORT: f"the rollout goes back from there after {duration(then.after_s)}",
    }[then.then]
    if isinstance(gate.rule, ClassicRule):
        return f"{waits}: {few(gate, gate.rule, traffic, timed)}"
    return f"{waits}: {percent(timed.stage.weight_bp)} of {_rate(traffic)} gives no sample to compare"


def probability(share: float) -> str:
    """``12 %``; what was played a few hundred times is never told as certain."""
    if share < 0.01:
        return "below 1 %"
    return "above 99 %" if share > 0.99 else f"{100 * share:.0f} %"


def good(bad: float, *, digits: int = 9) -> str:
    """The good share where this share is bad, with the digits that tell, so many at the most: ``99.95 %``."""
    digits = min(max(0, 1 - math.floor(math.log10(100 * bad))), digits) if bad > 0 else 0
    text = f"{100 * (1 - bad):.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"


def in_time(seconds: float) -> str:
    """``in 18 min``, or that time alone does not do."""
    if seconds > 7 * 86_400:
        return "not within a week"
    return f"in {roughly(seconds)}"


def roughly(seconds: float) -> str:
    """A duration that is an estimate: to the second below an hour, to the minute above."""
    return duration(seconds if seconds < 3_600 else 60 * round(seconds / 60))


def few(gate: Gate, rule: ClassicRule, traffic: Traffic, timed: Timed, *, group: bool = False) -> str:
    """Why a window has too few events, and what would give it enough."""
    flow = traffic.group if group else traffic.bad
    share = timed.stage.weight
    if gate.objective is None and gate.comparison is not None:
        share = min(share, 1.0 - share)
    events = flow.per_s * share * rule.window_s
    # Two standard deviations above what is needed: nearly every window has enough then.
    wanted = rule.min_samples + 2.0 * math.sqrt(rule.min_samples)
    help_: list[str] = []
    if events > 0:
        weight = timed.stage.weight * wanted / events
        help_ += [f"setWeight: {math.ceil(100 * weight)}"] if weight <= 0.5 else []
        help_ += [f"window: {math.ceil(rule.window_s * wanted / events / 60)}m"]
    least = math.floor(events - 2.0 * math.sqrt(events))
    help_ += [f"minSamples: {least}"] if least >= 5 else []
    return (
        f"{percent(timed.stage.weight_bp)} of {_rate(traffic)}{_where(traffic, group)} is {events:.3g} in a window of "
        f"{duration(rule.window_s)}, and minSamples is {rule.min_samples}; use {' or '.join(help_) or 'sequential: {}'}"
    )


def _too_few(outlook: GateOutlook, view: View, timed: Timed, *, group: bool) -> str:
    gate = outlook.gate
    assert isinstance(gate.rule, ClassicRule)  # noqa: S101 - only windows have opinions
    seldom = probability(view.opinions or 0.0)
    return f"it has an opinion in {seldom} of its looks: {few(gate, gate.rule, _known(outlook), timed, group=group)}"


def _mute(view: View) -> bool:
    return view.opinions is not None and view.opinions < 0.5


def _unseen(outlook: GateOutlook, view: View, timed: Timed, *, group: bool) -> str:
    traffic, sight, helps = _known(outlook), view.sight, view.remedy
    assert helps is not None  # noqa: S101 - only such views get here
    ways = [
        *([percent(helps.weight_bp)] if helps.weight_bp is not None else []),
        *([duration(helps.seconds)] if helps.seconds is not None else []),
        *([f"at most {helps.groups} groups" if helps.groups > 1 else "one group"] if helps.groups is not None else []),
    ]
    cannot = "cannot show" if sight.by_then < 0.1 else "seldom shows"
    text = (
        f"{percent(timed.stage.weight_bp)} of {_rate(traffic)} {cannot} {_fall(traffic)}{_where(traffic, group)} "
        f"within {duration(sight.seconds)} ({probability(sight.by_then)}, with all that was seen before)"
    )
    if not ways:
        return (
            f"{text}; neither more time nor a larger weight would: the gate tolerates so much, or there is too little"
        )
    return f"{text}; {probability(LIKELY)} takes {_either(ways)}"


def _either(ways: list[str]) -> str:
    return ways[0] if len(ways) == 1 else f"{', '.join(ways[:-1])} or {ways[-1]}"


def _known(outlook: GateOutlook) -> Traffic:
    assert outlook.traffic is not None  # noqa: S101 - a gate without traffic has no views
    return outlook.traffic


def _rate(traffic: Traffic) -> str:
    many = f"{traffic.per_s:.3g}" if traffic.per_s < 1_000 else f"{traffic.per_s:,.0f}"
    return f"{many} {traffic.what}/s"


def _fall(traffic: Traffic) -> str:
    return f"a fall from {good(traffic.usual)} to {good(traffic.fault)} good"


def _where(traffic: Traffic, group: bool) -> str:
    return f" in one of {traffic.groups} groups" if group else ""
