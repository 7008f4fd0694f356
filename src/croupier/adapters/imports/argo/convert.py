"""Argo's documents, all of the files together: Rollouts say which values the templates' arguments have, and templates
which Gates a Rollout may name. Called by ``croupier import argo``.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from croupier.adapters.imports.argo.experiment import made_of_experiment
from croupier.adapters.imports.argo.gates import Gates, Template, Variant
from croupier.adapters.imports.argo.reading import UNKNOWN, Unknown
from croupier.adapters.imports.argo.rollout import checked_rollout, made_of_rollout
from croupier.adapters.imports.argo.template import made_of_template
from croupier.adapters.imports.argo.uses import Use, Values, field_of, uses_of
from croupier.adapters.imports.argo.valid import check_ends
from croupier.adapters.imports.kubernetes import name_of, passed_over
from croupier.adapters.imports.leaves import say_once, say_the_rest
from croupier.adapters.imports.made import Made
from croupier.errors import Problem

_TEMPLATES: Final = ("AnalysisTemplate", "ClusterAnalysisTemplate")
_UNSET: Final = (None, 0, "0", "")
_IMPORTED: Final = ("Rollout", *_TEMPLATES)


def import_argo(documents: Sequence[Any], args: Mapping[str, str], *, argo: bool) -> list[Made]:
    """What is made of each of these documents. ``args`` are values for arguments of templates; ``argo`` keeps Argo's
    behaviour where ours differs. Never raises; what is wrong is in the problems.
    """
    found = [_begun(data) for data in documents]
    uses = [
        use
        for data, made in zip(documents, found, strict=True)
        if made.what in {"rollout", "experiment"} and not made.problems
        for use in uses_of(data)
    ]
    templates: dict[str, Template] = {}
    for data, made in zip(documents, found, strict=True):
        if made.what == "template" and (template := _read(data)) is not None:
            templates.setdefault(name_of(data), template)
    users = _users(uses, templates)
    for index, data in enumerate(documents):
        if found[index].what == "template":
            found[index] = _template(data, args, users, templates, argo=argo)
    for data, made in zip(documents, found, strict=True):
        if made.what == "rollout" and not made.problems:
            check_ends(data, Gates(templates), made)
            made_of_rollout(data, Gates(templates), made)
        if made.what and not made.problems:
            say_the_rest(data, made)
            say_once(made)
    return found


def _begun(data: Any) -> Made:
    """What kind of document it is, and whether it is valid if it needs no other."""
    made = Made()
    if not isinstance(data, Mapping):
        made.wrong((), "expected a document of Argo Rollouts.", "Name another file.")
        return made
    kind = data.get("kind")
    if not str(data.get("apiVersion", "")).startswith("argoproj.io/"):
        passed_over(data, made, ", ".join(_IMPORTED), foreign=True)
    elif kind == "Rollout":
        return checked_rollout(data)
    elif kind == "Experiment":
        return made_of_experiment(data)
    elif kind in _TEMPLATES:
        made.what = "template"
    else:
        if kind == "AnalysisRun":
            made.problems += _problems_of_run(data)
        passed_over(data, made, ", ".join(_IMPORTED), foreign=False)
    return made


def _problems_of_run(data: Mapping[str, Any]) -> list[Problem]:
    """What is not valid in a run: it has the fields of the template that it was made of, and one more."""
    spec = data.get("spec")
    if isinstance(spec, Mapping):
        spec = {name: value for name, value in spec.items() if name != "terminate"}
    return made_of_template({**data, "spec": spec}, {}, argo=False).problems


def _template(
    data: Mapping[str, Any],
    args: Mapping[str, str],
    users: Mapping[str, list[Use]],
    templates: Mapping[str, Template],
    *,
    argo: bool,
) -> Made:
    """The Gates of a template, one for each set of values that its users give; without users, one."""
    if _read(data) is None:
        return made_of_template(data, args, argo=argo)
    name = name_of(data)
    template, made = templates[name], Made()
    if template.variants:  # a second one of the name, which is refused
        return made_of_template(data, args, argo=argo)
    for values in _given(template, users.get(name, [])) or [_unused(data)]:
        count = len(template.variants)
        variant = Variant(dict(values), name if not count else _free(f"{name}-{count + 1}", templates))
        template.variants[frozenset(values.items())] = variant
        by_users = _with_fields(variant.values, data, users.get(name, []))
        each = made_of_template(data, args, argo=argo, by_users=by_users, name=variant.name)
        variant.gate = variant.name if each.documents else None
        if not count:
            made = each
        elif each.documents:
            made.documents += each.documents
            shown = ", ".join(f"{arg}={value}" for arg, value in values.items())
            made.differs(("metadata", "name"), f"a Gate '{variant.name}', too, for other values: {shown}")
    return made


def _free(name: str, templates: Mapping[str, Template]) -> str:
    """The name, longer where another template of the files has it."""
    return _free(f"{name}-values", templates) if name in templates else name


def _read(data: Mapping[str, Any]) -> Template | None:
    """What others need to know of a template; ``None`` if it is not of the right shape."""
    spec, metadata = data.get("spec"), data.get("metadata")
    if not isinstance(spec, Mapping) or not isinstance(metadata, Mapping):
        return None
    name = metadata.get("generateName") if metadata.get("name") is None else metadata["name"]
    if not isinstance(name, str):
        return None
    lists = [spec.get(name) or [] for name in ("args", "templates", "metrics")]
    if not all(isinstance(each, list) and all(isinstance(item, Mapping) for item in each) for each in lists):
        return None
    args, members, metrics = lists
    return Template(
        frozenset(str(arg.get("name")) for arg in args),
        tuple(str(each.get("templateName")) for each in members),
        bool(metrics),
        next((str(each.get("name")) for each in metrics if each.get("interval") and each.get("count") in _UNSET), ""),
    )


def _users(uses: list[Use], templates: Mapping[str, Template]) -> dict[str, list[Use]]:
    """Who uses each template. Who uses one that takes others in, uses those, too."""
    gates = Gates(templates)
    reached = {name: {name, *gates.expanded(name)} for name in {use.template for use in uses}}
    found: dict[str, list[Use]] = {}
    for use in uses:
        for name in reached[use.template]:
            found.setdefault(name, []).append(use)
    return found


def _given(template: Template, users: list[Use]) -> list[Values]:
    """The sets of values that users give, each once."""
    each = ({arg: value for arg, value in use.values.items() if arg in template.declared} for use in users)
    return list({frozenset(values.items()): values for values in each}.values())


def _unused(data: Mapping[str, Any]) -> Values:
    """The values of a template that none of the files' Rollouts uses: it is no mistake that nobody gives it any."""
    args = data["spec"].get("args") or ()
    named = [arg for arg in args if isinstance(arg.get("name"), str)]
    return {arg["name"]: UNKNOWN for arg in named if arg.get("value") is None and not _is_secret(arg.get("valueFrom"))}


def _is_secret(source: Any) -> bool:
    """Whether a control plane can find the value by itself, or the source is wrong, which is said later."""
    return source is not None and not (isinstance(source, Mapping) and source.get("fieldRef") is not None)


def _with_fields(values: Mapping[str, str | Unknown], data: Mapping[str, Any], users: list[Use]) -> Values:
    """The values, with those that a template takes from fields of the Rollout that uses it."""
    found = dict(values)
    for arg in (data["spec"].get("args") or ()) if users else ():
        source = arg.get("valueFrom")
        reference = source.get("fieldRef") if isinstance(source, Mapping) else None
        if isinstance(reference, Mapping) and isinstance(reference.get("fieldPath"), str):
            found.setdefault(str(arg.get("name")), field_of(users[0].document, reference["fieldPath"]))
    return found
