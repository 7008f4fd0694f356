"""Valid manifests of Argo Rollouts and Flagger, drawn from all fields that they have. Used by the property tests."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

Fields = Mapping[str, st.SearchStrategy[Any]]

WORD = st.sampled_from(["a", "b-c", "Shop", "x.y/z", "50%", "5s", "{{ version }}", "näher", "yes", "", "-"])
NAME = st.sampled_from(["wallet", "odds", "rounds-2", "a.b", "w" * 63])
LABELS = st.dictionaries(st.sampled_from(["app", "team", "example.com/owner"]), WORD, max_size=2)
EXTRA = st.fixed_dictionaries({}, optional={"labels": LABELS, "annotations": LABELS})
SECONDS = st.sampled_from([0, 1, 30, 3_600, 2**31 - 1])
SHARE = st.sampled_from([1, 7, "1", "25%", "100%"])
GO = st.sampled_from(["0", "10s", "1m30s", "1.5h", "250ms", "+5s", ".5m"])
PODS = st.fixed_dictionaries(
    {"metadata": st.just({"labels": {"app": "x"}})},
    optional={"spec": st.just({"containers": [{"name": "c", "image": "i:1", "ports": [{"containerPort": 80}]}]})},
)
TEMPLATES = ("success-rate", "errors", "nested", "elsewhere")


def some(fields: Fields, **needed: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping with the needed fields and any of the others."""
    return st.fixed_dictionaries(needed, optional=dict(fields))


def several(each: st.SearchStrategy[Any], most: int = 2) -> st.SearchStrategy[list[Any]]:
    return st.lists(each, min_size=1, max_size=most)


METADATA = {
    "namespace": NAME,
    "labels": LABELS,
    "annotations": LABELS,
    "creationTimestamp": st.sampled_from([None, "2026-01-01T00:00:00Z"]),
    "generation": st.just(3),
    "finalizers": st.just(["f"]),
    "managedFields": st.just([{"manager": "kubectl"}]),
}


def document(version: str, kind: str, name: st.SearchStrategy[str], spec: st.SearchStrategy[Any]) -> Any:
    called = some({**METADATA, "generateName": st.just("n-")}, name=name) | some(METADATA, generateName=name)
    return some(
        {"status": st.sampled_from([{}, {"phase": "Healthy"}])},
        apiVersion=st.just(version),
        kind=st.just(kind),
        metadata=called,
        spec=spec,
    )


ARGO = "argoproj.io/v1alpha1"
SOURCE = st.sampled_from([
    {"podTemplateHashValue": "Stable"},
    {"podTemplateHashValue": "Latest"},
    {"fieldRef": {"fieldPath": "metadata.labels['app']"}},
    {"fieldRef": {"fieldPath": "status.phase"}},
])  # fmt: skip


