"""What every store must do, whatever is below it. Run on SQLite and on a real PostgreSQL."""

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from croupier.adapters.store.sql import SqlStore
from croupier.control.ports import (
    Answer,
    Bookmark,
    Bookmarks,
    Changes,
    Commit,
    Document,
    Journal,
    Leases,
    Sample,
    ServiceState,
    Store,
    Stored,
    Token,
    Tokens,
)
from croupier.core.gates import EventsSli, Gate, HardStop
from croupier.core.journal.entry import Entry
from croupier.core.journal.merkle import EMPTY_ROOT, TreeHead, leaf_hash
from croupier.core.journal.proof import verify_consistency, verify_inclusion
from croupier.core.releases import ProcessTemplate, Release, Service
from croupier.core.rollout import events as e
from croupier.core.rollout.machine import replay
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause
from croupier.core.rollout.spec import Pause, RolloutSpec
from croupier.core.segments import AttributeMatch, Segment
from croupier.errors import Conflict, Fenced, Rejected

if TYPE_CHECKING:  # conftest is found by pytest, not by import

    def _ports(store: SqlStore) -> tuple[Store, Journal, Changes, Tokens, Leases, Bookmarks]:
        """mypy holds the class to the ports."""
        return store, store, store, store, store.leases, store


PROCESS = ProcessTemplate(("serve", "--port", "{port}"), env=(("A", "b"),))

# --- states ---------------------------------------------------------------------------------------------------------


async def test_an_empty_store_knows_nothing(store: SqlStore) -> None:
    assert await store.rollout("payments-1") is None
    assert await store.release("payments", "1.0.0") is None
    assert await store.answer("key") is None
    assert (await store.rollouts()).items == ()
    assert (await store.releases()).items == ()
    assert [*await store.active(), *await store.services(), *await store.documents(), *await store.history("x-1")] == []
    assert [*await store.entries(), *await store.latest(), *await store.samples("x-1"), *await store.tokens()] == []
    assert await store.head() == TreeHead(0, EMPTY_ROOT)
    assert (await store.verify()).ok


async def test_a_rollout_comes_back_as_it_was_written(store: SqlStore, story: Any) -> None:
    await store.commit(story.beginning("payments-1"))
    stored = await story.read(store, "payments-1")
    assert stored == Stored(replay([story.created("payments-1")]), 1)
    await store.commit(story.change(stored, e.StepStarted(0, 2.0), e.WeightConfirmed(500, 3.0)))
    events = [story.created("payments-1"), e.StepStarted(0, 2.0), e.WeightConfirmed(500, 3.0)]
    assert await story.read(store, "payments-1") == Stored(replay(events), 2)
    assert await store.history("payments-1") == events


async def test_a_writer_that_saw_an_old_version_is_refused_and_nothing_is_recorded(store: SqlStore, story: Any) -> None:
    await store.commit(story.beginning("payments-1"))
    stale = await story.read(store, "payments-1")
    await store.commit(story.change(stale, e.StepStarted(0, 2.0)))
    before = await store.head()
    with pytest.raises(Conflict, match="rollout payments-1 is at version 2, not at 1"):
        await store.commit(story.change(stale, e.AbortStarted(Cause.PERSON, "no", 3.0)))
    with pytest.raises(Conflict, match="rollout payments-1 exists already"):
        await store.commit(story.beginning("payments-1"))
    with pytest.raises(Conflict, match="rollout payments-2 does not exist"):
        await store.commit(story.change(Stored(replay([story.created("payments-2")]), 4), e.StepStarted(0, 2.0)))
    assert await store.head() == before
    assert (await story.read(store, "payments-1")).version == 2


