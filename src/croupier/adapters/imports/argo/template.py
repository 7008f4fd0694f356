"""AnalysisTemplate and ClusterAnalysisTemplate: a Gate that measures. Called by ``convert``."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import re2

from croupier.adapters.imports.argo.metric import made_of_metric
from croupier.adapters.imports.argo.reading import UNKNOWN, Unknown, items, mapping, number_of, text_of
from croupier.adapters.imports.kubernetes import metadata, name_of, said_metadata
from croupier.adapters.imports.made import Made, Path
from croupier.core.gates.analysis.placeholders import names_in

_TOP: Final = ("apiVersion", "kind", "metadata", "spec", "status")
_SPEC: Final = ("metrics", "args", "dryRun", "measurementRetention", "templates")
_OPTIONS: Final = re2.Options()
_OPTIONS.log_errors = False


NO_VALUE: Final = (
    "nothing here says its value; without one there is no Gate: --arg {name}=VALUE, in which {{{{service}}}}, "
    "{{{{version}}}} (the canary's) and {{{{stable}}}} stand for what they say"
)


NO_VERSION: Final = (
    "its query asks about no version, so what the canary does hides among what all others do: write {{version}} into "
    "it, or into an argument of it: --arg NAME='{{version}}'"
)


def made_of_template(
    data: Mapping[str, Any],
    given: Mapping[str, str],
    *,
    argo: bool,
    by_users: Mapping[str, str | Unknown] | None = None,
    name: str | None = None,
) -> Made:
    """A Gate of the template's name (or the given one), its metrics inside. Values of arguments are ``given`` to the
    import, or by the Rollouts that use it.
    """
    made = Made(what="template")
    top = mapping(data, (), made, _TOP, needed=("metadata", "spec"))
    metadata(top.get("metadata", {}), ("metadata",), made)
    if made.problems:
        return made
    made.name = name_of(top)
    made.changed(("apiVersion",), "croupier/v1")
    said_metadata(top, made, "the Gate has the same name, so that a pasted strategy finds it")
    if data.get("kind") == "ClusterAnalysisTemplate":
        made.changed(("kind",), "a Gate; it has no scope: remove clusterScope where a pasted strategy names it")
    else:
        made.changed(("kind",), "a Gate")
    spec = mapping(top.get("spec", {}), ("spec",), made, _SPEC)
    for position, each in enumerate(items(spec.get("templates"), ("spec", "templates"), made)):
        inner = mapping(each, ("spec", "templates", position), made, ("templateName", "clusterScope"))
        made.lost(
            ("spec", "templates", position),
            f"Gates hold no other gates: import '{inner.get('templateName', '?')}' too, and name both where the "
            "strategy names this one",
        )
    values, args = _args(spec, given, by_users or {}, made)
    metrics = _metrics(spec, values, made, argo=argo)
    if metrics and args is None:
        _nothing_of(spec, made, "there is no Gate without values for all arguments")
    elif metrics and all(metric.get("dryRun") for metric in metrics):
        _nothing_of(spec, made, "there is no Gate, since all of its metrics are a dry run and it could never fail")
    elif metrics and args is not None and not made.problems:
        analysis: dict[str, Any] = {"args": args} if args else {}
        analysis |= {"compat": "argo"} if argo else {}
        made.documents.append(
            {
                "apiVersion": "croupier/v1",
                "kind": "Gate",
                "metadata": {"name": name or made.name},
                "spec": {"analysis": {**analysis, "metrics": metrics}},
            }
        )
    return made


def _nothing_of(spec: Mapping[str, Any], made: Made, words: str) -> None:
    """Nothing was made of the metrics, so that the lines about each field of theirs would be wrong."""
    names = [name for name in ("metrics", "dryRun", "measurementRetention") if spec.get(name) is not None]
    made.lines[:] = [line for line in made.lines if line.path[:1] != ("spec",) or line.path[1] not in names]
    for name in names:
        made.lost(("spec", name), words)


def _args(
    spec: Mapping[str, Any], given: Mapping[str, str], by_users: Mapping[str, str | Unknown], made: Made
) -> tuple[dict[str, str | Unknown], list[dict[str, Any]] | None]:
    """The arguments' values that are known now, and the arguments as a Gate has them; ``None`` if it cannot have one
    of them.
    """
    values: dict[str, str | Unknown] = {}
    whole = True
    written: list[dict[str, Any]] = []
    seen: set[str] = set()
    for position, each in enumerate(items(spec.get("args"), ("spec", "args"), made)):
        at: Path = ("spec", "args", position)
        arg = mapping(each, at, made, ("name", "value", "valueFrom"), needed=("name",))
        name = str(arg.get("name", ""))
        if name in seen:
            made.wrong((*at, "name"), f"the argument '{name}' is there twice.", "Remove one.")
        seen.add(name)
        if "value" in arg and "valueFrom" in arg:
            made.wrong(at, "'value' and 'valueFrom' cannot stand together.", "Remove one of them.")
        if name in given:
            values[name] = given[name]
            written.append({"name": name, "value": given[name]})
            made.changed(at, f"its value is the one given to the import: {given[name]}")
        elif isinstance(user := by_users.get(name), str):
            values[name] = user
            written.append({"name": name, "value": user})
            made.changed(at, f"its value is the one that its Rollout gives: {user}")
        elif user is not None:
            whole, values[name] = False, UNKNOWN
            made.lost(at, NO_VALUE.format(name=name))
        elif "value" in arg:
            values[name] = value = text_of(arg["value"], (*at, "value"), made)
            written.append({"name": name, "value": value})
            made.kept(at)
        elif "valueFrom" in arg and not _is_field(arg["valueFrom"]):
            written += _secret(name, arg["valueFrom"], (*at, "valueFrom"), made)
            made.kept((*at, "name"))
        elif not made.problems:  # of the field itself: it is no text, or there twice
            whole, values[name] = False, UNKNOWN
            made.lost(at, NO_VALUE.format(name=name))
    for name in given:
        if name not in seen:
            made.differs(("spec", "args"), f"--arg {name}: the template has no such argument; check the name")
    return values, written if whole else None


def _secret(name: str, data: Any, at: Path, made: Made) -> Iterator[dict[str, Any]]:
    source = mapping(data, at, made, ("secretKeyRef", "fieldRef"))
    if "secretKeyRef" not in source:
        made.wrong(at, "it names no source.", "Argo Rollouts refuses it, too: write secretKeyRef or fieldRef.")
        return
    known = ("name", "key", "optional", "sharedSecret")
    secret = mapping(source["secretKeyRef"], (*at, "secretKeyRef"), made, known, needed=("name", "key"))
    file = f"{secret.get('name', '')}/{secret.get('key', '')}"
    made.changed(at, f"the secret is read from a file: put it at {file} below the control plane's CROUPIER_SECRETS_DIR")
    yield {"name": name, "valueFrom": {"file": file}}


def _is_field(source: Any) -> bool:
    """Whether a value comes from a field of the Rollout that uses the template."""
    if not isinstance(source, Mapping) or set(source) != {"fieldRef"}:
        return False
    return isinstance(source["fieldRef"], Mapping) and isinstance(source["fieldRef"].get("fieldPath"), str)


def _metrics(
    spec: Mapping[str, Any], values: Mapping[str, str | Unknown], made: Made, *, argo: bool
) -> list[dict[str, Any]]:
    at: Path = ("spec", "metrics")
    found = items(spec.get("metrics"), at, made)
    if not found and "templates" not in spec:
        made.wrong(("spec",), "there are no metrics.", "Argo Rollouts refuses the file, too: add some.")
    names: list[str] = []
    metrics: list[dict[str, Any]] = []
    places: list[int] = []
    for position, each in enumerate(found):
        name = str(each.get("name", "")) if isinstance(each, Mapping) else ""
        if name and name in names:
            made.wrong((*at, position, "name"), f"two metrics are called '{name}'.", "Give each a name of its own.")
        names.append(name)
        metric = made_of_metric(each, (*at, position), values, made, argo=argo)
        if metric is not None:
            metrics.append(metric)
            places.append(position)
        else:
            made.lacks = True
    dry = _dry(spec, names, made)
    for metric, position in zip(metrics, places, strict=True):
        if any(rule.search(metric.get("name", "")) for rule in dry):
            metric["dryRun"] = True
        elif "prometheus" in metric["provider"] and not _tells_versions(metric["provider"]["prometheus"], values):
            made.differs((*at, position), NO_VERSION)
    for rule, limit in _retentions(spec, names, made):
        for metric in metrics:
            if rule.search(metric.get("name", "")):
                metric.setdefault("measurementRetention", limit)
    return metrics


def _tells_versions(asked: Mapping[str, Any], values: Mapping[str, str | Unknown]) -> bool:
    texts = [str(asked["query"])]
    texts += [str(values.get(name.removeprefix("args."), "")) for name in names_in(texts[0])]
    return any("version" in names_in(text) for text in texts)


def _dry(spec: Mapping[str, Any], names: list[str], made: Made) -> list[Any]:
    at: Path = ("spec", "dryRun")
    rules = []
    for position, each in enumerate(items(spec.get("dryRun"), at, made)):
        entry = mapping(each, (*at, position), made, ("metricName",), needed=("metricName",))
        if (rule := _rule(entry, (*at, position, "metricName"), names, made)) is not None:
            rules.append(rule)
    return rules


def _retentions(spec: Mapping[str, Any], names: list[str], made: Made) -> Iterator[tuple[Any, int]]:
    at: Path = ("spec", "measurementRetention")
    for position, each in enumerate(items(spec.get("measurementRetention"), at, made)):
        entry = mapping(each, (*at, position), made, ("metricName", "limit"), needed=("metricName", "limit"))
        rule = _rule(entry, (*at, position, "metricName"), names, made)
        limit = number_of(entry.get("limit"), (*at, position, "limit"), made)
        if limit is None:
            continue
        kept = min(max(limit, 1), 100)
        if limit == 0:
            made.kept((*at, position, "limit"), "0 is the default, 10")
        elif limit == kept:
            made.kept((*at, position, "limit"), f"measurementRetention: {kept}")
        else:
            made.changed((*at, position, "limit"), "1 to 100 measurements are shown; the record has all of them")
        if rule is not None and limit:
            yield rule, kept


def _rule(entry: Mapping[str, Any], at: Path, names: list[str], made: Made) -> Any:
    """Argo's rules are Go's regular expressions, which are found anywhere in a metric's name; ``None`` for no rule."""
    text = str(entry.get("metricName", ""))
    try:
        rule = re2.compile(text, _OPTIONS)
    except re2.error:
        hint = "Write .* for every metric." if text == "*" else "Write the name itself."
        made.wrong(at, f"'{text}' is no regular expression.", f"Argo Rollouts refuses it, too. {hint}")
        return None
    matching = [name for name in names if rule.search(name)]
    if not matching:
        made.wrong(at, f"'{text}' is the name of no metric.", f"There are {', '.join(names) or 'none'}.")
        return None
    made.changed(at, f"it is written into {', '.join(matching)}")
    return rule
