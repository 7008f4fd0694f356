"""Whom a metric asks: prometheus and web as they are, others not. Called by ``metric``."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from croupier.adapters.imports.argo.pods import JOB
from croupier.adapters.imports.argo.reading import items, mapping, number_of, text_of
from croupier.adapters.imports.made import Made, Path
from croupier.core.gates.analysis.model import LONGEST_TIMEOUT_S

_OTHERS: Final = {
    "kayenta": "compare with the baseline by a Gate of ours (comparison, sequential: {}), which needs no Kayenta",
    "job": "let the job's result be asked for over HTTP (provider web)",
    "datadog": "ask for it through Prometheus, or over HTTP (provider web)",
    "newRelic": "ask for it through Prometheus, or over HTTP (provider web)",
    "wavefront": "ask for it through Prometheus, or over HTTP (provider web)",
    "cloudWatch": "ask for it through Prometheus (an exporter of CloudWatch)",
    "graphite": "ask its render API over HTTP (provider web)",
    "influxdb": "ask for it over HTTP (provider web)",
    "skywalking": "ask for it over HTTP (provider web)",
    "plugin": "ask for it over HTTP (provider web)",
}


def made_of_provider(data: Any, at: Path, made: Made) -> dict[str, Any] | None:
    """The provider as a Gate has it; ``None`` for one that cannot be asked from here."""
    provider = mapping(data, at, made, (*PROVIDERS, *_OTHERS))
    if len(provider) != 1:
        many = f"{' and '.join(provider)} stand together" if provider else "there is no provider"
        made.wrong(at, f"{many}; a metric has exactly one.", "Argo Rollouts refuses it, too: make a metric of each.")
        return None
    ((name, inner),) = provider.items()
    if name == "job":
        JOB(inner, (*at, name), made)
    if name in _OTHERS:
        made.lost((*at, name), _OTHERS[name])
        return None
    found = PROVIDERS[name](inner, (*at, name), made)
    return None if found is None else {name: found}


def _prometheus(data: Any, at: Path, made: Made) -> dict[str, Any] | None:
    known = ("address", "query", "authentication", "timeout", "insecure", "headers", "rangeQuery", "caCert")
    asked = mapping(data, at, made, known, needed=("query",))
    if "caCert" in asked:
        made.lost((*at, "caCert"), "let the machine of the control plane trust the certificate's issuer")
    if not _possible(asked, at, made) or not _instant(asked, at, made):
        return None
    written: dict[str, Any] = {"query": text_of(asked.get("query", ""), (*at, "query"), made)}
    made.kept((*at, "query"))
    if "address" in asked:
        written["address"] = text_of(asked["address"], (*at, "address"), made)
        made.changed(
            (*at, "address"),
            "kept; a private address is asked only if the control plane's CROUPIER_OUTGOING_HOSTS names it. Remove it "
            "to ask the Prometheus of CROUPIER_PROMETHEUS_URL",
        )
    else:
        made.kept((*at, "address"), "none: the Prometheus of CROUPIER_PROMETHEUS_URL is asked")
    return {**written, **_common(asked, at, made, "timeout")}


def _web(data: Any, at: Path, made: Made) -> dict[str, Any] | None:
    known = ("url", "method", "headers", "body", "jsonBody", "timeoutSeconds", "jsonPath", "insecure", "authentication")
    asked = mapping(data, at, made, known, needed=("url",))
    if not _possible(asked, at, made):
        return None
    written: dict[str, Any] = {"url": text_of(asked.get("url", ""), (*at, "url"), made)}
    made.changed(
        (*at, "url"),
        "kept; a private address, or plain HTTP, is asked only if the control plane's CROUPIER_OUTGOING_HOSTS names "
        "it, and redirects are not followed",
    )
    method = asked.get("method", "GET")
    if method not in ("GET", "POST", "PUT"):  # which may be anything, also a list
        made.wrong((*at, "method"), f"'{method}' is no method that Argo Rollouts knows.", "Write GET, POST or PUT.")
    elif "method" in asked:
        written["method"] = method
        made.kept((*at, "method"))
    if "body" in asked and "jsonBody" in asked:
        made.wrong(at, "'body' and 'jsonBody' cannot stand together.", "Remove one of them.")
    if method == "GET" and {"body", "jsonBody"} & asked.keys():
        made.wrong(at, "a GET has no body.", "Write method: POST.")
    if "body" in asked:
        written["body"] = text_of(asked["body"], (*at, "body"), made)
        made.kept((*at, "body"))
    if "jsonPath" in asked:
        written["jsonPath"] = text_of(asked["jsonPath"], (*at, "jsonPath"), made)
        made.kept((*at, "jsonPath"))
    written |= _common(asked, at, made, "timeoutSeconds")
    if "jsonBody" in asked:
        written["body"] = json.dumps(asked["jsonBody"])
        written.setdefault("headers", {}).setdefault("content-type", "application/json")
        made.changed((*at, "jsonBody"), "it is written as a body, with the header content-type: application/json")
    return written


PROVIDERS: Final[Mapping[str, Callable[[Any, Path, Made], dict[str, Any] | None]]] = {
    "prometheus": _prometheus,
    "web": _web,
}
"""The providers that can be asked from here."""


def _possible(asked: Mapping[str, Any], at: Path, made: Made) -> bool:
    for name in asked.get("authentication") or ():
        made.lost(
            (*at, "authentication", str(name)),
            f"{name} is not possible here: write a header (authorization: 'Bearer {{{{args.token}}}}') and an argument "
            "from a file that something renews",
        )
    return not asked.get("authentication")


def _instant(asked: Mapping[str, Any], at: Path, made: Made) -> bool:
    if "rangeQuery" in asked:
        made.lost(
            (*at, "rangeQuery"),
            "queries over a range are not possible here: ask for one moment, for example max_over_time((...)[10m:1m])",
        )
    return "rangeQuery" not in asked


def _common(asked: Mapping[str, Any], at: Path, made: Made, timeout: str) -> dict[str, Any]:
    """Headers, time-out and certificates."""
    written: dict[str, Any] = {}
    headers: dict[str, str] = {}
    for position, each in enumerate(items(asked.get("headers"), (*at, "headers"), made)):
        header = mapping(each, (*at, "headers", position), made, ("key", "value"), needed=("key", "value"))
        name = str(header.get("key", "")).lower()
        if name in headers:
            made.wrong((*at, "headers", position), f"the header '{name}' is there twice.", "Remove one.")
        headers[name] = text_of(header.get("value", ""), (*at, "headers", position, "value"), made)
    if headers:
        written["headers"] = headers
        made.kept((*at, "headers"), ", ".join(headers))
    if timeout in asked:
        seconds = number_of(asked[timeout], (*at, timeout), made)
        if seconds is not None and seconds < 0:
            made.wrong((*at, timeout), "a time-out cannot be negative.", "Write seconds, or remove it.")
        elif seconds:
            kept_s = min(seconds, int(LONGEST_TIMEOUT_S))
            written["timeout"] = f"{kept_s}s"
            if kept_s == seconds:
                made.kept((*at, timeout), f"timeout: {seconds}s")
            else:
                made.changed((*at, timeout), f"timeout: {kept_s}s, since no answer is waited for any longer here")
        else:
            made.kept((*at, timeout), "the default")
    if "insecure" in asked:
        written["insecure"] = bool(asked["insecure"])
        made.kept((*at, "insecure"))
    return written
