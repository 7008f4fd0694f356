"""Flagger's documents, all of the files together: a Canary's metrics ask what MetricTemplates say. Called by
``croupier import flagger``.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from croupier.adapters.imports.flagger.canary import made_of_canary
from croupier.adapters.imports.flagger.metrics import Template
from croupier.adapters.imports.flagger.query import OTHERS, used
from croupier.adapters.imports.flagger.shape import ALERT_PROVIDER, CANARY, TEMPLATE
from croupier.adapters.imports.flagger.weights import check_weights
from croupier.adapters.imports.kubernetes import name_of, passed_over, said_metadata
from croupier.adapters.imports.leaves import say_once, say_the_rest
from croupier.adapters.imports.made import Made

_IMPORTED: Final = "Canary, MetricTemplate"


def import_flagger(documents: Sequence[Any]) -> list[Made]:
    """What is made of each of these documents. Never raises; what is wrong is in the problems."""
    found = [_begun(data) for data in documents]
    pairs = list(zip(documents, found, strict=True))
    templates = {
        (data["metadata"].get("namespace") or "default", made.name): Template(data, made)
        for data, made in pairs
        if made.what == "template" and not made.problems
    }
    for data, made in pairs:
        if made.what == "canary" and not made.problems:
            made_of_canary(data, templates, made)
    for data, made in pairs:
        if made.what == "template" and not made.problems:
            _said_template(data, made)
        if made.what and not made.problems:
            say_the_rest(data, made)
            say_once(made)
    return found


def _begun(data: Any) -> Made:
    """What kind of document it is, and whether it is valid."""
    made = Made(tool="Flagger")
    if not isinstance(data, Mapping):
        made.wrong((), "expected a document of Flagger.", "Name another file.")
        return made
    kind = data.get("kind")
    if not str(data.get("apiVersion", "")).startswith("flagger.app/"):
        passed_over(data, made, _IMPORTED, foreign=True)
        return made
    if kind == "AlertProvider":
        ALERT_PROVIDER(data, (), made)
    if kind not in ("Canary", "MetricTemplate"):  # it may be a list
        passed_over(data, made, _IMPORTED, foreign=False)
        return made
    made.what = "canary" if kind == "Canary" else "template"
    if data["apiVersion"] != "flagger.app/v1beta1":
        hint = "Write flagger.app/v1beta1, and the fields that it has."
        made.wrong(("apiVersion",), f"'{str(data['apiVersion'])[:60]}' is an old version of Flagger's documents.", hint)
        return made
    (CANARY if kind == "Canary" else TEMPLATE)(data, (), made)
    if not made.problems:
        made.name = name_of(data)
        if kind == "Canary" and not data["spec"].get("skipAnalysis"):
            check_weights(data["spec"]["analysis"], made)
    return made


def _said_template(data: Mapping[str, Any], made: Made) -> None:
    """A line for each field of a MetricTemplate. Its Gates were made for the Canaries that name it."""
    provider = data["spec"]["provider"]
    gates = [document["metadata"]["name"] for document in made.documents]
    made.changed(("apiVersion",), "croupier/v1")
    made.changed(("kind",), "a Gate for each Canary's metric that names it")
    said_metadata(data, made, f"its Gates are called {', '.join(gates)}" if gates else "there is no Gate of it")
    if not gates:
        words = "no Canary of these files makes a Gate of it: the Canary's report says why, or name its file, too"
        made.lost(("spec", "query"), words)
    elif used(data["spec"]["query"]):
        made.changed(("spec", "query"), "what stands in {{ }} is written in")
    else:
        made.kept(("spec", "query"))
    for name in provider:
        at = ("spec", "provider", name)
        if name == "type" and provider[name] in OTHERS:
            made.lost(at, OTHERS[provider[name]])
        elif name == "secretRef":
            made.lost(at, "write a Gate with a header and an argument from a file (CROUPIER_SECRETS_DIR)")
        elif name == "region":
            made.not_needed(at, "it belongs to CloudWatch")
        elif name == "address" and gates:
            words = (
                "a private address is asked only if CROUPIER_OUTGOING_HOSTS names it. Remove it from the Gate to ask"
            )
            made.changed(at, f"kept; {words} the Prometheus of CROUPIER_PROMETHEUS_URL")
        elif gates or name == "type":
            made.kept(at)
        else:
            made.not_needed(at, "there is no Gate that could ask it")