async def test_all_of_a_commit_is_recorded_or_none_of_it(store: SqlStore, story: Any) -> None:
    """The last part of the commit fails: the parts before it must not stay."""
    await store.commit(story.note())
    answer = Answer("key", "f", 200, "{}", 1.0)
    await store.commit(replace(story.note(), answer=answer))
    change = replace(
        story.beginning("payments-1"),
        services=(Stored(ServiceState("payments", active="payments-1", rollouts=1), 0),),
        releases=(Release("payments", "1.1.0", PROCESS, "sha256:1"),),
        answer=answer,
    )
    with pytest.raises(Conflict, match="answered meanwhile"):
        await store.commit(change)
    assert await store.rollout("payments-1") is None
    assert await store.services() == []
    assert await store.release("payments", "1.1.0") is None
    assert (await store.head()).size == 2
    assert (await store.verify()).ok


async def test_no_change_without_a_record(store: SqlStore, story: Any) -> None:
    whole = story.beginning("payments-1")
    with pytest.raises(Rejected, match="at least one entry"):
        await store.commit(replace(whole, entries=()))
    with pytest.raises(Rejected, match="payments-1 changes without an entry of its own"):
        await store.commit(replace(whole, entries=story.note().entries))


async def test_services_and_documents_have_versions(store: SqlStore, story: Any) -> None:
    service = Service("payments", ("/payments",), PROCESS, attribute_headers=(("market", "x-market"),))
    documents = [
        Document("Service", "payments", "sha256:a", service, {"kind": "Service", "n": 1.5}),
        Document("Gate", "no-double", "sha256:b", Gate("g", EventsSli("d"), hard_stop=HardStop(events=1)), {}),
        Document("Segment", "vip", "sha256:c", Segment("vip", (AttributeMatch("tier", ("gold",)),)), {"a": [None]}),
        Document("Rollout", "payments", "sha256:d", RolloutSpec("payments", "payments", (Pause(), Pause(5.0))), {}),
    ]
    state = ServiceState("payments", stable="1.0.0")
    writes = tuple(Stored(item, 0) for item in documents)
    await store.commit(replace(story.note(), documents=writes, services=(Stored(state, 0),)))
    assert await store.services() == [Stored(state, 1)]
    assert sorted((item.value.digest, item.version) for item in await store.documents()) == [
        ("sha256:a", 1),
        ("sha256:b", 1),
        ("sha256:c", 1),
        ("sha256:d", 1),
    ]
    assert {item.value.kind: item.value for item in await store.documents()} == {item.kind: item for item in documents}
    assert await store.documents("Gate") == [Stored(documents[1], 1)]
    again = replace(story.note(), documents=(Stored(documents[1], 1),), services=(Stored(state, 1),))
    await store.commit(again)
    with pytest.raises(Conflict, match="service payments is at version 2, not at 1"):
        await store.commit(again)
    with pytest.raises(Conflict, match="Gate no-double is at version 2, not at 1"):
        await store.commit(replace(again, services=()))


async def test_a_document_is_taken_out_at_the_version_that_was_looked_at(store: SqlStore, story: Any) -> None:
    gate = Document("Gate", "slo", "sha256:a", Gate("slo", EventsSli("d"), hard_stop=HardStop(events=1)), {})
    other = replace(gate, name="other")
    await store.commit(replace(story.note(), documents=(Stored(gate, 0), Stored(other, 0))))
    await store.commit(replace(story.note(), documents=(Stored(gate, 1),)))
    size = (await store.head()).size
    with pytest.raises(Conflict, match="Gate slo is at version 2, not at 1"):
        await store.commit(replace(story.note(), removed=(Stored(gate, 1),)))
    assert (await store.head()).size == size
    await store.commit(replace(story.note(), removed=(Stored(gate, 2),)))
    assert await store.documents() == [Stored(other, 1)]
    with pytest.raises(Conflict, match="Gate slo does not exist"):
        await store.commit(replace(story.note(), removed=(Stored(gate, 2),)))
    assert (await store.verify()).ok
    await store.commit(replace(story.note(), documents=(Stored(gate, 0),)))
    assert [item.value.name for item in await store.documents("Gate")] == ["other", "slo"]
    assert (await store.verify()).ok


