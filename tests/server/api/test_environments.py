"""Which applications run which version."""

from typing import Any

from croupier.core.flags.read import read_flag


async def test_who_runs_what(world: Any) -> None:
    flags = world.context.flags
    assert (await world.get("/environments")).json() == ["production"]
    empty = (await world.get("/environments/production/propagation")).json()
    assert (empty["clients"], empty["p99Ms"], empty["text"]) == (0, None, "0 of 0 on v0")
    now = world.context.ports.clock.now
    await flags.changes.declare([read_flag({"feature": "a"})], actor="test")
    for name in ("pod-1", "pod-2"):
        whole = flags.book.snapshot("production")
        flags.propagation.acknowledge(name, "production", whole.position, f"{whole.digest:064x}", held_s=0, now=now())
    await flags.changes.declare([read_flag({"feature": "b"})], actor="test")
    whole = flags.book.snapshot("production")
    digest = f"{whole.digest:064x}"
    flags.propagation.acknowledge("pod-1", "production", whole.position, digest, held_s=0.0, now=now(), sdk="x/1")
    flags.propagation.acknowledge("pod-3", "production", whole.position, "0" * 64, held_s=0.0, now=now())
    found = (await world.get("/environments/production/propagation")).json()
    assert (found["version"], found["clients"], found["current"], found["listening"]) == (2, 3, 2, 0)
    assert found["versions"] == [{"version": 2, "clients": 2}, {"version": 1, "clients": 1}]
    assert [(item["client"], item["version"]) for item in found["laggards"]] == [("pod-2", 1)]
    assert found["laggards"][0]["behindS"] >= 0
    assert found["differing"] == ["pod-3"]
    assert found["p99Ms"] >= found["p50Ms"] >= 0
    assert found["text"] == "2 of 3 on v2, 1 behind"
    assert (await world.get("/environments/moon/propagation")).status_code == 404
