"""The fields of Flagger's Canary and MetricTemplate, as its CRDs have them. Called by ``convert``."""

import re
from collections.abc import Mapping
from typing import Any, Final

from croupier.adapters.imports.kubernetes import DOCUMENT, LABELS
from croupier.adapters.imports.made import Made, Path
from croupier.adapters.imports.shape import (
    Shape,
    anything,
    fields,
    many,
    mapping,
    named,
    number,
    one_of,
    switch,
    text,
    whole,
)


def _times(data: Any, at: Path, made: Made) -> None:
    """As Flagger's CRD has them, which reads the beginning alone: ``1min`` and ``0s`` are valid."""
    if not isinstance(data, str) or not re.match("[0-9]+(m|s)", data):
        shown = str(data)[:40] if isinstance(data, str | int | float) else type(data).__name__
        made.wrong(at, f"'{shown}' is no interval.", "Flagger refuses it, too: write for example 30s or 1m.")


def _reference(*kinds: str, **more: Shape) -> Shape:
    known: dict[str, Shape] = {"apiVersion": text, "kind": one_of(*kinds), "name": text}
    return fields({**known, **more}, needed=("apiVersion", "kind", "name"))


_NAMED: Final = fields({"name": text, "namespace": text}, needed=("name",))
_WAYS: Final[dict[str, Shape]] = {"exact": text, "prefix": text, "suffix": text, "regex": text}


def _way(data: Any, at: Path, made: Made) -> None:
    """How a header is compared: in exactly one way."""
    fields(_WAYS)(data, at, made)
    if isinstance(data, Mapping) and len(data) != 1:
        made.wrong(at, "it is matched in not exactly one way.", f"Flagger refuses it, too: write {', '.join(_WAYS)}.")


def _parameter(data: Any, at: Path, made: Made) -> None:
    """How a parameter is compared: whatever it is, or in one way."""
    ways = [name for name in _WAYS if name != "suffix"]
    fields({name: _WAYS[name] for name in ways})(data, at, made)
    if isinstance(data, Mapping) and len(data) > 1:
        made.wrong(at, "it is matched in several ways.", f"Flagger refuses it, too: write one of {', '.join(ways)}.")


_MATCH: Final = fields({"headers": named(_way), "queryParams": named(_parameter), "sourceLabels": LABELS})
_EXTRA: Final = fields({"labels": LABELS, "annotations": LABELS})
_SERVICE: Final = fields(
    {
        **dict.fromkeys(("name", "portName", "appProtocol", "timeout", "backendTimeout"), text),
        "trafficDistribution": one_of("PreferClose", "PreferSameZone", "PreferSameNode"),
        "port": whole(1, 65_535),
        "targetPort": anything,
        **dict.fromkeys(("portDiscovery", "headless", "delegation"), switch),
        "meshName": text,
        **dict.fromkeys(("backends", "hosts", "gateways"), many(text)),
        **dict.fromkeys(("gatewayRefs", "match", "mirror"), many(mapping)),
        **dict.fromkeys(("retries", "rewrite", "headers", "corsPolicy", "trafficPolicy", "unmanagedMetadata"), mapping),
        **dict.fromkeys(("apex", "primary", "canary"), _EXTRA),
    },
    needed=("port",),
)
_METRIC: Final = fields(
    {
        "name": text,
        "interval": _times,
        "threshold": number,
        "thresholdRange": fields({"min": number, "max": number}),
        "query": text,
        "templateRef": _NAMED,
        "templateVariables": LABELS,
    },
    needed=("name",),
)
HOOKS: Final = (
    "",
    "confirm-rollout",
    "pre-rollout",
    "rollout",
    "confirm-traffic-increase",
    "confirm-promotion",
    "post-rollout",
    "rollback",
    "event",
)
"""When a webhook is called; without a type it is ``rollout``."""

