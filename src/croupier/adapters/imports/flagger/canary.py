"""Flagger's Canary becomes a Rollout, with the Gates and the Segment that it needs. Called by ``convert``."""

from collections.abc import Mapping
from typing import Any, Final

from croupier.adapters.imports.flagger.hooks import hooks_of
from croupier.adapters.imports.flagger.metrics import Metrics, Templates
from croupier.adapters.imports.flagger.query import service_of
from croupier.adapters.imports.flagger.strategy import Strategy
from croupier.adapters.imports.flagger.weights import AT
from croupier.adapters.imports.kubernetes import KUBERNETES_OWN, said_metadata
from croupier.adapters.imports.made import Made
from croupier.adapters.imports.shape import go_seconds
from croupier.adapters.imports.steps import LONGEST_S, seconds_text

_ITSELF: Final = "Croupier moves the traffic itself, by player; name the paths in the Service (spec.routes)"
_ELSEWHERE: Final = {
    "provider": _ITSELF,
    "targetRef": "what runs is in a croupier/v1 Service (spec.process) and its Releases; write those",
    "autoscalerRef": "a version runs as many instances as its Service says (spec.process.instances)",
    "ingressRef": _ITSELF,
    "routeRef": _ITSELF,
    "upstreamRef": _ITSELF,
    "revertOnDeletion": KUBERNETES_OWN,
}
_SERVICE: Final = {
    **dict.fromkeys(("timeout", "backendTimeout", "retries", "rewrite", "headers", "corsPolicy", "mirror")),
    "trafficPolicy": "what a mesh does between services is left to it",
}
_AS_THEY_ARE: Final = "requests are passed on as they are: let what stands before Croupier do it"


def made_of_canary(data: Mapping[str, Any], templates: Templates, made: Made) -> None:
    """A Rollout that does the same, as far as there is the same here."""
    spec = data["spec"]
    analysis = spec["analysis"]
    made.changed(("apiVersion",), "croupier/v1")
    made.changed(("kind",), "a Rollout")
    said_metadata(data, made, "the Rollout's name")
    _around(spec, made)
    metrics = Metrics(data, templates, made)
    ours: dict[str, Any] = {"service": service_of(spec)}
    segment = None
    if spec.get("skipAnalysis"):
        steps = [{"setWeight": 100}]
        made.changed(("spec", "skipAnalysis"), "setWeight: 100 is the only step: everybody gets it at once, as there")
        made.not_needed(AT, "of no effect with skipAnalysis, there too")
    else:
        for position, metric in enumerate(analysis.get("metrics") or ()):
            metrics.take(metric, (*AT, "metrics", position))
        strategy = Strategy(analysis, metrics, hooks_of(analysis, made), made, made.name)
        strategy.make()
        _rest(analysis, metrics, made)
        steps, segment = strategy.steps.made, strategy.segment
        for index, origin in enumerate(strategy.steps.origins):
            made.origins[(len(made.documents), "spec", "strategy", "canary", "steps", index)] = origin
    if segment is not None:
        ours["segment"] = segment["metadata"]["name"]
    if (deadline := _deadline(spec, made)) is not None:
        ours["progressDeadline"] = deadline
    guards = {"analysis": {"templates": [{"templateName": name} for name in metrics.gates]}} if metrics.gates else {}
    ours["strategy"] = {"canary": {**guards, "steps": steps}}
    at = len(made.documents)
    made.origins |= {(at,): AT, (at, "metadata", "name"): ("metadata", "name"), (at, "spec", "service"): ("spec",)}
    made.documents.append(
        {"apiVersion": "croupier/v1", "kind": "Rollout", "metadata": {"name": made.name}, "spec": ours}
    )
    if segment is not None:
        made.origins[len(made.documents),] = (*AT, "match")
        made.documents.append(segment)


