"""The fields of Argo's Rollout and Experiment, as its CRDs have them. Called by ``rollout`` and ``experiment``."""

from typing import Final

from croupier.adapters.imports.argo.pods import PODS
from croupier.adapters.imports.kubernetes import DOCUMENT, LABELS
from croupier.adapters.imports.shape import (
    Shape,
    anything,
    duration,
    fields,
    many,
    mapping,
    named,
    one_of,
    share_or_count,
    switch,
    text,
    whole,
)

_EXTRA: Final = fields({"labels": LABELS, "annotations": LABELS})
_DRY: Final = fields({"metricName": text}, needed=("metricName",))
_RETENTION: Final = fields({"metricName": text, "limit": whole()}, needed=("metricName", "limit"))
_ARG: Final = fields(
    {
        "name": text,
        "value": text,
        "valueFrom": fields(
            {
                "podTemplateHashValue": one_of("Stable", "Latest"),
                "fieldRef": fields({"fieldPath": text}, needed=("fieldPath",)),
            }
        ),
    },
    needed=("name",),
)
_ANALYSIS: Final[dict[str, Shape]] = {
    "templates": many(fields({"templateName": text, "clusterScope": switch}, needed=("templateName",))),
    "args": many(_ARG),
    "dryRun": many(_DRY),
    "measurementRetention": many(_RETENTION),
    "analysisRunMetadata": _EXTRA,
}
_ASKED: Final = fields(_ANALYSIS)
_ANALYSES: Final = many(
    fields(
        {
            "name": text,
            "templateName": text,
            "clusterScope": switch,
            "args": many(_ARG),
            "requiredForCompletion": switch,
        },
        needed=("name", "templateName"),
    )
)
_MATCH: Final = fields({"exact": text, "prefix": text, "regex": text})
_POD_SERVICE: Final = fields({"name": text, "ports": many(mapping)})
_EXPERIMENT_STEP: Final = fields(
    {
        "templates": many(
            fields(
                {
                    "name": text,
                    "specRef": one_of("canary", "stable"),
                    "replicas": whole(),
                    "metadata": _EXTRA,
                    "selector": mapping,
                    "weight": whole(0, 100),
                    "service": _POD_SERVICE,
                },
                needed=("name", "specRef"),
            )
        ),
        "duration": duration,
        "analyses": _ANALYSES,
        "dryRun": many(_DRY),
        "analysisRunMetadata": _EXTRA,
    },
    needed=("templates",),
)

STEP: Final[dict[str, Shape]] = {
    "setWeight": whole(),
    "pause": fields({"duration": anything}),
    "analysis": _ASKED,
    "experiment": _EXPERIMENT_STEP,
    "setCanaryScale": fields({"weight": whole(), "replicas": whole(), "matchTrafficWeight": switch}),
    "setHeaderRoute": fields(
        {
            "name": text,
            "match": many(
                fields({"headerName": text, "headerValue": _MATCH}, needed=("headerName", "headerValue")),
            ),
        }
    ),
    "setMirrorRoute": fields(
        {
            "name": text,
            "match": many(fields({"method": _MATCH, "path": _MATCH, "headers": named(_MATCH)})),
            "percentage": whole(0, 100),
        },
        needed=("name",),
    ),
    "plugin": fields({"name": text, "config": anything, "disabled": switch}, needed=("name",)),
}
"""What a step may be."""

_VIRTUAL_SERVICE: Final = fields(
    {
        "name": text,
        "routes": many(text),
        "tlsRoutes": many(fields({"port": whole(), "sniHosts": many(text)})),
        "tcpRoutes": many(fields({"port": whole()})),
    },
    needed=("name",),
)
_NODE: Final = fields({"name": text}, needed=("name",))
_STICKY: Final = fields({"enabled": switch, "durationSeconds": whole()}, needed=("enabled", "durationSeconds"))

