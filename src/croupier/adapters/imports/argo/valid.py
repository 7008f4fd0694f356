"""What Argo Rollouts refuses although every field is of the right kind: fields that exclude or need each other. Called
by ``rollout`` for documents whose shape is right.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from croupier.adapters.imports.argo.gates import Gates
from croupier.adapters.imports.argo.pods import check_pods
from croupier.adapters.imports.argo.rollout_shape import ROUTERS
from croupier.adapters.imports.argo.uses import analyses_of
from croupier.adapters.imports.made import Made, Path
from croupier.adapters.imports.shape import go_seconds

_AT: Final = ("spec", "strategy")
_EXCLUSIVE: Final = ("setWeight", "pause", "experiment", "analysis")
_HEADERS: Final = ("istio", "alb", "apisix", "plugins")
_BY_SERVICES: Final = tuple(name for name in ROUTERS if name != "plugins")
_PING_PONG: Final = ("alb", "istio")
_SCALES: Final = ("nginx", "istio", "plugins")
_MIRRORS: Final = ("istio", "plugins")
_SHIFTS_EXPERIMENTS: Final = ("istio", "alb", "smi")
_FIELD: Final = re.compile(r"metadata\.(?:name|namespace|uid|(?:labels|annotations)(?:\['.*'\])?)")
_EITHER: Final = (
    ("nginx", "stableIngress", "stableIngresses"),
    ("alb", "ingress", "ingresses"),
    ("istio", "virtualService", "virtualServices"),
)
"""What of a router is named once or several times, and never in both ways."""
_TOO: Final = "Argo Rollouts refuses it, too:"


def check_rollout(data: Mapping[str, Any], made: Made) -> None:
    spec = data["spec"]
    _workload(spec, made)
    deadline, ready = spec.get("progressDeadlineSeconds"), spec.get("minReadySeconds") or 0
    if (600 if deadline is None else deadline) <= ready:
        hint = f"{_TOO} write more than {ready}."
        made.wrong(("spec", "progressDeadlineSeconds"), "the deadline is not after minReadySeconds.", hint)
    given = {name: value for name, value in spec["strategy"].items() if value is not None}
    if len(given) != 1:
        many = "canary and blueGreen stand together" if given else "there is neither canary nor blueGreen"
        made.wrong(_AT, f"{many}; a Rollout has exactly one.", f"{_TOO} remove one, or add one.")
        return
    ((name, strategy),) = given.items()
    _affinity(strategy.get("antiAffinity"), (*_AT, name, "antiAffinity"), made)
    for analysis in ("prePromotionAnalysis", "postPromotionAnalysis"):
        if strategy.get(analysis) is not None:
            check_analysis(strategy[analysis], (*_AT, name, analysis), made)
    if name == "canary":
        _canary(strategy, (*_AT, name), made)
    else:
        _blue_green(strategy, spec, (*_AT, name), made)


def _blue_green(strategy: Mapping[str, Any], spec: Mapping[str, Any], at: Path, made: Made) -> None:
    if strategy["activeService"] == strategy.get("previewService"):
        made.wrong((*at, "previewService"), "it is the active service.", f"{_TOO} name another one.")
    limit, kept = strategy.get("scaleDownDelayRevisionLimit"), spec.get("revisionHistoryLimit")
    if limit is not None and limit > (10 if kept is None else kept):
        hint = f"{_TOO} write {10 if kept is None else kept} or less."
        made.wrong((*at, "scaleDownDelayRevisionLimit"), "it is more than revisionHistoryLimit.", hint)


def check_ends(data: Mapping[str, Any], gates: Gates, made: Made) -> None:
    """What waits for an analysis must not wait for ever: only one in the background may measure without an end."""
    for at, analysis in analyses_of(data):
        if at[-2:] == ("canary", "analysis"):
            continue
        for position, each in enumerate(analysis["templates"]):
            for name in gates.expanded(each["templateName"]):
                if name in gates.templates and (metric := gates.templates[name].endless):
                    words = f"the metric '{metric}' of '{name}' is measured without an end, and so is the rollout."
                    hint = f"{_TOO} give the metric a count, or name the template in canary.analysis."
                    made.wrong((*at, "templates", position, "templateName"), words, hint)


def check_analysis(analysis: Mapping[str, Any], at: Path, made: Made) -> None:
    """An analysis of a Rollout, wherever it stands."""
    if not analysis.get("templates"):
        made.wrong(at, "the analysis names no template.", f"{_TOO} write templates: [{{templateName: NAME}}].")
    check_args(analysis, at, made)


def check_args(analysis: Mapping[str, Any], at: Path, made: Made) -> None:
    for position, arg in enumerate(analysis.get("args") or ()):
        source = arg.get("valueFrom")
        if arg.get("value") is not None and source is not None:
            hint = "Remove one of them."
            made.wrong((*at, "args", position), "'value' and 'valueFrom' cannot stand together.", hint)
        if source is not None and len([name for name in source if source[name] is not None]) != 1:
            hint = f"{_TOO} write podTemplateHashValue or fieldRef."
            made.wrong((*at, "args", position, "valueFrom"), "it names not exactly one source.", hint)


def _fields_of(args: Sequence[Mapping[str, Any]], at: Path, made: Made) -> None:
    """Of the metadata, steps may take what Kubernetes' downward API gives."""
    for position, arg in enumerate(args):
        path = ((arg.get("valueFrom") or {}).get("fieldRef") or {}).get("fieldPath", "")
        if path.startswith("metadata") and not _FIELD.fullmatch(path):
            hint = f"{_TOO} write metadata.name, namespace, uid, labels['…'] or annotations['…']."
            made.wrong((*at, position, "valueFrom"), f"'{path[:60]}' is not to be had.", hint)


