"""An analysis of a Rollout: which Gates it names, and a line for each of its fields. Called by the strategies."""

from collections.abc import Mapping
from typing import Any

from croupier.adapters.imports.argo.gates import Gates
from croupier.adapters.imports.argo.template import Unknown
from croupier.adapters.imports.argo.uses import values_of
from croupier.adapters.imports.kubernetes import NOTHING_TO_DO
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
        if not mine and not lacking:
            whole = False
            made.lost(place, f"'{name}' measures nothing; write a Gate")
        for missing in lacking:
            whole = False
            among = "no Gate could be made of it" if missing in gates.templates else "it is not in these files"
            made.lost(place, f"'{missing}' asks nothing here, since {among}: name its file, too, or write a Gate")
        if mine == [name] and not lacking:
            elsewhere = "; import its template, too: it is not in these files" if gates.partial else ""
            made.kept((*place, "templateName"), f"the Gate '{name}'{elsewhere}")
        elif mine:
            made.changed((*place, "templateName"), f"the Gates that stand for it: {', '.join(mine)}")
        if each.get("clusterScope") is not None:
            made.changed((*place, "clusterScope"), "Gates have no scope")
    _args(analysis, at, values, gates, made)
    for name in ("dryRun", "measurementRetention"):
        for position, each in enumerate(analysis.get(name) or ()):
            words = f"a Gate says so itself: write {name} into the metric '{each['metricName']}' there"
            (made.lost if name == "dryRun" else made.left_out)((*at, name, position), words)
    if analysis.get("analysisRunMetadata") is not None:
        made.left_out((*at, "analysisRunMetadata"), NOTHING_TO_DO)
    for name in ("args", "dryRun", "measurementRetention"):
        if analysis.get(name) == []:
            made.kept((*at, name), "none")
    return list(dict.fromkeys(found)), whole


def _args(analysis: Mapping[str, Any], at: Path, values: Mapping[str, str | Unknown], gates: Gates, made: Made) -> None:
    named = {name for each in analysis["templates"] for name in gates.expanded(each["templateName"])}
    declared = {arg for name in named if name in gates.templates for arg in gates.templates[name].declared}
    for position, arg in enumerate(analysis.get("args") or ()):
        place, value = (*at, "args", position), values[arg["name"]]
        if arg["name"] not in declared and not gates.partial:
            made.left_out(place, "no template here has such an argument; Argo Rollouts passes over it, too")
        elif isinstance(value, Unknown):
            made.lost(place, f"only a cluster knows its value: give it one, --arg {arg['name']}=VALUE")
        elif gates.partial:
            made.changed(place, f"Gates take no arguments: import its template with --arg {arg['name']}='{value}'")
        elif arg.get("valueFrom") is None:
            made.kept(place, "its value is written into the Gate")
        else:
            words = " (versions stand for the hashes of pods: metrics need the label)" if value.startswith("{{") else ""
            made.changed(place, f"{value} is written into the Gate{words}")