def args(names: list[str]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """What a Rollout gives to its templates: a value, or where it comes from."""
    value = st.fixed_dictionaries({"value": st.sampled_from(["1", "9m", "x y", ""])})
    given = value | st.fixed_dictionaries({"valueFrom": SOURCE})
    pairs = st.lists(st.tuples(st.sampled_from(names), given), unique_by=lambda pair: pair[0], max_size=3)
    return pairs.map(lambda found: [{"name": name, **each} for name, each in found])


ARGS = args(["service", "region", "unheard-of"])
NAMED = st.sampled_from(TEMPLATES)
DRY = several(st.just({"metricName": "rate"}))
KEPT = several(st.fixed_dictionaries({"metricName": st.just("rate"), "limit": st.sampled_from([0, 3, 500])}))
ANALYSIS = some(
    {"args": ARGS, "dryRun": DRY, "measurementRetention": KEPT, "analysisRunMetadata": EXTRA},
    templates=several(some({"clusterScope": st.booleans()}, templateName=NAMED)),
)
ANALYSES = several(
    some(
        {"clusterScope": st.booleans(), "args": ARGS, "requiredForCompletion": st.booleans()},
        name=WORD,
        templateName=NAMED,
    )
)
WAY = st.sampled_from([{"exact": "GET"}, {"prefix": "/a"}, {"regex": ".*"}])


def experiment(weights: bool) -> st.SearchStrategy[dict[str, Any]]:
    beside: Fields = {
        "replicas": st.integers(0, 3),
        "metadata": EXTRA,
        "selector": st.just({"matchLabels": {"app": "x"}}),
        "service": st.sampled_from([{}, {"name": "s"}, {"ports": [{"port": 80}]}]),
        **({"weight": st.integers(0, 100)} if weights else {}),
    }
    return some(
        {"duration": GO, "analyses": ANALYSES, "dryRun": DRY, "analysisRunMetadata": EXTRA},
        templates=several(some(beside, name=WORD, specRef=st.sampled_from(["canary", "stable"]))),
    )


ISTIO_SERVICE = some(
    {
        "routes": several(WORD),
        "tlsRoutes": several(some({"port": st.just(443), "sniHosts": several(WORD)})),
        "tcpRoutes": several(some({"port": st.just(443)})),
    },
    name=WORD,
)
ROUTERS: Fields = {
    "istio": some({
        "virtualService": ISTIO_SERVICE,
        "virtualServices": several(ISTIO_SERVICE),
        "destinationRule": st.just({"name": "d", "canarySubsetName": "c", "stableSubsetName": "s"}),
    }),
    "nginx": some({
        "stableIngress": WORD,
        "stableIngresses": several(WORD),
        "annotationPrefix": WORD,
        "additionalIngressAnnotations": LABELS,
        "canaryIngressAnnotations": LABELS,
    }),
    "alb": some(
        {
            "ingress": WORD,
            "ingresses": several(WORD),
            "annotationPrefix": WORD,
            "stickinessConfig": st.just({"enabled": True, "durationSeconds": 60}),
        },
        servicePort=st.just(80),
        rootService=st.just("root"),
    ),
    "smi": some({"rootService": WORD, "trafficSplitName": WORD}),
    "ambassador": st.just({"mappings": ["m"]}),
    "appMesh": some({"virtualService": some({"routes": several(WORD)}, name=WORD)}),
    "traefik": st.just({"weightedTraefikServiceName": "t"}),
    "apisix": some({"route": some({"rules": several(WORD)}, name=WORD)}),
    "plugins": st.just({"argoproj-labs/gatewayAPI": {"httpRoute": "r"}}),
}  # fmt: skip
BOTH: Fields = {
    "maxUnavailable": SHARE,
    "antiAffinity": st.sampled_from([
        {"preferredDuringSchedulingIgnoredDuringExecution": {"weight": 1}},
        {"requiredDuringSchedulingIgnoredDuringExecution": {}},
    ]),
    "abortScaleDownDelaySeconds": SECONDS,
    "scaleDownDelayRevisionLimit": st.integers(0, 2),
}  # fmt: skip


@st.composite
def canary(draw: st.DrawFn) -> dict[str, Any]:
    """A strategy whose steps are valid beside its routers."""
    routers = draw(st.lists(st.sampled_from(sorted(ROUTERS)), unique=True, max_size=3))
    routing: dict[str, Any] = {name: draw(ROUTERS[name]) for name in routers}
    steps: dict[str, st.SearchStrategy[Any]] = {
        "pause": some({"duration": st.sampled_from([0, 30, "30", "10m", "-0s", "9999h", 2**31 - 1, None]) | GO}),
        "analysis": ANALYSIS,
        "experiment": experiment(bool({"istio", "alb", "smi"} & set(routers))),
        "plugin": some({"config": st.just({"a": [1]}), "disabled": st.booleans()}, name=WORD),
    }
    found = draw(
        some({
            **BOTH,
            "maxSurge": SHARE,
            "analysis": st.tuples(ANALYSIS, some({"startingStep": st.integers(0, 3)})).map(lambda two: two[0] | two[1]),
            "canaryMetadata": EXTRA,
            "stableMetadata": EXTRA,
            "minPodsPerReplicaSet": st.integers(1, 3),
            "replicaProgressThreshold": st.sampled_from([{"type": "Pod", "value": 1}, {"type": "Percent"}]),
        })
    )  # fmt: skip
    most = 100
    if routers or bool(draw(st.booleans())):
        found |= {"canaryService": "c", "stableService": "s"}
        most = draw(st.sampled_from([100, 1000])) if {"nginx", "istio", "plugins"} & set(routers) else 100
        found["trafficRouting"] = routing | ({"maxTrafficWeight": most} if most != 100 else {})
        found |= draw(some({"dynamicStableScale": st.just(True)}) | some({"scaleDownDelaySeconds": SECONDS}))
        if {"alb", "istio"} & set(routers):
            found |= draw(some({"pingPong": st.just({"pingService": "ping", "pongService": "pong"})}))
    if routers:
        steps["setCanaryScale"] = some({
            "weight": st.integers(0, 100), "replicas": st.integers(0, 9), "matchTrafficWeight": st.booleans(),
        })  # fmt: skip
    if {"istio", "alb", "apisix", "plugins"} & set(routers):
        found["trafficRouting"]["managedRoutes"] = [{"name": "Route.1"}]
        value = st.just({"exact": "v"}) if "alb" in routers else WAY
        match = st.fixed_dictionaries({"headerName": WORD, "headerValue": value})
        steps["setHeaderRoute"] = some({"match": several(match)}, name=st.just("Route.1"))
    if {"istio", "plugins"} & set(routers):
        match = some({"method": WAY, "path": WAY, "headers": st.dictionaries(st.just("x-a"), WAY, max_size=1)})
        steps["setMirrorRoute"] = some(
            {"match": several(match), "percentage": st.integers(0, 100)}, name=st.just("Route.1")
        )
    kinds = draw(st.lists(st.sampled_from(["setWeight", *sorted(steps)]), max_size=6))
    weights = st.integers(0, most)
    if kinds or bool(draw(st.booleans())):
        found["steps"] = [{kind: draw(weights if kind == "setWeight" else steps[kind])} for kind in kinds]
    return found


BLUE_GREEN = some(
    {
        **BOTH,
        "scaleDownDelaySeconds": SECONDS,
        "previewService": st.just("preview"),
        "previewReplicaCount": st.integers(0, 3),
        "autoPromotionEnabled": st.booleans(),
        "autoPromotionSeconds": SECONDS,
        "prePromotionAnalysis": ANALYSIS,
        "postPromotionAnalysis": ANALYSIS,
        "previewMetadata": EXTRA,
        "activeMetadata": EXTRA,
    },
    activeService=st.just("active"),
)
AROUND: Fields = {
    "replicas": st.integers(0, 9),
    "minReadySeconds": st.sampled_from([0, 5]),
    "rollbackWindow": st.sampled_from([{}, {"revisions": 3}]),
    "revisionHistoryLimit": st.integers(2, 12),
    "paused": st.booleans(),
    "progressDeadlineSeconds": st.sampled_from([6, 600, 2**31 - 1]),
    "progressDeadlineAbort": st.booleans(),
    "restartAt": st.just("2026-01-01T00:00:00Z"),
    "analysis": some({"successfulRunHistoryLimit": st.just(1), "unsuccessfulRunHistoryLimit": st.just(1)}),
}
STRATEGY = st.fixed_dictionaries({"canary": canary()}) | st.fixed_dictionaries({"blueGreen": BLUE_GREEN})
REFERENCE = some({"apiVersion": WORD, "kind": WORD, "scaleDown": st.just("never")}, name=WORD)
ROLLOUT = document(
    ARGO,
    "Rollout",
    NAME,
    some(AROUND, strategy=STRATEGY, template=PODS, selector=st.just({"matchLabels": {"app": "x"}}))
    | some(AROUND, strategy=STRATEGY, workloadRef=REFERENCE),
)
HEADERS = st.just([{"key": "Authorization", "value": "Bearer {{args.token}}"}])
PROVIDER = st.one_of(
    st.fixed_dictionaries({
        "prometheus": some(
            {
                "address": st.just("http://p:9090"),
                "timeout": st.sampled_from([0, 5, 600]),
                "insecure": st.booleans(),
                "headers": HEADERS,
                "caCert": WORD,
                "authentication": st.sampled_from([{}, {"sigv4": {"region": "eu"}}]),
            },
            query=st.sampled_from(["up", "sum(up{s='{{args.service}}'})\n"]),
        )
    }),
    st.just({"prometheus": {"query": "up", "rangeQuery": {"start": "a", "end": "b", "step": "1m"}}}),
    st.fixed_dictionaries({
        "web": some(
            {
                "timeoutSeconds": st.sampled_from([0, 5, 600]),
                "insecure": st.booleans(),
                "headers": HEADERS,
                "jsonPath": st.just("{$.data}"),
                "authentication": st.sampled_from([{}, {"oauth2": {"tokenUrl": "https://t"}}]),
            },
            url=st.just("https://x/{{args.service}}"),
        )
    }),
    st.fixed_dictionaries({
        "web": some({}, url=st.just("https://x/"), method=st.just("POST"), jsonBody=st.just({"a": ["{{args.pace}}"]}))
    }),
    st.sampled_from([
        {"job": {"spec": {"template": {"spec": {"containers": []}}}}},
        {"datadog": {"query": "q", "interval": "5m"}},
        {"newRelic": {"query": "q"}},
        {"wavefront": {"query": "q"}},
        {"cloudWatch": {"metricDataQueries": [{"id": "a"}]}},
        {"graphite": {"query": "q"}},
        {"influxdb": {"query": "q"}},
        {"skywalking": {"query": "q"}},
        {"kayenta": {"address": "a", "scopes": []}},
        {"plugin": {"a/b": {"c": 1}}},
    ]),
)  # fmt: skip
METRIC = some(
    {
        "initialDelay": st.sampled_from(["30s", "{{args.pace}}"]),
        "successCondition": st.sampled_from(["result[0] >= 0.95", "all(result, # < {{args.limit}})"]),
        "failureCondition": st.just("isNaN(result[0]) || result[0] > 5"),
        "failureLimit": st.sampled_from([0, 2, "2", "{{args.limit}}"]),
        "inconclusiveLimit": st.sampled_from([0, 1]),
        "consecutiveErrorLimit": st.sampled_from([0, 4]),
        "consecutiveSuccessLimit": st.sampled_from([0, 2]),
        "count": st.sampled_from([0, 9, "9"]),
    },
    interval=st.sampled_from(["1m", "{{ args.pace }}"]),
    provider=PROVIDER,
)
ARGUMENTS = st.lists(
    some({}, name=st.just("region"))
    | some({}, name=st.just("region"), value=st.just("eu"))
    | some({}, name=st.just("region"), valueFrom=st.just({"fieldRef": {"fieldPath": "metadata.name"}})),
    max_size=1,
).map(
    lambda more: [
        {"name": "service"},
        {"name": "pace", "value": "30s"},
        {"name": "limit", "value": "3"},
        {"name": "token", "valueFrom": {"secretKeyRef": {"name": "shop", "key": "token"}}},
        *more,
    ]
)


@st.composite
def template(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """One with metrics of the names rate, rate-2, …, or one that takes others in."""
    found = draw(
        document(
            ARGO,
            draw(st.sampled_from(["AnalysisTemplate", "ClusterAnalysisTemplate"])),
            st.just(name),
            some({"dryRun": DRY, "measurementRetention": KEPT}, args=ARGUMENTS, metrics=several(METRIC)),
        )
    )
    for position, metric in enumerate(found["spec"]["metrics"]):
        metric["name"] = "rate" if not position else f"rate-{position + 1}"
    if name == "nested":
        found["spec"] = {"args": found["spec"]["args"], "templates": [{"templateName": each} for each in TEMPLATES]}
    return dict(found)


EXPERIMENT = document(
    ARGO,
    "Experiment",
    NAME,
    some(
        {
            "duration": GO,
            "progressDeadlineSeconds": SECONDS,
            "terminate": st.booleans(),
            "analyses": ANALYSES,
            "dryRun": DRY,
            "measurementRetention": KEPT,
            "analysisRunMetadata": EXTRA,
            "scaleDownDelaySeconds": SECONDS,
        },
        templates=several(
            some(
                {"replicas": SECONDS, "minReadySeconds": SECONDS, "service": st.just({"ports": [{"port": 1}]})},
                name=WORD,
                selector=st.just({"matchLabels": {"app": "x"}}),
                template=PODS,
            )
        ),
    ),
)
BESIDE = st.sampled_from([
    {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}},
    {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "v"}, "spec": {}},
    {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"generateName": "d-"}},
])  # fmt: skip