def _workload(spec: Mapping[str, Any], made: Made) -> None:
    template, selector = spec.get("template"), spec.get("selector")
    if spec.get("workloadRef") is not None:
        given = (template or {}).get("metadata")
        if isinstance(given, Mapping) and (given.get("labels") or given.get("annotations")):
            hint = f"{_TOO} remove one of them."
            made.wrong(("spec", "template"), "'template' and 'workloadRef' stand together.", hint)
        return
    if template is None:
        made.wrong(("spec",), "'template' is missing.", f"{_TOO} add it, or workloadRef.")
    else:
        check_pods(template, ("spec", "template"), made)
    if not selector or not any(selector.values()):
        made.wrong(("spec", "selector"), "the selector selects nothing.", f"{_TOO} write matchLabels.")
        return
    metadata = (template or {}).get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, Mapping) else None
    asked = selector.get("matchLabels")
    if template is not None and isinstance(asked, Mapping):
        for name, value in asked.items():
            if not isinstance(labels, Mapping) or labels.get(name) != value:
                hint = f"{_TOO} write {name}: {value} below spec.template.metadata.labels."
                made.wrong(("spec", "selector", "matchLabels", name), "the template's pods have not this label.", hint)


def _affinity(affinity: Any, at: Path, made: Made) -> None:
    if affinity is not None and len([name for name in affinity if affinity[name] is not None]) != 1:
        made.wrong(at, "it names not exactly one rule.", f"{_TOO} write one of preferred… and required….")


