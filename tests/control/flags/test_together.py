"""Flags, presets, segments and other documents of one file set: one commit, or none."""

from dataclasses import replace
from typing import Any

import pytest

from croupier.control.catalog import Catalog
from croupier.control.flags.together import Placed, Together, together
from croupier.control.ports import Document, Ports
from croupier.control.reconcile import Reconciler
from croupier.core.flags.preset import read_preset
from croupier.core.flags.read import read_flag
from croupier.core.segments import AttributeMatch, Segment
from croupier.errors import Conflict, Rejected
from croupier.testing import MemoryRouter, MemorySpool, MemoryWorkloads, ScriptedMetrics

FLAG = {"feature": "lobby", "rules": [{"if": "segment('vip')"}]}
PRESET = {"name": "p", "changes": [{"flag": "lobby", "kill": True}]}


@pytest.fixture
def catalog(plane: Any) -> Catalog:
    router = MemoryRouter(plane.clock)
    ports = Ports(
        store=plane.store,
        leases=plane.store.leases,
        journal=plane.store,
        spool=MemorySpool(),
        router=router,
        workloads=MemoryWorkloads(plane.clock),
        metrics=ScriptedMetrics(plane.clock, router),
        clock=plane.clock,
    )
    return Catalog(ports, Reconciler(ports, holder="a"))


def segment(*values: str) -> Document:
    return Document("Segment", "vip", f"sha256:{values}", Segment("vip", (AttributeMatch("tier", values),)), {})


async def joined(plane: Any, *flags: dict[str, Any], presets: Any = (), segments: Any = ("vip",)) -> Together:
    wanted = [Placed(read_preset(item), lambda path: ("preset", *path)) for item in presets]
    made = [Placed(read_flag(item), lambda path: ("flag", *path)) for item in flags]
    return await together(
        plane.flags.changes, plane.flags.presets, made, wanted, actor="anna", reason="files", segments=segments
    )


async def test_all_of_it_is_one_commit_under_one_version(plane: Any, catalog: Catalog, another: Any) -> None:
    part = await joined(plane, FLAG, presets=[PRESET])
    dry = await catalog.apply([segment("gold")], (), actor="anna", dry_run=True, flags=part)
    assert (await plane.store.head()).size == 0
    applied = await catalog.apply([segment("gold")], (), actor="anna", flags=part)
    assert applied == dry
    assert [(item.kind, item.name, item.effect.value) for item in applied] == [
        ("Segment", "vip", "created"),
        ("Flag", "lobby", "created"),
        ("Preset", "p", "created"),
    ]
    assert [item.field for item in part.warnings] == ["flag.owner", "flag.expires_at"]
    assert [item.entry.subject for item in await plane.store.entries()] == [
        "document/Segment/vip",
        "flag/lobby",
        "preset/p",
    ]
    assert plane.flags.book.version == 1
    assert plane.answer("lobby", tier="gold") == "on"
    assert (await another()).flags.book.snapshot("production") == plane.flags.book.snapshot("production")
    assert (await plane.store.verify()).ok

    part = await joined(plane, {**FLAG, "default": "on"}, presets=[{**PRESET, "description": "x"}])
    changed = await catalog.apply([segment("gold")], (), actor="anna", flags=part)
    assert [item.effect.value for item in changed] == ["unchanged", "updated", "updated"]
    part = await joined(plane, {**FLAG, "default": "on"}, presets=[{**PRESET, "description": "x"}])
    unchanged = await catalog.apply([segment("gold")], (), actor="anna", flags=part)
    assert {item.effect.value for item in unchanged} == {"unchanged"}
    assert (plane.flags.book.version, (await plane.store.head()).size) == (2, 5)


async def test_a_changed_segment_reaches_clients_too(plane: Any, catalog: Catalog) -> None:
    part = await joined(plane, FLAG)
    await catalog.apply([segment("gold")], (), actor="anna", flags=part)
    revision = plane.flags.book.revision
    await catalog.apply([segment("black")], (), actor="anna")
    await plane.flags.book.refresh()
    assert (plane.answer("lobby", tier="gold"), plane.answer("lobby", tier="black")) == ("off", "on")
    assert [line[:11] for line in plane.flags.book.news("production", revision).lines] == ["segment/vip"]


async def test_presets_alone_make_no_version(plane: Any, catalog: Catalog) -> None:
    await plane.declare({"feature": "lobby"})
    await catalog.apply((), (), actor="anna", flags=await joined(plane, presets=[PRESET]))
    assert plane.flags.book.version == 1
    assert len(await plane.flags.presets.all()) == 1


async def test_flags_that_changed_meanwhile_refuse_all_of_it(plane: Any, catalog: Catalog) -> None:
    part = await joined(plane, FLAG)
    await plane.declare({"feature": "other"})
    with pytest.raises(Conflict, match="flags are at version 1, not at 0"):
        await catalog.apply([segment("gold")], (), actor="anna", flags=part)
    assert [*await plane.store.documents()] == []


async def test_a_segment_that_nobody_declares_is_refused(plane: Any) -> None:
    with pytest.raises(Rejected, match="no segment 'vip'") as refused:
        await joined(plane, FLAG, segments=())
    assert [item.field for item in refused.value.problems] == ["flag.rules[0].if"]
    with pytest.raises(Rejected, match="no flag 'lobby'") as refused:
        await joined(plane, presets=[PRESET])
    assert [item.field for item in refused.value.problems] == ["preset.changes[0].flag"]
    assert replace(await joined(plane), names=("p",)).effects[0][2].value == "unchanged"