ROUTERS: Final[dict[str, Shape]] = {
    "istio": fields(
        {
            "virtualService": _VIRTUAL_SERVICE,
            "virtualServices": many(_VIRTUAL_SERVICE),
            "destinationRule": fields(
                {"name": text, "canarySubsetName": text, "stableSubsetName": text},
                needed=("name", "canarySubsetName", "stableSubsetName"),
            ),
        }
    ),
    "nginx": fields(
        {
            "annotationPrefix": text,
            "stableIngress": text,
            "stableIngresses": many(text),
            "additionalIngressAnnotations": LABELS,
            "canaryIngressAnnotations": LABELS,
        }
    ),
    "alb": fields(
        {
            "ingress": text,
            "ingresses": many(text),
            "servicePort": whole(),
            "rootService": text,
            "annotationPrefix": text,
            "stickinessConfig": _STICKY,
        },
        needed=("servicePort",),
    ),
    "smi": fields({"rootService": text, "trafficSplitName": text}),
    "ambassador": fields({"mappings": many(text)}, needed=("mappings",)),
    "appMesh": fields(
        {
            "virtualService": fields({"name": text, "routes": many(text)}, needed=("name",)),
            "virtualNodeGroup": fields(
                {"canaryVirtualNodeRef": _NODE, "stableVirtualNodeRef": _NODE},
                needed=("canaryVirtualNodeRef", "stableVirtualNodeRef"),
            ),
        }
    ),
    "traefik": fields({"weightedTraefikServiceName": text}, needed=("weightedTraefikServiceName",)),
    "apisix": fields({"route": fields({"name": text, "rules": many(text)}, needed=("name",))}),
    "plugins": named(anything),
}
_ROUTING: Final = fields(
    {
        **ROUTERS,
        "managedRoutes": many(fields({"name": text}, needed=("name",))),
        "maxTrafficWeight": whole(1),
    }
)
_AFFINITY: Final = fields(
    {
        "preferredDuringSchedulingIgnoredDuringExecution": fields({"weight": whole(1, 100)}, needed=("weight",)),
        "requiredDuringSchedulingIgnoredDuringExecution": fields({}),
    }
)
_BOTH: Final[dict[str, Shape]] = {
    "maxUnavailable": share_or_count,
    "antiAffinity": _AFFINITY,
    "scaleDownDelaySeconds": whole(),
    "scaleDownDelayRevisionLimit": whole(),
    "abortScaleDownDelaySeconds": whole(),
}
_CANARY: Final = fields(
    {
        **_BOTH,
        "canaryService": text,
        "stableService": text,
        "steps": many(fields(STEP)),
        "trafficRouting": _ROUTING,
        "maxSurge": share_or_count,
        "analysis": fields({**_ANALYSIS, "startingStep": whole()}),
        "canaryMetadata": _EXTRA,
        "stableMetadata": _EXTRA,
        "dynamicStableScale": switch,
        "pingPong": fields({"pingService": text, "pongService": text}, needed=("pingService", "pongService")),
        "minPodsPerReplicaSet": whole(1),
        "replicaProgressThreshold": fields({"type": one_of("Pod", "Percent"), "value": whole()}),
    }
)
_BLUE_GREEN: Final = fields(
    {
        **_BOTH,
        "activeService": text,
        "previewService": text,
        "previewReplicaCount": whole(),
        "autoPromotionEnabled": switch,
        "autoPromotionSeconds": whole(),
        "prePromotionAnalysis": _ASKED,
        "postPromotionAnalysis": _ASKED,
        "previewMetadata": _EXTRA,
        "activeMetadata": _EXTRA,
    },
    needed=("activeService",),
)

ROLLOUT: Final = fields(
    {
        **DOCUMENT,
        "spec": fields(
            {
                "replicas": whole(),
                "selector": mapping,
                "template": PODS,
                "workloadRef": fields(
                    {
                        "apiVersion": text,
                        "kind": text,
                        "name": text,
                        "scaleDown": one_of("never", "onsuccess", "progressively"),
                    },
                    needed=("name",),
                ),
                "minReadySeconds": whole(),
                "rollbackWindow": fields({"revisions": whole()}),
                "strategy": fields({"canary": _CANARY, "blueGreen": _BLUE_GREEN}),
                "revisionHistoryLimit": whole(),
                "paused": switch,
                "progressDeadlineSeconds": whole(),
                "progressDeadlineAbort": switch,
                "restartAt": text,
                "analysis": fields({"successfulRunHistoryLimit": whole(), "unsuccessfulRunHistoryLimit": whole()}),
            },
            needed=("strategy",),
        ),
    },
    needed=("metadata", "spec"),
)

EXPERIMENT: Final = fields(
    {
        **DOCUMENT,
        "spec": fields(
            {
                "templates": many(
                    fields(
                        {
                            "name": text,
                            "replicas": whole(),
                            "minReadySeconds": whole(),
                            "selector": mapping,
                            "template": PODS,
                            "service": _POD_SERVICE,
                        },
                        needed=("name", "selector", "template"),
                    )
                ),
                "duration": duration,
                "progressDeadlineSeconds": whole(),
                "terminate": switch,
                "analyses": _ANALYSES,
                "dryRun": many(_DRY),
                "measurementRetention": many(_RETENTION),
                "analysisRunMetadata": _EXTRA,
                "scaleDownDelaySeconds": whole(),
            },
            needed=("templates",),
        ),
    },
    needed=("metadata", "spec"),
)