def _canary(canary: Mapping[str, Any], at: Path, made: Made) -> None:
    routing = canary.get("trafficRouting")
    routers = [name for name in ROUTERS if (routing or {}).get(name) is not None]
    for name, one, several in _EITHER:
        if name in routers:
            _either((routing or {})[name], one, several, (*at, "trafficRouting", name), made)
    _services(canary, at, made, routers)
    _ping_pong(canary, at, made, routers)
    if _nothing(canary.get("maxSurge")) and _nothing(canary.get("maxUnavailable")):
        made.wrong((*at, "maxSurge"), "'maxSurge' and 'maxUnavailable' are both 0.", f"{_TOO} write one above 0.")
    if routing is None:
        for name in ("scaleDownDelaySeconds", "dynamicStableScale"):
            if canary.get(name) not in (None, False):
                made.wrong((*at, name), f"'{name}' needs trafficRouting.", f"{_TOO} remove it, or add trafficRouting.")
    elif canary.get("dynamicStableScale") and canary.get("scaleDownDelaySeconds") is not None:
        hint = f"{_TOO} remove one of them."
        made.wrong((*at, "dynamicStableScale"), "it cannot stand beside scaleDownDelaySeconds.", hint)
    most = 100
    if routing is not None and (given := routing.get("maxTrafficWeight")) is not None:
        most = given
        if not set(_SCALES) & set(routers):
            place = (*at, "trafficRouting", "maxTrafficWeight")
            made.wrong(place, f"only {', '.join(_SCALES)} know another weight than 100.", f"{_TOO} remove it.")
    if canary.get("analysis") is not None:
        check_analysis(canary["analysis"], (*at, "analysis"), made)
    managed = {each["name"] for each in (routing or {}).get("managedRoutes") or ()}
    for index, step in enumerate(canary.get("steps") or ()):
        _step(step, (*at, "steps", index), made, routers, managed, most)


def _either(router: Mapping[str, Any], one: str, several: str, at: Path, made: Made) -> None:
    if (router.get(one) in (None, "")) is (router.get(several) is None):
        words = "stand together" if router.get(one) else "are both missing"
        hint = f"{_TOO} write exactly one of them."
        made.wrong(at, f"'{one}' and '{several}' {words}.", hint)


def _services(canary: Mapping[str, Any], at: Path, made: Made, routers: list[str]) -> None:
    stable = canary.get("stableService")
    if stable and stable == canary.get("canaryService"):
        made.wrong((*at, "stableService"), "it is the canary's service, too.", f"{_TOO} name two services.")
    needing = [name for name in routers if name in _BY_SERVICES and not _otherwise(name, canary)]
    for name in ("stableService", "canaryService") if needing else ():
        if not canary.get(name):
            made.wrong((*at, name), f"trafficRouting by {needing[0]} needs '{name}'.", f"{_TOO} name the Service.")


def _otherwise(router: str, canary: Mapping[str, Any]) -> bool:
    """Whether the router tells the versions apart without their services."""
    if router in _PING_PONG and canary.get("pingPong") is not None:
        return True
    return router == "istio" and canary["trafficRouting"]["istio"].get("destinationRule") is not None


def _ping_pong(canary: Mapping[str, Any], at: Path, made: Made, routers: list[str]) -> None:
    services = canary.get("pingPong")
    if services is None:
        return
    if routers and not set(_PING_PONG) & set(routers):
        hint = f"{_TOO} route by one of them, or remove it."
        made.wrong((*at, "pingPong"), f"it is for trafficRouting by {' and '.join(_PING_PONG)} only.", hint)
    if services["pingService"] == services["pongService"]:
        made.wrong((*at, "pingPong", "pongService"), "it is pingService, too.", f"{_TOO} name two services.")
    alb = (canary.get("trafficRouting") or {}).get("alb")
    if alb is not None and not alb.get("rootService"):
        place = (*at, "trafficRouting", "alb")
        made.wrong(place, "beside pingPong it needs 'rootService'.", f"{_TOO} name the Service.")


def _nothing(value: Any) -> bool:
    """Whether it is written, and 0."""
    return value is not None and str(value).removesuffix("%").strip("0") == ""


