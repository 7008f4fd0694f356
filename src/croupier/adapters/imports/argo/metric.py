"""One metric of a template, with what is different here said field by field. Called by ``template``."""

from collections.abc import Mapping
from typing import Any, Final

from croupier.adapters.imports.argo.provider import made_of_provider
from croupier.adapters.imports.argo.reading import UNKNOWN, Unknown, duration_of, filled, mapping, number_of, text_of
from croupier.adapters.imports.made import Became, Made, Path

_DURATIONS: Final = ("interval", "initialDelay")
_CONDITIONS: Final = ("successCondition", "failureCondition")
_LIMITS: Final = ("count", "failureLimit", "inconclusiveLimit", "consecutiveErrorLimit", "consecutiveSuccessLimit")
_FIELDS: Final = ("name", *_DURATIONS, *_LIMITS, *_CONDITIONS, "provider")


def made_of_metric(
    data: Any, at: Path, values: Mapping[str, str | Unknown], made: Made, *, argo: bool
) -> dict[str, Any] | None:
    """The metric as a Gate has it; ``None`` where its provider cannot be asked from here."""
    metric = mapping(data, at, made, _FIELDS, needed=("name", "provider"))
    written: dict[str, Any] = {}
    before = len(made.lines)
    for name in metric:
        path, value = (*at, name), filled(metric[name], values, (*at, name), made) if name != "provider" else None
        if value is UNKNOWN:  # then there is no Gate, and nothing to check
            written[name] = None
            continue
        if name in _DURATIONS:
            written[name] = duration_of(value, path, made)
        elif name in _LIMITS:
            written[name] = number_of(value, path, made)
        elif name != "provider":
            written[name] = text_of(value, path, made)
        if name not in {"provider", "consecutiveErrorLimit"} and value == metric[name]:
            made.kept(path, _shown(written[name]))
    provider = made_of_provider(metric.get("provider", {}), (*at, "provider"), made)
    if provider is not None and not any(metric.get(name) for name in _CONDITIONS):
        made.lost(at, "without a condition every measurement succeeds: write a Gate with a successCondition")
        provider = None
    if provider is None:
        why = "; ".join(line.text for line in made.lines[before:] if line.fate is Became.IMPOSSIBLE)
        made.lines[before:] = []  # "carried over" would be wrong of its name
        made.lost(at, f"the metric is not in the Gate: {why}" if why else "the metric is not in the Gate")
        return None
    _differences(written, at, made, argo=argo)
    return {**written, "provider": provider}


def _differences(metric: Mapping[str, Any], at: Path, made: Made, *, argo: bool) -> None:
    """What behaves differently here, and which of it ``compat: argo`` keeps."""
    errors = metric.get("consecutiveErrorLimit")
    limit = 4 if errors is None else errors
    if argo:
        made.kept((*at, "consecutiveErrorLimit"), f"compat: argo: more than {limit} errors in a row fail the rollout")
        return
    made.changed(
        (*at, "consecutiveErrorLimit"),
        f"errors hold the rollout, however many; in Argo Rollouts more than {limit} in a row take it back, so that an "
        "outage of the metrics rolls back a healthy release. compat: argo keeps that",
    )
    if metric.get("successCondition") is not None or metric.get("failureCondition") is not None:
        made.differs(
            at,
            "a result that is NaN or empty is an error, which holds, unless the condition asks isNaN(...) or len(...); "
            "in Argo Rollouts NaN is compared, and a release without traffic fails. compat: argo keeps that",
        )
    if metric.get("count") or metric.get("interval") is None or metric.get("consecutiveSuccessLimit"):
        made.differs(
            at,
            "as a guard it is begun again at each weight; in Argo Rollouts what is through is not, and later weights "
            "go unwatched. compat: argo keeps that",
        )
    else:
        made.differs(
            at,
            "without a count it passes on each measurement of a weight that succeeds, and a failure within the limit "
            "holds until then; in Argo Rollouts it does not hold. compat: argo keeps that",
        )


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 100 else f"{text[:100]}…"
