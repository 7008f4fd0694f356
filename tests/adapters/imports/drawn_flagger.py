"""Valid manifests of Flagger, drawn from all fields that they have. Used by the property tests."""

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

from croupier.adapters.imports.flagger.shape import PROVIDERS

FLAGGER = "flagger.app/v1beta1"
TIMES = st.sampled_from(["0s", "5s", "15s", "1m", "90m", "1min", "99999999999s", "3000000m"])
RANGE = st.sampled_from([{}, {"min": 99}, {"max": 500}, {"min": 0.5, "max": 99.95}, {"max": 0}, {"min": 120, "max": 3}])


def keyed(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"apiVersion": WORD, "kind": st.just(kind), "name": WORD})


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
    "queryParams": st.dictionaries(WORD, HEADER.filter(lambda way: "suffix" not in way), max_size=1),
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
            "provider": st.sampled_from(PROVIDERS),
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
            "ingressRef": keyed("Ingress"),
            "routeRef": keyed("ApisixRoute"),
            "upstreamRef": keyed("Upstream"),
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
def manifests(draw: st.DrawFn) -> list[Any]:
    """Files of a team: Canaries, their MetricTemplate, and what stands beside."""
    canaries = draw(st.lists(CANARY, min_size=1, max_size=2, unique_by=called))
    return [*canaries, *draw(st.lists(METRIC_TEMPLATE, max_size=1)), *draw(st.lists(BESIDE, max_size=1))]