def _step(step: Mapping[str, Any], at: Path, made: Made, routers: list[str], managed: set[str], most: int) -> None:
    there = [name for name in step if step[name] is not None]
    exclusive = [name for name in _EXCLUSIVE if name in there]
    if not there:
        made.wrong(at, "the step does nothing.", f"{_TOO} write for example setWeight: 5.")
    if len(exclusive) > 1:
        made.wrong(at, f"{' and '.join(exclusive)} stand together in one step.", f"{_TOO} make a step of each.")
    weight = step.get("setWeight")
    if weight is not None and weight > most:
        made.wrong((*at, "setWeight"), f"a weight of {weight} is not possible.", f"{_TOO} write 0 to {most}.")
    if step.get("pause") is not None:
        _pause(step["pause"].get("duration"), (*at, "pause", "duration"), made)
    if step.get("analysis") is not None:
        check_analysis(step["analysis"], (*at, "analysis"), made)
        _fields_of(step["analysis"].get("args") or (), (*at, "analysis", "args"), made)
    if step.get("experiment") is not None:
        _experiment(step["experiment"], (*at, "experiment"), made, routers)
    if step.get("setCanaryScale") is not None and not routers:
        made.wrong((*at, "setCanaryScale"), "it needs trafficRouting.", f"{_TOO} add it, or remove the step.")
    for name, able in (("setHeaderRoute", _HEADERS), ("setMirrorRoute", _MIRRORS)):
        if step.get(name) is not None:
            _route(step[name], (*at, name), made, managed, able, routers)


def _pause(given: Any, at: Path, made: Made) -> None:
    if given is None:
        return
    if pause_s(given) is None:
        hint = f"{_TOO} write for example 30, 30s or 5m."
        made.wrong(at, f"'{str(given)[:40]}' is no duration of a pause.", hint)
    elif (pause_s(given) or 0) < 0:
        made.wrong(at, "a pause cannot be negative.", f"{_TOO} write for example 5m.")


def pause_s(given: Any) -> float | None:
    """A pause in seconds: a number, a bare text of digits, or Go's notation. ``None`` for anything else."""
    if isinstance(given, int) and not isinstance(given, bool):
        return given if abs(given) < 2**31 else None
    if not isinstance(given, str):
        return None
    if given.isascii() and given.lstrip("+-").isdigit() and len(given) < 11:
        return float(given) if given.count("-") + given.count("+") <= 1 else None
    return go_seconds(given)


def _experiment(experiment: Mapping[str, Any], at: Path, made: Made, routers: list[str]) -> None:
    for position, template in enumerate(experiment["templates"]):
        if template.get("weight") is not None and not set(_SHIFTS_EXPERIMENTS) & set(routers):
            hint = f"{_TOO} remove it, or route by {', '.join(_SHIFTS_EXPERIMENTS)}."
            made.wrong((*at, "templates", position, "weight"), "nothing routes by this weight.", hint)
    for position, each in enumerate(experiment.get("analyses") or ()):
        check_args(each, (*at, "analyses", position), made)
        _fields_of(each.get("args") or (), (*at, "analyses", position, "args"), made)


def _route(
    route: Mapping[str, Any], at: Path, made: Made, managed: set[str], able: tuple[str, ...], routers: list[str]
) -> None:
    if not set(able) & set(routers):
        made.wrong(at, f"it needs trafficRouting by {', '.join(able)}.", f"{_TOO} add one, or remove the step.")
    elif route.get("name") not in managed:
        name = route.get("name")
        hint = f"{_TOO} add {{name: {name}}} to trafficRouting.managedRoutes."
        made.wrong((*at, "name"), f"'{name}' is no managed route.", hint)
    for position, match in enumerate(route.get("match") or ()):
        header = match.get("headerValue")
        if "alb" in routers and header is not None and (not header.get("exact") or len(header) > 1):
            place = (*at, "match", position, "headerValue")
            made.wrong(place, "ALB compares the whole value of a header only.", f"{_TOO} write exact: VALUE.")
            continue
        asked = {key: match.get(key) for key in ("headerValue", "method", "path")} | dict(match.get("headers") or {})
        for value in asked.values():
            if value is not None and len([each for each in value.values() if each]) != 1:
                hint = f"{_TOO} write exactly one of exact, prefix and regex."
                made.wrong((*at, "match", position), "a value is matched in not exactly one way.", hint)