def _around(spec: Mapping[str, Any], made: Made) -> None:
    """Everything but the analysis."""
    for name, words in _ELSEWHERE.items():
        if spec.get(name) is not None:
            made.not_needed(("spec", name), words)
    for name in spec.get("service") or {}:
        at = ("spec", "service", name)
        if name == "name":
            made.kept(at, "the Rollout's service; write a croupier/v1 Service of that name")
        elif name in _SERVICE:
            made.lost(at, _SERVICE[name] or _AS_THEY_ARE)
        else:
            made.not_needed(at, "it is said in a croupier/v1 Service (spec.routes, spec.process); write one")
    for name, off in (("suspend", "it is not suspended"), ("skipAnalysis", "it is not skipped")):
        if spec.get(name) is False:
            made.kept(("spec", name), off)
    if spec.get("suspend"):
        made.lost(("spec", "suspend"), "a rollout begins when somebody starts it; croupier rollout pause holds one")
    asks = any(metric.get("query") for metric in spec["analysis"].get("metrics") or ())
    if spec.get("metricsServer") is not None:
        words = "the address that Gates with a query of their own ask" if asks else "the edge counts instead"
        (made.kept if asks else made.not_needed)(("spec", "metricsServer"), words)
    if spec.get("insecureSkipVerify") is not None:
        words = "a Gate says so itself: insecure of the provider"
        (made.lost if spec["insecureSkipVerify"] and asks else made.not_needed)(("spec", "insecureSkipVerify"), words)


def _deadline(spec: Mapping[str, Any], made: Made) -> str | None:
    seconds, at = spec.get("progressDeadlineSeconds"), ("spec", "progressDeadlineSeconds")
    if seconds is None:
        return None
    if not 0 < seconds <= LONGEST_S:
        made.lost(at, "such a deadline is not possible; the default is 10m")
        return None
    made.kept(at, f"progressDeadline: {seconds}s")
    return f"{seconds}s"


def _rest(analysis: Mapping[str, Any], metrics: Metrics, made: Made) -> None:
    """What is neither a step, a metric nor a webhook."""
    every, count = seconds_text(metrics.every_s), metrics.threshold
    same = go_seconds(analysis["interval"]) == metrics.every_s
    words = f"each Gate looks every {every}" if metrics.gates else f"each weight lasts {every}"
    (made.kept if same else made.changed)((*AT, "interval"), words if same else f"{words}, as Flagger reads it")
    if metrics.gates:
        words = (
            f"there {analysis['threshold'] or 1} failed checks in all, of whichever metric, take it back. Here each "
            "Gate counts for itself"
        )
        classic = (
            f"one that counts requests fails after {count} looks in a row (rule.consecutive), a good one in between "
        )
        made.changed(
            (*AT, "threshold"),
            f"{words}: {classic}begins anew; one with a query after {count} failures in all (failureLimit {count - 1})",
        )
        words = (
            "a check without data or with an error is a failed one there, so that no traffic takes it back; here it "
        )
        made.differs((*AT, "metrics"), f"{words}holds (onNoData: abort in the Rollout would take it back)")
    else:
        made.not_needed((*AT, "threshold"), "there is no Gate that could fail; write one")
    if analysis.get("mirror"):
        made.lost((*AT, "mirror"), "this is not carried over; write a step by hand: shadow: {share: 100, for: 1m}")
    elif analysis.get("mirror") is not None:
        made.kept((*AT, "mirror"), "nothing is mirrored")
    if analysis.get("mirrorWeight") is not None:
        made.lost((*AT, "mirrorWeight"), "this is not carried over; it is the share of a shadow step")
    for name in ("primaryReadyThreshold", "canaryReadyThreshold"):
        if (percent := analysis.get(name)) is not None:
            words = "all instances of a version must be ready before it gets players"
            (made.kept if percent == 100 else made.changed)((*AT, name), words)
    if analysis.get("sessionAffinity") is not None:
        words = "every player stays on a version by the account's id, over all devices and without a cookie"
        made.changed((*AT, "sessionAffinity"), words)
    for position, _ in enumerate(analysis.get("alerts") or ()):
        made.lost((*AT, "alerts", position), "declare a receiver of alerts (CROUPIER_NOTIFIERS_FILE)")
    for name in ("metrics", "webhooks", "alerts", "match"):
        if analysis.get(name) == []:
            made.kept((*AT, name), "none")
