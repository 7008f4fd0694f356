"""What drawn manifests of every tool share: words, metadata, what stands beside. Used by ``drawn_argo`` and others."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

Fields = Mapping[str, st.SearchStrategy[Any]]

WORD = st.sampled_from(["a", "b-c", "Shop", "x.y/z", "50%", "5s", "{{ version }}", "näher", "yes", "", "-"])
NAME = st.sampled_from(["wallet", "odds", "rounds-2", "a.b", "w" * 63])
LABELS = st.dictionaries(st.sampled_from(["app", "team", "example.com/owner"]), WORD, max_size=2)
EXTRA = st.fixed_dictionaries({}, optional={"labels": LABELS, "annotations": LABELS})
SECONDS = st.sampled_from([0, 1, 30, 3_600, 2**31 - 1])


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


BESIDE = st.sampled_from([
    {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}},
    {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "v"}, "spec": {}},
    {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"generateName": "d-"}},
])  # fmt: skip


def called(data: Mapping[str, Any]) -> str:
    return str(data["metadata"].get("name") or data["metadata"]["generateName"])