@st.composite
def argo(draw: st.DrawFn) -> list[Any]:
    """Files of a team: Rollouts, some of their templates, and what stands beside."""
    rollouts = draw(st.lists(ROLLOUT, max_size=2, unique_by=called))
    templates = [draw(template(name)) for name in draw(st.lists(NAMED, max_size=3, unique=True)) if name != "elsewhere"]
    others = draw(st.lists(EXPERIMENT | BESIDE, max_size=1))
    return [*rollouts, *templates, *others] or [draw(ROLLOUT)]


def called(data: Mapping[str, Any]) -> str:
    return str(data["metadata"].get("name") or data["metadata"]["generateName"])


FLAGGER = "flagger.app/v1beta1"
TIMES = st.sampled_from(["0s", "5s", "15s", "1m", "90m", "1min", "99999999999s", "3000000m"])
RANGE = st.sampled_from([{}, {"min": 99}, {"max": 500}, {"min": 0.5, "max": 99.95}, {"max": 0}, {"min": 120, "max": 3}])
KEYED = st.fixed_dictionaries({"apiVersion": WORD, "kind": st.just("Ingress"), "name": WORD})
HOOK = some(
    {
        "type": st.sampled_from([
            "", "confirm-rollout", "pre-rollout", "rollout", "confirm-traffic-increase", "confirm-promotion",
            "post-rollout", "rollback", "event",
        ]),
        "timeout": TIMES,
        "muteAlert": st.booleans(),
        "retries": st.integers(0, 3),
        "disableTLS": st.booleans(),
        "metadata": st.just({"cmd": "hey -z 1m"}),
    },
    name=WORD,
    url=st.just("http://checks.casino/"),
)  # fmt: skip
CHECKED = some(
    {
        "interval": TIMES,
        "threshold": st.sampled_from([0, 99, 500.5]),
        "thresholdRange": RANGE,
        "query": st.sampled_from(["", "sum(up)\n"]),
        "templateRef": some({"namespace": st.just("shop")}, name=st.sampled_from(["rounds", "elsewhere"])),
        "templateVariables": st.just({"direction": "in"}),
    },
    name=st.sampled_from(["request-success-rate", "request-duration", "404s percentage", "rounds", "ß"]),
)
HEADER = st.sampled_from([{"exact": "y"}, {"prefix": "y"}, {"suffix": "y"}, {"regex": "y"}])
PLAYERS = some({
    "headers": st.dictionaries(st.sampled_from(["cookie", "X-Canary", "x-market", "1"]), HEADER, max_size=2),
    "queryParams": st.dictionaries(WORD, HEADER, max_size=1),
    "sourceLabels": LABELS,
})  # fmt: skip
LOOKED: Fields = {
    "maxWeight": st.sampled_from([0, 1, 50, 100]),
    "stepWeightPromotion": st.integers(0, 100),
    "mirror": st.booleans(),
    "mirrorWeight": st.integers(0, 100),
    "primaryReadyThreshold": st.sampled_from([50, 100]),
    "canaryReadyThreshold": st.sampled_from([50, 100]),
    "match": several(PLAYERS),
    "metrics": st.lists(CHECKED, max_size=3),
    "alerts": st.lists(
        some(
            {"severity": st.sampled_from(["", "info", "warn", "error"])},
            name=WORD,
            providerRef=some({"namespace": NAME}, name=WORD),
        ),
        max_size=1,
    ),
    "webhooks": st.lists(HOOK, max_size=3),
    "sessionAffinity": some(
        {"maxAge": SECONDS, "domain": WORD, "secure": st.booleans(), "sameSite": st.just("Lax")}, cookieName=WORD
    ),
}
WAYS_UP = st.sampled_from([
    {"stepWeight": 9}, {"stepWeight": 30}, {"stepWeight": 100}, {"stepWeights": [1, 2, 80]}, {"iterations": 1},
    {"iterations": 2**31 - 1},
])  # fmt: skip
LOOKS = st.tuples(some(LOOKED, interval=TIMES, threshold=st.sampled_from([0, 1, 10, 2**31 - 1])), WAYS_UP).map(
    lambda two: two[0] | two[1]
)
SERVED = some(
    {
        "name": NAME,
        **dict.fromkeys(("portName", "appProtocol", "timeout", "backendTimeout", "meshName"), WORD),
        "targetPort": st.sampled_from([80, "http"]),
        **dict.fromkeys(("portDiscovery", "headless", "delegation"), st.booleans()),
        **dict.fromkeys(("backends", "hosts", "gateways"), several(WORD)),
        **dict.fromkeys(("gatewayRefs", "match", "mirror"), st.just([{"name": "g"}])),
        **dict.fromkeys(("retries", "rewrite", "headers", "corsPolicy", "trafficPolicy"), st.just({"a": {"b": 1}})),
        "unmanagedMetadata": st.just({"labels": ["a"]}),
        **dict.fromkeys(("apex", "primary", "canary"), EXTRA),
    },
    port=st.just(80),
)
CANARY = document(
    FLAGGER,
    "Canary",
    NAME,
    some(
        {
            "provider": st.sampled_from(["istio", "gatewayapi:v1", "nginx"]),
            "metricsServer": st.just("http://p:9090"),
            "insecureSkipVerify": st.booleans(),
            "progressDeadlineSeconds": SECONDS,
            "autoscalerRef": st.just({
                "apiVersion": "keda.sh/v1alpha1",
                "kind": "ScaledObject",
                "name": "s",
                "primaryScalerQueries": {"q": "up"},
                "primaryScalerReplicas": {"minReplicas": 1},
            }),
            "ingressRef": KEYED,
            "routeRef": KEYED,
            "upstreamRef": KEYED,
            "service": SERVED,
            "skipAnalysis": st.booleans(),
            "revertOnDeletion": st.booleans(),
            "suspend": st.booleans(),
        },
        targetRef=st.just({"apiVersion": "apps/v1", "kind": "Deployment", "name": "wallet"}),
        analysis=LOOKS,
    ),
)  # fmt: skip
MEASURED = some(
    {
        "address": st.just("http://p:9090"),
        "headers": st.just({"X-Scope-OrgID": ["a", "b"]}),
        "secretRef": st.just({"name": "s"}),
        "region": WORD,
        "insecureSkipVerify": st.booleans(),
    },
    type=st.sampled_from(["prometheus", "prometheus", "prometheus", "datadog", "keptn"]),
)
QUERY = st.sampled_from([
    "up",
    'sum(rate(x{w="{{ target }}",n="{{ namespace }}",d="{{ variables.direction }}"}[{{ interval }}]))',
])  # fmt: skip
METRIC_TEMPLATE = document(
    FLAGGER, "MetricTemplate", st.just("rounds"), st.fixed_dictionaries({"provider": MEASURED, "query": QUERY})
)


@st.composite
def flagger(draw: st.DrawFn) -> list[Any]:
    """Files of a team: Canaries, their MetricTemplate, and what stands beside."""
    canaries = draw(st.lists(CANARY, min_size=1, max_size=2, unique_by=called))
    return [*canaries, *draw(st.lists(METRIC_TEMPLATE, max_size=1)), *draw(st.lists(BESIDE, max_size=1))]
