"""Copied requests and compared answers, over HTTP."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.server.conftest import document, shop

from croupier.control.ports.comparing import Comparison
from croupier.core.rollout.shadow.report import Difference, ShadowReport
from croupier.server.auth import Role

FOUND = ShadowReport(0, 200, 3, 1, (("a stream", 2),), (Difference("/shop/{id}", "$.price", 3, (("10", "12"),)),))


class Told:
    """A comparer that was told what it found."""

    def __init__(self) -> None:
        self.wanted: tuple[Comparison, ...] = ()

    def compare(self, wanted: Sequence[Comparison]) -> None:
        self.wanted = tuple(wanted)

    def found(self, id_: str) -> ShadowReport | None:
        return FOUND if any(each.id == id_ for each in self.wanted) else None


def shadowing(**step: Any) -> list[dict[str, Any]]:
    compare = {"sample": 5, "ignore": {"fields": ["$..at"]}, **step.pop("compare", {})}
    steps = [{"shadow": {"share": 25, "for": "1h", "compare": compare, **step}}, {"setWeight": 20}, {"pause": {}}]
    spec = {"service": "shop", "strategy": {"canary": {"steps": steps}}}
    return [*(each for each in shop() if each["kind"] != "Rollout"), document("Rollout", "shop", spec)]


async def begun(world: Any, **step: Any) -> dict[str, Any]:
    answer = await world.post("/apply", {"documents": shadowing(**step)})
    assert answer.status_code == 200, answer.text
    await world.post("/rollouts", {"service": "shop", "version": "1.0.0"})
    await world.until("/rollouts/shop-1", lambda rollout: rollout["phase"] == "succeeded")
    await world.post("/rollouts", {"service": "shop", "version": "1.1.0"})
    found: dict[str, Any] = await world.until("/rollouts/shop-2/shadow", lambda shown: bool(shown["copies"]))
    return found


async def test_what_is_copied_and_found_is_shown_while_it_goes_on(opened: Any, settings: Any) -> None:
    comparer = Told()
    async with opened(settings, wrap=lambda ports: replace(ports, comparer=comparer)) as world:
        await begun(world)
        found = await world.until("/rollouts/shop-2/shadow", lambda shown: bool(shown["comparisons"]))
        assert found["copies"] == ["25 % of the reads copied to the canary"]
        [comparison] = found["comparisons"]
        assert comparison["recorded"] is False
        assert comparison["text"] == "3 of 200 answers differ (1.5 %), in 1 field"
        assert comparison["skipped"] == {"a stream": 2}
        assert comparison["differences"] == [
            {"path": "/shop/{id}", "field": "$.price", "count": 3, "share": 0.015, "examples": [["10", "12"]]}
        ]
        [wanted] = comparer.wanted
        assert (wanted.service, wanted.stable[0], wanted.canary[0]) == ("shop", "1.0.0", "1.1.0")
        assert (await world.get("/rollouts/shop-2/shadow", Role.VIEWER)).status_code == 200
        rollout = await world.until("/rollouts/shop-2", lambda rollout: rollout["confirmedWeight"] == 0)
        assert rollout["waitingFor"].startswith("copying 25 % of the reads to 1.1.0 for ")
        assert (rollout["steps"][0]["kind"], rollout["steps"][0]["copied"]) == ("shadow", 25.0)


async def test_too_many_differences_hold_it_and_are_recorded(opened: Any, settings: Any) -> None:
    bound = {"maxDifferences": "1%", "atLeast": 100}
    async with opened(settings, wrap=lambda ports: replace(ports, comparer=Told())) as world:
        await begun(world, compare=bound, **{"for": "300ms"})
        rollout = await world.until("/rollouts/shop-2", lambda rollout: rollout["hold"] == "differences")
        assert "3 of 200 answers differ (1.5 %), in 1 field, and 1 % may" in rollout["waitingFor"]
        shown = (await world.get("/rollouts/shop-2/shadow")).json()
        assert shown["copies"] == []
        assert [each["recorded"] for each in shown["comparisons"]] == [True]
        refused = await world.post("/rollouts/shop-2/resume")
        assert refused.status_code == 422
        assert "croupier rollout shadow shop-2" in refused.text
        gone_on = await world.post("/rollouts/shop-2/promote", {"reason": "the new price is right"})
        assert gone_on.status_code == 200, gone_on.text
        rollout = await world.until("/rollouts/shop-2", lambda rollout: rollout["hold"] == "step")
        assert rollout["weight"] == 20
        history = (await world.get("/rollouts/shop-2/history")).json()["items"]
        assert "answers compared: 3 of 200 answers differ (1.5 %), in 1 field" in [item["text"] for item in history]


async def test_without_a_comparer_nothing_is_said(world: Any) -> None:
    assert (await begun(world))["comparisons"] == []
    missing = await world.get("/rollouts/shop-9/shadow")
    assert missing.status_code == 404


@pytest.mark.parametrize(
    "step, complaint",
    [
        ({"methods": ["POST"]}, "POST would be copied at every path that matches"),
        ({"methods": "POST", "paths": "/shop/*"}, "Name each path that may be copied, in full"),
        ({"percentage": 5}, "Write share instead"),
        ({"for": "0s"}, "shadowing for 0 seconds is not possible"),
    ],
)
async def test_what_must_not_be_copied_is_refused(world: Any, step: dict[str, Any], complaint: str) -> None:
    answer = await world.post("/apply", {"documents": shadowing(**step)})
    assert answer.status_code == 422
    assert complaint in answer.text
