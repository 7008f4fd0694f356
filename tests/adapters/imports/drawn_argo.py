"""Valid manifests of Argo Rollouts, drawn from all fields that they have. Used by the property tests."""

from typing import Any

from hypothesis import strategies as st
from tests.adapters.imports.drawn import (
    BESIDE,
    EXTRA,
    LABELS,
    NAME,
    SECONDS,
    WORD,
    Fields,
    called,
    document,
    several,
    some,
)

SHARE = st.sampled_from([1, 7, "1", "25%", "100%"])
GO = st.sampled_from(["0", "10s", "1m30s", "1.5h", "250ms", "+5s", ".5m"])
PODS = st.fixed_dictionaries(
    {
        "metadata": st.just({"labels": {"app": "x"}}),
        "spec": st.just({"containers": [{"name": "c", "image": "i:1", "resources": {"limits": {"cpu": 0.5}}}]}),
    }
)
TEMPLATES = ("success-rate", "errors", "nested", "elsewhere")


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


def routed(one: str, named: Any, several_of: str, beside: Fields, **needed: Any) -> st.SearchStrategy[dict[str, Any]]:
    """What is named once or several times, and what stands beside it."""
    ways = st.one_of(
        st.fixed_dictionaries({one: named}),
        st.fixed_dictionaries({several_of: several(named)}),
    )
    return st.tuples(ways, some(beside, **needed)).map(lambda two: two[0] | two[1])


RULE = st.just({"name": "d", "canarySubsetName": "c", "stableSubsetName": "s"})
NGINX: Fields = {"annotationPrefix": WORD, "additionalIngressAnnotations": LABELS, "canaryIngressAnnotations": LABELS}
ALB: Fields = {"annotationPrefix": WORD, "stickinessConfig": st.just({"enabled": True, "durationSeconds": 60})}
ROUTERS: Fields = {
    "istio": routed("virtualService", ISTIO_SERVICE, "virtualServices", {"destinationRule": RULE}),
    "nginx": routed("stableIngress", WORD, "stableIngresses", NGINX),
    "alb": routed("ingress", WORD, "ingresses", ALB, servicePort=st.just(80), rootService=st.just("root")),
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
    },
    count=st.sampled_from([9, "9"]),  # without one, only an analysis in the background may name the template
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


@st.composite
def manifests(draw: st.DrawFn) -> list[Any]:
    """Files of a team: Rollouts, some of their templates, and what stands beside."""
    rollouts = draw(st.lists(ROLLOUT, max_size=2, unique_by=called))
    templates = [draw(template(name)) for name in draw(st.lists(NAMED, max_size=3, unique=True)) if name != "elsewhere"]
    others = draw(st.lists(EXPERIMENT | BESIDE, max_size=1))
    return [*rollouts, *templates, *others] or [draw(ROLLOUT)]
