"""Turning off what a rollout decided to turn off: what is tried again, what is told, what is checked before."""

import asyncio
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest

from croupier.control.groups import NoSwitches, Switched, check_holds, check_kills, turn_off
from croupier.core.gates import Counts, Gate, HoldPlayers, KillFlag, Objective, OnGroupFail, RatioSli, Reading, Silence
from croupier.core.releases import ProcessTemplate, Service
from croupier.core.rollout import events as e
from croupier.core.rollout.machine import create, evolve
from croupier.core.rollout.reasons import Cause
from croupier.core.rollout.spec import Pause, Plan, SetWeight
from croupier.core.rollout.state import RolloutState
from croupier.errors import Conflict, Corrupt, NotFound, Rejected, Transient
from croupier.testing import MemoryKillSpool, VirtualClock

OK = (("outcome", ("ok",)),)
GATE = Gate(
    "deposits",
    RatioSli("deposits_total", good=OK, total=(("psp", ("listed",)),)),
    by=("psp", "market"),
    objective=Objective(0.9),
    on_group_fail=OnGroupFail((KillFlag("psp_{psp}"),)),
)
PLAN = Plan((SetWeight(500), Pause(60)), ("deposits",), (GATE,))
SHOP = Service("shop", ("/shop",), ProcessTemplate(command=("serve",)), attribute_headers=(("market", "x-market"),))


class Noted:
    """Switches that note what they are asked, and may be in trouble."""

    def __init__(self, *names: str, trouble: Exception | None = None) -> None:
        self.asked: list[tuple[str, str, float]] = []
        self._names, self.trouble = names, trouble

    async def turn_off(self, flag: str, *, actor: str, reason: str, at: float) -> None:
        if self.trouble is not None:
            raise self.trouble
        assert "psp=k" in reason
        self.asked.append((flag, actor, at))

    def names(self) -> Collection[str]:
        return self._names


def acted(*kills: str) -> RolloutState:
    state = create(e.Created("shop-2", "shop", "1.0.0", "1.1.0", "sha256:1", PLAN, 1.0))
    state = evolve(state, e.StepStarted(0, 2.0))
    return evolve(state, e.GroupActed("deposits", (("psp", "k"),), kills, None, "it fails", 3.0))


async def test_what_was_decided_is_done_until_it_is_in_force() -> None:
    switches, state = Noted(), acted("psp_k", "other")
    assert await turn_off(switches, state) == Switched(frozenset({"psp_k", "other"}))
    assert switches.asked == [("psp_k", "rollout/shop-2", 3.0), ("other", "rollout/shop-2", 3.0)]
    in_force = evolve(state, e.GroupSetAside("deposits", (("psp", "k"),), 4.0))
    assert await turn_off(switches, in_force) == Switched()
    away = evolve(state, e.AbortStarted(Cause.PERSON, "harm", 4.5))
    assert await turn_off(switches, away) == Switched()
    over = evolve(state, e.Superseded("shop-3", 5.0))
    assert await turn_off(switches, over) == Switched()
    assert len(switches.asked) == 2


async def test_trouble_is_tried_again_and_what_cannot_be_done_is_told() -> None:
    assert await turn_off(Noted(trouble=Transient("not now")), acted("psp_k")) == Switched()
    assert await turn_off(Noted(trouble=TimeoutError()), acted("psp_k")) == Switched()
    gone = await turn_off(NoSwitches(), acted("psp_k"))
    assert gone.refused == "flag psp_k cannot be turned off: There is no flag 'psp_k'"


@pytest.mark.parametrize("trouble", [Corrupt("an entry is damaged"), OSError("no space"), Conflict("again")])
async def test_no_trouble_with_a_flag_keeps_a_rollout_from_being_decided(
    trouble: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    assert await turn_off(Noted(trouble=trouble), acted("psp_k")) == Switched()
    assert "shop-2: flag psp_k could not be turned off" in caplog.text


async def test_a_flag_that_never_answers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("croupier.control.groups._PATIENCE_S", 0.0)

    class Silent(NoSwitches):
        async def turn_off(self, flag: str, *, actor: str, reason: str, at: float) -> None:
            await asyncio.Event().wait()

    assert await turn_off(Silent(), acted("psp_k")) == Switched()


def test_a_hold_needs_a_header() -> None:
    hold = replace(GATE, on_group_fail=OnGroupFail((HoldPlayers(("market",)),)))
    check_holds(replace(PLAN, gates=(hold,)), SHOP)
    with pytest.raises(Rejected, match="holds players by 'market', and service shop has no header for it"):
        check_holds(replace(PLAN, gates=(hold,)), replace(SHOP, attribute_headers=()))


class Said:
    """A metric source with one answer."""

    def __init__(self, said: Reading | Silence) -> None:
        self.said = said

    async def read(self, query: Any) -> Reading | Silence:
        return self.said


class Outside:
    def __init__(self, said: Reading | Silence) -> None:
        self.metrics, self.clock = Said(said), VirtualClock()


COUNTED = Reading(
    0.0,
    1.0,
    {(): Counts(9, 9), (("psp", "k"), ("market", "DE")): Counts(4, 4), (("psp", ""), ("market", "DE")): Counts(5, 5)},
    None,
)


@pytest.mark.parametrize(
    "said, names, why",
    [
        (COUNTED, ("psp_listed",), "would turn off flag 'psp_k' for psp=k, and there is no such flag"),
        (COUNTED, ("psp_k",), "would turn off flag 'psp_listed' for psp=listed"),
        (COUNTED, ("psp_k", "psp_listed"), None),
        (Silence("nobody knows"), ("psp_listed",), None),
    ],
)
async def test_a_flag_for_each_group_that_is_known(
    said: Reading | Silence, names: tuple[str, ...], why: str | None
) -> None:
    outside: Any = Outside(said)
    if why is None:
        await check_kills(outside, Noted(*names), PLAN, "shop", "1.0.0")
    else:
        with pytest.raises(Rejected, match=why):
            await check_kills(outside, Noted(*names), PLAN, "shop", "1.0.0")


async def test_templates_of_several_labels_and_of_none() -> None:
    outside: Any = Outside(Silence("nobody knows"))
    several = replace(GATE, on_group_fail=OnGroupFail((KillFlag("{psp}_{market}"),)))
    with pytest.raises(Rejected, match=r"would turn off flags like '\{psp\}_\{market\}', and there is none"):
        await check_kills(outside, Noted("a"), replace(PLAN, gates=(several,)), "shop", "1.0.0")
    fixed = replace(GATE, on_group_fail=OnGroupFail((KillFlag("v2"), HoldPlayers(("market",)))))
    with pytest.raises(Rejected, match="would turn off flag 'v2' for any group"):
        await check_kills(outside, Noted("a"), replace(PLAN, gates=(fixed,)), "shop", "1.0.0")
    await check_kills(outside, Noted("v2"), replace(PLAN, gates=(fixed,)), "shop", "1.0.0")
    await check_kills(outside, Noted(), replace(PLAN, gates=(replace(GATE, on_group_fail=None),)), "shop", "1.0.0")
    hold = replace(GATE, on_group_fail=OnGroupFail((HoldPlayers(("market",)),)))
    await check_kills(outside, Noted(), replace(PLAN, gates=(hold,)), "shop", "1.0.0")


async def test_there_may_be_no_flags_at_all() -> None:
    assert list(NoSwitches().names()) == []
    with pytest.raises(NotFound):
        await NoSwitches().turn_off("a", actor="b", reason="c", at=1.0)
    assert MemoryKillSpool().pending() == ()