async def test_a_release_is_never_bound_to_another_digest(store: SqlStore, story: Any) -> None:
    release = Release("payments", "1.1.0", PROCESS, "sha256:1", "notes")
    await store.commit(replace(story.note(), releases=(release,)))
    await store.commit(replace(story.note(), releases=(replace(release, notes="the same content again"),)))
    assert await store.release("payments", "1.1.0") == release
    with pytest.raises(Conflict, match="exists with digest sha256:1, not sha256:2"):
        await store.commit(replace(story.note(), releases=(replace(release, digest="sha256:2"),)))


async def test_a_request_is_answered_once(store: SqlStore, story: Any) -> None:
    answer = Answer("key", "fingerprint", 201, '{"id": "payments-1"}', 5.0)
    await store.commit(replace(story.beginning("payments-1"), answer=answer))
    assert await store.answer("key") == answer
    with pytest.raises(Conflict, match="answered meanwhile"):
        await store.commit(replace(story.beginning("payments-2"), answer=replace(answer, at=6.0)))
    assert await store.rollout("payments-2") is None


async def test_answers_are_forgotten_after_a_day(store: SqlStore, story: Any) -> None:
    day = 24 * 3600.0
    await store.commit(replace(story.note(), answer=Answer("old", "f", 200, "", 5.0)))
    await store.commit(replace(story.note(at=5.0 + day), answer=Answer("new", "f", 200, "", 5.0 + day)))
    assert await store.answer("old") is not None, "a day is not over before it is over"
    await store.commit(replace(story.note(at=5.5 + day), answer=Answer("newer", "f", 200, "", 5.5 + day)))
    assert await store.answer("old") is None
    assert await store.answer("new") is not None


# --- listings -------------------------------------------------------------------------------------------------------


