"""How far flags have come: the picture, and the words."""

from typing import Any

import pytest

from croupier.control.flags.propagation import Summary
from croupier.server.auth import Role
from croupier.server.web.flags.reach import reach


def summary(versions: dict[int, int], version: int = 412) -> Summary:
    clients = sum(versions.values())
    return Summary("production", version, clients, versions.get(version, 0), versions, (), (), None, None)


def test_nobody_is_no_picture() -> None:
    assert reach(summary({})).parts == ()


def test_the_picture_is_full_and_shows_the_few() -> None:
    found = reach(summary({412: 9_998, 411: 1, 410: 1}))
    assert [(part.look, part.text, part.clients) for part in found.parts] == [
        ("current", "v412", 9_998),
        ("behind", "v411", 1),
        ("behind", "v410", 1),
    ]
    assert sum(part.width for part in found.parts) == pytest.approx(100, abs=0.1)
    assert min(part.width for part in found.parts) > 0.9
    assert [part.x for part in found.parts] == sorted(part.x for part in found.parts)
    assert (found.behind, found.have(411), found.have(413)) == (2, 9_999, 0)


def test_many_versions_are_put_together() -> None:
    found = reach(summary(dict.fromkeys(range(400, 413), 1) | {-1: 3}))
    assert [part.text for part in found.parts] == [
        "v412", "v411", "v410", "v409", "v408", "v407", "older", "of another record",
    ]  # fmt: skip
    assert [part.clients for part in found.parts[-2:]] == [7, 3]
    assert found.have(0) == 13


async def test_it_is_on_the_pages(flagged: Any, visit: Any) -> None:
    await visit.sign_in(Role.VIEWER)
    flags, now = flagged.context.flags, flagged.context.ports.clock.now()
    assert "no client has said yet what it runs" in (await visit.get("/flags")).text
    assert "nobody yet" in (await visit.get("/flags/payments_v2")).text

    def acknowledge(client: str, version: int, digest: int) -> None:
        position = f"{flags.book.lineage}:{version}"
        flags.propagation.acknowledge(
            client, "production", position, f"{digest:064x}", held_s=0.0, now=now, sdk="croupier-python/0.1"
        )

    right = flags.book.snapshot("production").digest
    for client in ("web-1", "web-2", "web-3"):
        acknowledge(client, 1, right)
    await flags.changes.kill("provider_evo", actor="carol", reason="x")
    for client in ("web-1", "web-2"):
        acknowledge(client, 2, flags.book.snapshot("production").digest)
    page = (await visit.get("/flags")).text
    assert "2 of 3 on v2" in page
    page = (await visit.get("/flags/provider_evo")).text
    assert '<b class="number">2</b> of 3 clients run this flag’s version 2' in page
    assert "on its way" in page
    assert "1 client behind" in page
    assert "web-3" in page
    assert "everywhere" in (await visit.get("/flags/payments_v2")).text
    await flags.changes.restore("provider_evo", actor="carol")
    for client in ("web-1", "web-2", "web-3"):
        acknowledge(client, 3, 7)
    page = (await visit.get("/flags")).text
    assert "all 3 clients on v3" in page
    assert "3 with other content" in page
    assert "web-1, web-2, web-3" in (await visit.get("/flags/provider_evo")).text
