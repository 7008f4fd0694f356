"""An analysis of a Rollout: which Gates it names, and a line for each of its fields. Called by the strategies."""

from collections.abc import Mapping
from typing import Any

from croupier.adapters.imports.argo.gates import Gates
from croupier.adapters.imports.argo.reading import Unknown
from croupier.adapters.imports.argo.uses import values_of
from croupier.adapters.imports.kubernetes import KUBERNETES_OWN
from croupier.adapters.imports.made import Made, Path


def gates_of(
    analysis: Mapping[str, Any], at: Path, data: Mapping[str, Any], gates: Gates, made: Made
) -> tuple[list[str], bool]:
    """The names of the Gates, and whether there is one for everything that is asked there."""
    values, found, whole = values_of(analysis, data), list[str](), True
    for position, each in enumerate(analysis["templates"]):
        place, name = (*at, "templates", position), each["templateName"]
        mine, lacking = gates.named(name, values)
        found += mine
        if lacking or not mine:
            whole = False
            made.lost(place, _lacking(name, mine, lacking, gates))
            continue
        if mine == [name]:
            elsewhere = "; import its template, too: it is not in these files" if gates.partial else ""
            made.kept((*place, "templateName"), f"the Gate '{name}'{elsewhere}")
        else:
            made.changed((*place, "templateName"), f"the Gates that stand for it: {', '.join(mine)}")
        if each.get("clusterScope") is not None:
            made.not_needed((*place, "clusterScope"), "Gates have no scope")
    _args(analysis, at, values, gates, made)
    _around(analysis, at, made)
    return list(dict.fromkeys(found)), whole


def _lacking(name: str, mine: list[str], lacking: list[str], gates: Gates) -> str:
    """Why there is not a Gate for everything that a template asks."""
    if not lacking:
        return f"'{name}' measures nothing; write a Gate"
    here = [f"'{each}'" for each in lacking if each in gates.templates]
    away = [f"'{each}'" for each in lacking if each not in gates.templates]
    words = [f"no Gate could be made of {', '.join(here)}; write one"] if here else []
    words += [f"{', '.join(away)} is not in these files: name its file, too, or write a Gate"] if away else []
    asked = f". Asked are {', '.join(mine)}" if mine else ""
    return f"{'; '.join(words)}{asked}"


def _around(analysis: Mapping[str, Any], at: Path, made: Made) -> None:
    """What an analysis says beside its templates and their arguments."""
    for name in ("dryRun", "measurementRetention"):
        for position, each in enumerate(analysis.get(name) or ()):
            words = f"a Gate says so itself: write {name} into the metric '{each['metricName']}' there"
            if name == "dryRun":
                made.lost((*at, name, position), words)
            else:
                made.not_needed((*at, name, position), f"the record keeps every measurement; {words}")
    if analysis.get("analysisRunMetadata") is not None:
        made.not_needed((*at, "analysisRunMetadata"), KUBERNETES_OWN)
    for name in ("args", "dryRun", "measurementRetention"):
        if analysis.get(name) == []:
            made.kept((*at, name), "none")


def _args(analysis: Mapping[str, Any], at: Path, values: Mapping[str, str | Unknown], gates: Gates, made: Made) -> None:
    named = {name for each in analysis["templates"] for name in gates.expanded(each["templateName"])}
    declared = {arg for name in named if name in gates.templates for arg in gates.templates[name].declared}
    for position, arg in enumerate(analysis.get("args") or ()):
        place, value = (*at, "args", position), values[arg["name"]]
        if arg["name"] not in declared and not gates.partial:
            made.not_needed(place, "no template here has such an argument; Argo Rollouts passes over it, too")
        elif isinstance(value, Unknown):
            made.lost(place, f"only a cluster knows its value: give it one, --arg {arg['name']}=VALUE")
        elif gates.partial:
            made.changed(place, f"Gates take no arguments: import its template with --arg {arg['name']}='{value}'")
        elif arg.get("valueFrom") is None:
            made.kept(place, "its value is written into the Gate")
        else:
            words = " (versions stand for the hashes of pods: metrics need the label)" if value.startswith("{{") else ""
            made.changed(place, f"{value} is written into the Gate{words}")