async def test_rollouts_are_listed_newest_first_in_pages(store: SqlStore, story: Any) -> None:
    ids = [f"{service}-{number}" for number in range(1, 8) for service in ("auth", "payments")]
    for at, rollout_id in enumerate(ids):
        await store.commit(story.beginning(rollout_id, at=float(at // 3)))  # some at the same time
    expected = [item.value.id for item in (await store.rollouts(limit=100)).items]
    assert sorted(expected) == sorted(ids)
    found, cursor = [], None
    while True:
        page = await store.rollouts(cursor=cursor, limit=3)
        found += [item.value.id for item in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert found == expected
    times = [item.value.created_at for item in (await store.rollouts(limit=100)).items]
    assert times == sorted(times, reverse=True)
    only = await store.rollouts(service="auth", limit=7)
    assert [item.value.service for item in only.items] == ["auth"] * 7
    assert only.next is None


async def test_a_page_is_stable_while_new_rollouts_arrive(store: SqlStore, story: Any) -> None:
    for number in range(6):
        await store.commit(story.beginning(f"payments-{number}", at=float(number)))
    first = await store.rollouts(limit=3)
    await store.commit(story.beginning("payments-6", at=6.0))
    second = await store.rollouts(cursor=first.next, limit=3)
    assert [item.value.id for item in first.items + second.items] == [
        f"payments-{number}" for number in range(5, -1, -1)
    ]


async def test_rollouts_are_listed_by_phase_and_active_ones_by_themselves(store: SqlStore, story: Any) -> None:
    for number in range(3):
        await store.commit(story.beginning(f"payments-{number}"))
    aborting = e.AbortStarted(Cause.PERSON, "no", 2.0)
    await store.commit(story.change(await story.read(store, "payments-0"), aborting))
    await store.commit(story.change(await story.read(store, "payments-1"), aborting, e.Aborted(3.0)))
    assert {item.value.id for item in await store.active()} == {"payments-0", "payments-2"}
    by_phase = await store.rollouts(phases=[Phase.ABORTED, Phase.PENDING])
    assert {item.value.id for item in by_phase.items} == {"payments-1", "payments-2"}
    assert (await store.rollouts(phases=[])).items == ()


async def test_releases_are_listed_newest_first_in_pages(store: SqlStore, story: Any) -> None:
    for number in range(5):
        added = tuple(Release(name, f"1.{number}.0", PROCESS, "sha256:1") for name in ("auth", "payments"))
        await store.commit(replace(story.note(), releases=added))
    found, cursor = [], None
    while True:
        page = await store.releases(cursor=cursor, limit=4)
        found += [(item.version, item.service) for item in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert found == [(f"1.{number}.0", name) for number in range(4, -1, -1) for name in ("payments", "auth")]
    assert [item.version for item in (await store.releases(service="auth", limit=2)).items] == ["1.4.0", "1.3.0"]


@pytest.mark.parametrize("cursor", ["", "!", "bm9wZQ", "WzFd", "WyJhIiwgImIiXQ", "W251bGwsICJhIl0", "\ud800"])
async def test_a_made_up_cursor_is_refused(store: SqlStore, cursor: str) -> None:
    with pytest.raises(Rejected, match="cursor is none of ours"):
        await store.rollouts(cursor=cursor)
    with pytest.raises(Rejected, match="cursor is none of ours"):
        await store.releases(cursor=cursor)


@pytest.mark.parametrize("limit", [0, -1, 1_001])
async def test_a_page_has_a_sensible_size(store: SqlStore, limit: int) -> None:
    for listing in (store.rollouts(limit=limit), store.releases(limit=limit), store.entries(limit=limit)):
        with pytest.raises(Rejected, match="1 to 1000 items"):
            await listing


# --- journal --------------------------------------------------------------------------------------------------------


async def test_the_journal_has_every_entry_in_order(store: SqlStore, story: Any) -> None:
    assert await store.commit(story.beginning("payments-1")) == [0]
    two = (story.entry("release/auth/1", reason="näher\n„ansehen“"), story.entry("release/auth/2", at=2.5))
    assert await store.commit(Commit(two, now=2.5)) == [1, 2]
    entries = await store.entries()
    assert [item.seq for item in entries] == [0, 1, 2]
    assert [item.entry.subject for item in entries] == ["rollout/payments-1", "release/auth/1", "release/auth/2"]
    assert [item.entry for item in entries[1:]] == list(two)
    for item in entries:
        assert item.body == item.entry.leaf(item.seq)
        assert item.leaf_hash == leaf_hash(item.body)
    assert await store.entries(after=0, limit=1) == [entries[1]]
    assert await store.entries(subject="release/auth/2") == [entries[2]]
    assert await store.latest(limit=2) == [entries[2], entries[1]]
    assert await store.latest(subject="rollout/payments-1") == [entries[0]]


async def test_proofs_from_the_store_verify_offline(store: SqlStore, story: Any) -> None:
    heads = [await store.head()]
    for _ in range(21):
        await store.commit(story.note())
        heads.append(await store.head())
    leaves = [item.leaf_hash for item in await store.entries()]
    for head in heads[1:]:
        for seq in (0, head.size // 2, head.size - 1):
            proof = tuple(await store.inclusion_proof(seq, head.size))
            assert verify_inclusion(seq, head.size, leaves[seq], proof, head.root)
    for first in (1, 2, 7, 8, 20, 21):
        steps = tuple(await store.consistency_proof(first, 21))
        assert verify_consistency(first, 21, heads[first].root, heads[21].root, steps)
    with pytest.raises(Rejected, match="the journal has 21 entries, not 22"):
        await store.inclusion_proof(0, 22)
    with pytest.raises(Rejected, match="the journal has 21 entries, not 22"):
        await store.consistency_proof(1, 22)
    with pytest.raises(Rejected, match="entry 21 is not in a tree of 21"):
        await store.inclusion_proof(21, 21)


@pytest.mark.parametrize(
    "entry, why",
    [
        (Entry(float("nan"), "a", "b", "c/d"), "nan"),
        (Entry(1.0, "a", "b", "c/d", ({"type": "x", "share": float("inf")},)), "inf"),
        (Entry(1.0, "a", "b", "c/d", ({"type": "x", "count": 2**60},)), "safe integer"),
        (Entry(1.0, "a", "b", "c/d", reason="\ud800"), "UTF-8"),
        (Entry(1.0, "a", "b", "c/d", reason="a\x00b"), "NUL"),
        (Entry(1.0, "a", "b", "c/d", reason="x" * (1 << 20)), "1048576 are the most"),
    ],
)
async def test_what_cannot_be_recorded_faithfully_is_refused(store: SqlStore, entry: Entry, why: str) -> None:
    with pytest.raises(Rejected, match=why):
        await store.commit(Commit((entry,), now=1.0))
    assert (await store.head()).size == 0


async def test_a_state_with_infinity_is_refused(store: SqlStore, story: Any) -> None:
    whole = story.beginning("payments-1")
    broken = replace(whole.rollouts[0].value, started_at=float("inf"))
    with pytest.raises(Rejected, match="this rollout cannot be recorded: inf"):
        await store.commit(replace(whole, rollouts=(Stored(broken, 0),)))


# --- leases ---------------------------------------------------------------------------------------------------------


async def test_a_lease_has_one_holder_and_tokens_rise(store: SqlStore) -> None:
    leases = store.leases
    first = await leases.acquire("control", "a", 10.0, now=100.0)
    assert first is not None
    assert (first.token, first.expires_at) == (1, 110.0)
    assert await leases.acquire("control", "b", 10.0, now=109.9) is None
    renewed = await leases.acquire("control", "a", 10.0, now=105.0)
    assert renewed is not None
    assert (renewed.token, renewed.expires_at) == (1, 115.0), "renewing keeps the token"
    assert await leases.acquire("control", "b", 10.0, now=110.0) is None, "it was renewed"
    taken = await leases.acquire("control", "b", 10.0, now=115.0)
    assert taken is not None
    assert taken.token == 2
    assert await leases.acquire("control", "a", 10.0, now=116.0) is None
    other = await leases.acquire("another", "a", 10.0, now=116.0)
    assert other is not None
    assert other.token == 1


async def test_a_clock_that_jumps_back_takes_no_lease_from_another(store: SqlStore) -> None:
    held = await store.leases.acquire("control", "a", 10.0, now=1_000.0)
    assert await store.leases.acquire("control", "b", 1.0, now=10.0) is None
    assert await store.leases.acquire("control", "b", 1.0, now=1_009.0) is None
    assert held is not None
    assert held.expires_at == 1_010.0


async def test_a_lease_that_ran_out_is_taken_anew_even_by_its_holder(store: SqlStore) -> None:
    """Meanwhile somebody could have acted; a late writer of the old time must be refused."""
    await store.leases.acquire("control", "a", 10.0, now=100.0)
    again = await store.leases.acquire("control", "a", 10.0, now=111.0)
    assert again is not None
    assert again.token == 2


async def test_a_released_lease_is_free_at_once_and_its_token_is_spent(store: SqlStore, story: Any) -> None:
    first = await store.leases.acquire("control", "a", 10.0, now=100.0)
    assert first is not None
    await store.leases.release(first)
    second = await store.leases.acquire("control", "b", 10.0, now=100.0)
    assert second is not None
    assert second.token == 2
    await store.leases.release(first)  # too late: it is another's now
    assert await store.leases.acquire("control", "a", 10.0, now=101.0) is None
    with pytest.raises(Fenced):
        await store.commit(story.note(at=101.0, lease=first))
    await store.commit(story.note(at=101.0, lease=second))


@pytest.mark.parametrize("holder, ttl_s", [("", 1.0), ("a", 0.0), ("a", -1.0)])
async def test_a_senseless_lease_is_refused(store: SqlStore, holder: str, ttl_s: float) -> None:
    with pytest.raises(Rejected, match="needs a holder"):
        await store.leases.acquire("control", holder, ttl_s, now=1.0)


async def test_a_writer_without_its_lease_is_fenced(store: SqlStore, story: Any) -> None:
    old = await store.leases.acquire("control", "a", 10.0, now=100.0)
    assert old is not None
    await store.commit(story.note(at=109.0, lease=old))
    with pytest.raises(Fenced, match="has expired"):
        await store.commit(story.note(at=110.0, lease=old))
    new = await store.leases.acquire("control", "b", 10.0, now=110.0)
    with pytest.raises(Fenced, match="another one acts now"):
        await store.commit(story.note(at=105.0, lease=old))  # its clock is late, too
    await store.commit(story.note(at=111.0, lease=new))
    with pytest.raises(Fenced):
        await store.commit(story.note(at=111.0, lease=replace(old, name="never taken")))
    assert (await store.head()).size == 2


# --- changes --------------------------------------------------------------------------------------------------------


async def test_subscribers_hear_of_every_rise_and_skip_when_slow(store: SqlStore, story: Any) -> None:
    quick, slow = store.subscribe(), store.subscribe()
    for seq in range(5):
        await store.commit(story.note())
        assert await asyncio.wait_for(anext(quick), 120) == seq
    assert await asyncio.wait_for(anext(slow), 120) == 4
    waiting = asyncio.ensure_future(anext(slow))
    await store.commit(story.note())
    assert await asyncio.wait_for(waiting, 120) == 5


async def test_commits_of_another_process_are_heard(store: SqlStore, open_another: Any, story: Any) -> None:
    other = await open_another()
    subscription = store.subscribe()
    await other.commit(story.note())
    assert await asyncio.wait_for(anext(subscription), 120) == 0
    await other.commit(story.note())
    assert await asyncio.wait_for(anext(subscription), 120) == 1


async def test_subscriptions_end_with_the_store(store: SqlStore, story: Any) -> None:
    subscription = store.subscribe()
    await store.commit(story.note())
    await store.close()
    assert [seq async for seq in subscription] == [0]


# --- telemetry and tokens -------------------------------------------------------------------------------------------


async def test_samples_come_back_in_order_of_time(store: SqlStore) -> None:
    new = [Sample("payments-1", "deposits", "1.1.0", True, float(at), at, 10) for at in (3, 1, 2)]
    await store.add_samples(new)
    await store.add_samples([Sample("payments-2", "deposits", "1.0.0", False, 9.0, 1, 1)])
    await store.add_samples([])
    assert [item.at for item in await store.samples("payments-1")] == [1.0, 2.0, 3.0]
    assert await store.samples("payments-1", since=3.0) == [new[0]]
    assert (await store.head()).size == 0, "telemetry is no part of the record"


async def test_tokens_are_kept_listed_and_revoked(store: SqlStore, story: Any) -> None:
    admin = Token("t1", "first", "admin", "a" * 64, 1.0)
    reader = Token("t2", "page", "viewer", "b" * 64, 2.0)

    async def put(*tokens: Token) -> None:
        await store.commit(replace(story.note("token/t"), tokens=tokens))

    await put(reader, admin)
    assert await store.tokens() == [admin, reader]
    for taken in (replace(admin, id="t3"), replace(admin, sha256="c" * 64)):
        with pytest.raises(Conflict, match="exists already"):
            await put(taken)
    await put(replace(admin, revoked_at=5.0))
    for refused in (replace(admin, revoked_at=6.0), replace(reader, role="admin", revoked_at=5.0)):
        with pytest.raises(Conflict, match="was revoked already, or is none of ours"):
            await put(refused)
    assert await store.tokens() == [replace(admin, revoked_at=5.0), reader]
    assert (await store.head()).size == 2, "what was refused left no record"
    assert (await store.verify()).ok


# --- bookmarks ------------------------------------------------------------------------------------------------------


async def test_bookmarks_are_kept_by_receiver(store: SqlStore) -> None:
    assert await store.bookmarks() == []
    first = Bookmark("on-call", 7)
    await store.keep_bookmark(first)
    await store.keep_bookmark(Bookmark("chat", -1))
    later = replace(first, seq=9, part=1, told=frozenset({"a/b/failed.1", "c"}), sent=3, lost=1, tried_at=5.5, kind="x")
    await store.keep_bookmark(later)
    assert await store.bookmarks() == [Bookmark("chat", -1), later]
    assert (await store.verify()).ok