_WEBHOOK: Final = fields(
    {
        "name": text,
        "type": one_of(*HOOKS),
        "url": text,
        "timeout": _times,
        "muteAlert": switch,
        "retries": whole(),
        "disableTLS": switch,
        "metadata": LABELS,
    },
    needed=("name", "url"),
)
_ALERT: Final = fields(
    {"name": text, "severity": one_of("", "info", "warn", "error"), "providerRef": _NAMED},
    needed=("name", "providerRef"),
)
_AFFINITY: Final = fields(
    {
        **dict.fromkeys(("cookieName", "primaryCookieName", "domain", "path"), text),
        **dict.fromkeys(("httpOnly", "partitioned", "secure"), switch),
        "maxAge": whole(),
        "sameSite": one_of("Strict", "Lax", "None"),
    },
    needed=("cookieName",),
)
_ANALYSIS: Final = fields(
    {
        "interval": _times,
        "threshold": whole(),
        "iterations": whole(),
        "maxWeight": whole(),
        "stepWeight": whole(),
        "stepWeights": many(whole()),
        "stepWeightPromotion": whole(0, 100),
        "mirror": switch,
        "mirrorWeight": whole(0, 100),
        "primaryReadyThreshold": whole(0, 100),
        "canaryReadyThreshold": whole(0, 100),
        "match": many(_MATCH),
        "metrics": many(_METRIC),
        "alerts": many(_ALERT),
        "webhooks": many(_WEBHOOK),
        "sessionAffinity": _AFFINITY,
    },
    needed=("interval", "threshold"),
)
PROVIDERS: Final = (
    *("istio", "linkerd", "nginx", "gatewayapi:v1", "gatewayapi:v1beta1", "kubernetes", "appmesh", "appmesh:v1beta2"),
    *("contour", "gloo", "apisix", "kuma", "knative", "osm", "skipper", "traefik"),
    *("smi:v1alpha1", "smi:v1alpha2", "smi:v1alpha3"),
)
"""What moves the traffic there; without one it is what Flagger was installed with."""

_REPLICAS: Final = fields({"minReplicas": whole(1), "maxReplicas": whole(1)})

CANARY: Final = fields(
    {
        **DOCUMENT,
        "spec": fields(
            {
                "provider": one_of(*PROVIDERS),
                "metricsServer": text,
                "insecureSkipVerify": switch,
                "progressDeadlineSeconds": whole(),
                "targetRef": _reference("Deployment", "DaemonSet", "Service"),
                "autoscalerRef": _reference(
                    "HorizontalPodAutoscaler",
                    "ScaledObject",
                    primaryScalerQueries=LABELS,
                    primaryScalerReplicas=_REPLICAS,
                ),
                "ingressRef": _reference("Ingress"),
                "routeRef": _reference("ApisixRoute"),
                "upstreamRef": _reference("Upstream", namespace=text),
                "service": _SERVICE,
                "skipAnalysis": switch,
                "revertOnDeletion": switch,
                "suspend": switch,
                "analysis": _ANALYSIS,
            },
            needed=("targetRef", "analysis"),
        ),
    },
    needed=("metadata", "spec"),
)

TEMPLATE: Final = fields(
    {
        **DOCUMENT,
        "spec": fields(
            {
                "provider": fields(
                    {
                        "type": one_of(
                            *("prometheus", "influxdb", "datadog", "externalmetrics", "stackdriver", "cloudwatch"),
                            *("newrelic", "graphite", "dynatrace", "keptn", "splunk"),
                        ),
                        "address": text,
                        "headers": named(many(text)),
                        "secretRef": fields({"name": text}, needed=("name",)),
                        "region": text,
                        "insecureSkipVerify": switch,
                    },
                    needed=("type",),
                ),
                "query": text,
            },
            needed=("provider", "query"),
        ),
    },
    needed=("metadata", "spec"),
)


def _address(data: Any, at: Path, made: Made) -> None:
    """A receiver is asked at an address, or at one that a Secret holds."""
    if isinstance(data, Mapping) and (data.get("address") is None) == (data.get("secretRef") is None):
        hint = "Flagger refuses it, too: write exactly one of them."
        made.wrong(at, "there is not exactly one of address and secretRef.", hint)
    fields(
        {
            "type": one_of("slack", "msteams", "discord", "rocket", "gchat"),
            **dict.fromkeys(("channel", "username", "address", "proxy"), text),
            "secretRef": fields({"name": text}, needed=("name",)),
        },
        needed=("type",),
    )(data, at, made)


ALERT_PROVIDER: Final = fields({**DOCUMENT, "spec": _address}, needed=("metadata", "spec"))
