"""What may begin, and how its beginning is recorded. Several services that begin as one: ``test_together``."""

from typing import Any

import pytest

from croupier.control.rollouts import Ask
from croupier.core.rollout.phase import Phase
from croupier.errors import Conflict, NotFound, Rejected

ANNA = Ask("anna", "because")
BORIS = Ask("boris", "harm")


async def test_a_start_is_recorded_with_who_and_why(shop: Any) -> None:
    outcome = await shop.a.rollouts.start("shop", "1.1.0", ANNA)
    assert (outcome.rollout.value.id, outcome.rollout.version) == ("shop-2", 1)
    found = await shop.newest()
    assert (found.actor, found.action, found.subject, found.reason) == ("anna", "start", "rollout/shop-2", "because")
    assert outcome.seq == (await shop.entries()) - 1
    assert shop.woken()


async def test_a_newer_release_supersedes_in_one_commit(shop: Any) -> None:
    await shop.roll_out()
    before = await shop.entries()
    shop.a.happenings.restart()
    await shop.a.rollouts.start("shop", "1.2.0", ANNA)
    assert shop.a.happenings.count("commit") == 1
    ended, started = await shop.store.entries(after=before - 1)
    assert (ended.entry.action, ended.entry.subject) == ("supersede", "rollout/shop-2")
    assert (started.entry.action, started.entry.subject) == ("start", "rollout/shop-3")
    assert (await shop.state("shop-2")).superseded_by == "shop-3"
    assert (await shop.state("shop-3")).stable == "1.0.0"
    await shop.turn(3)
    assert shop.served.versions == ("1.0.0", "1.2.0")


async def test_asking_for_the_stable_version_goes_back_to_it(shop: Any) -> None:
    rollout = await shop.roll_out()
    outcome = await shop.a.rollouts.start("shop", "1.0.0", Ask("anna"))
    assert outcome.rollout.value.id == rollout
    await shop.turn(2)
    found = await shop.state(rollout)
    assert (found.phase, found.abort and found.abort.reason) == (Phase.ABORTED, "back to 1.0.0")
    with pytest.raises(Rejected, match=r"1\.0\.0 is the stable version of shop already"):
        await shop.a.rollouts.start("shop", "1.0.0", ANNA)


async def test_going_back_to_an_older_version_is_a_rollout(shop: Any) -> None:
    rollout = await shop.roll_out()
    await shop.a.rollouts.promote(rollout, ANNA, full=True, waive=("ok",))
    await shop.turn(2)
    outcome = await shop.a.rollouts.start("shop", "1.0.0", ANNA)
    assert (outcome.rollout.value.stable, outcome.rollout.value.canary) == ("1.1.0", "1.0.0")


async def test_what_is_rolled_out_already_is_a_conflict(shop: Any) -> None:
    await shop.roll_out()
    with pytest.raises(Conflict, match=r"shop-2 rolls out shop 1\.1\.0 already"):
        await shop.a.rollouts.start("shop", "1.1.0", ANNA)


async def test_what_is_being_given_up_is_not_started_again_before_nobody_is_on_it(shop: Any) -> None:
    rollout = await shop.roll_out()
    await shop.a.rollouts.abort(rollout, BORIS)
    shop.a.happenings.restart()
    with pytest.raises(Conflict, match=r"shop-2 is taking every player off 1\.1\.0") as refused:
        await shop.a.rollouts.start("shop", "1.1.0", ANNA)
    assert "croupier rollout retry shop-2" in refused.value.hint
    assert shop.a.happenings.count("release") == 1  # asking again at once would not help
    await shop.turn(2)
    await shop.a.rollouts.retry(rollout, ANNA)


@pytest.mark.parametrize(
    "service, version, strategy, said",
    [
        ("casino", "1.1.0", None, "There is no service 'casino'"),
        ("shp", "1.1.0", None, "There is no service 'shp'"),
        ("shop", "9.9.9", None, "shop has no release 9.9.9"),
        ("shop", "1.1.0", "slow", "shop has no Rollout 'slow'. It has: shop."),
    ],
)
async def test_what_does_not_exist_cannot_be_started(
    shop: Any, service: str, version: str, strategy: str | None, said: str
) -> None:
    before = await shop.entries()
    with pytest.raises(NotFound) as refused:
        await shop.a.rollouts.start(service, version, ANNA, strategy=strategy)
    assert said in str(refused.value)
    assert await shop.entries() == before


async def test_a_hotfix_has_a_reason_and_is_superseded_only_by_who_says_so(shop: Any) -> None:
    with pytest.raises(Rejected, match="A hotfix needs a reason") as unsaid:
        await shop.a.rollouts.start("shop", "1.1.0", Ask("anna"), hotfix=True)
    assert unsaid.value.hint == "Add --reason TEXT."
    assert await shop.store.rollout("shop-2") is None
    await shop.a.rollouts.start("shop", "1.1.0", ANNA, hotfix=True)
    with pytest.raises(Conflict, match=r"shop-2 is a hotfix in progress: 1\.1\.0") as refused:
        await shop.a.rollouts.start("shop", "1.2.0", BORIS)
    assert "--supersede" in refused.value.hint
    assert (await shop.state("shop-2")).phase.active
    await shop.a.rollouts.start("shop", "1.2.0", BORIS, supersede=True)
    assert (await shop.state("shop-2")).superseded_by == "shop-3"


async def test_two_people_start_at_once(shop: Any) -> None:
    """The second one's decision is made again on what the first one did."""
    b = shop.site("b")

    async def other() -> None:
        await b.rollouts.start("shop", "1.2.0", BORIS)

    shop.a.happenings.once["before commit"] = other
    outcome = await shop.a.rollouts.start("shop", "1.1.0", ANNA)
    assert outcome.rollout.value.id == "shop-3"
    assert (await shop.state("shop-2")).phase is Phase.SUPERSEDED


async def test_two_people_start_the_same(shop: Any) -> None:
    b = shop.site("b")

    async def other() -> None:
        await b.rollouts.start("shop", "1.1.0", BORIS)

    shop.a.happenings.once["before commit"] = other
    with pytest.raises(Conflict):
        await shop.a.rollouts.start("shop", "1.1.0", ANNA)
    assert await shop.store.rollout("shop-3") is None


async def test_somebody_who_is_never_fast_enough_gets_told(shop: Any) -> None:
    b = shop.site("b")
    versions = ["1.1.0", "1.2.0"]

    async def other() -> None:
        versions.reverse()
        shop.a.happenings.once["before commit"] = other
        await b.rollouts.start("shop", versions[0], BORIS)

    await shop.declare(releases=("1.3.0",))
    shop.a.happenings.once["before commit"] = other
    with pytest.raises(Conflict):
        await shop.a.rollouts.start("shop", "1.3.0", ANNA)
