"""The arithmetic of gates does not change under a rollout, nor under the record: recorded histories of every edition
that this program has are judged again, and the present edition decides the same stories the same way.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_args

import pytest
from tests.core.rollout.editions.record import read, recorded
from tests.core.rollout.editions.stories import STORIES, Story

from croupier.adapters.store import codec
from croupier.core.gates.edition import EDITION, KEPT, RELEASED
from croupier.core.gates.model import Rule
from croupier.core.gates.sequential.capital import TRICKLE
from croupier.core.rollout import events as e
from croupier.core.rollout.redecide import in_words, redecide
from croupier.core.rollout.rejudge import rejudge

HISTORIES: Final = [(edition, path) for edition in sorted(KEPT) for path in recorded(edition).values()]
PRESENT: Final = recorded(EDITION)

TO_DO: Final = """

The gates' arithmetic is not what edition {edition} was: {what}.
Rollouts that run, and the record of those that are over, were judged by it. If this was not meant, undo it. Else:
- Edition {edition} is in no released version (edition.RELEASED is {released}):
    record it anew, and say in the commit what changed: .venv/bin/python -m tests.core.rollout.editions.record
- It is released: make it another edition.
    1. In src/croupier/core/gates/edition.py set EDITION = {next}, and record it by the same command.
    2. Keep the functions of edition {edition} beside the new ones, let 'judge' choose by the plan's edition, and list
       both in KEPT. Or leave {edition} out of KEPT: rollouts that run hold then, and old records are not judged again.
    3. Write it into docs/explanation/editions.md and CHANGELOG.md: what changed, and which version has which editions.
"""


def to_do(edition: int, what: str) -> str:
    return TO_DO.format(edition=edition, released=RELEASED, next=EDITION + 1, what=what)


@pytest.mark.parametrize("edition, path", HISTORIES, ids=[f"{edition}-{path.stem}" for edition, path in HISTORIES])
def test_recorded_verdicts_come_out_the_same(edition: int, path: Path) -> None:
    again = list(rejudge(read(path)))
    assert again, f"{path.name} has no verdict"
    for item in again:
        assert item.agrees, to_do(
            edition,
            f"in '{path.stem}' gate {item.gate} said {item.recorded} at {item.at:.0f} and says {item.again} now, "
            f"{'on the same' if item.same_evidence else 'on other'} evidence",
        )


@pytest.mark.parametrize("edition, path", HISTORIES, ids=[f"{edition}-{path.stem}" for edition, path in HISTORIES])
def test_recorded_actions_on_groups_come_out_the_same(edition: int, path: Path) -> None:
    history = read(path)
    again = list(redecide(history))
    assert sum(len(item.recorded) for item in again) == sum(isinstance(event, e.GroupActed) for event in history)
    for item in again:
        before, now = in_words(item.recorded, "1.0.0"), in_words(item.again, "1.0.0")
        assert item.agrees, to_do(
            edition, f"in '{path.stem}' what was done at {item.at:.0f} was {before}, now it is {now}"
        )


@pytest.mark.parametrize("name", STORIES)
def test_the_same_stories_are_decided_the_same_way(name: str) -> None:
    """What follows from the verdicts too: weights, pauses, aborts, and for how long a gate was in doubt."""
    story: Story = STORIES[name]
    assert name in PRESENT, to_do(EDITION, f"nothing of '{name}' is recorded")
    then = [codec.EVENT.dump(event) for event in read(PRESENT[name])]
    now = [codec.EVENT.dump(event) for event in story.history()]
    for number, (before, after) in enumerate(zip(then, now, strict=False)):
        other = next(differences(before, after), None)
        assert other is None, to_do(EDITION, f"event {number} of '{name}' ({before['type']}) differs in {other}")
    assert len(then) == len(now), to_do(EDITION, f"'{name}' had {len(then)} events and has {len(now)} now")


def differences(before: Any, after: Any, at: str = "it") -> Iterator[str]:
    """Where two recorded values differ. Words may change, fields may come, and so may the last digits of logarithms."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in before:
            if name not in ("reason", "description"):
                yield from differences(before[name], after.get(name), f"{at}.{name}")
    elif isinstance(before, list) and isinstance(after, list):
        if len(before) != len(after):
            yield f"the length of {at} ({len(before)}, {len(after)} now)"
        for index, pair in enumerate(zip(before, after, strict=False)):
            yield from differences(*pair, f"{at}[{index}]")
    elif isinstance(before, float) and isinstance(after, float):
        if not math.isclose(before, after, rel_tol=1e-9, abs_tol=1e-9):
            yield f"{at} ({before!r}, {after!r} now)"
    elif before != after:
        yield f"{at} ({before!r}, {after!r} now)"


def test_every_kind_of_rule_and_verdict_is_recorded() -> None:
    histories = [read(path) for path in PRESENT.values()]
    rules = {
        type(gate.rule) for [created, *_] in histories if isinstance(created, e.Created) for gate in created.plan.gates
    }
    assert rules == set(get_args(Rule)), to_do(EDITION, "a rule has no story; write one into stories.py")
    found = {type(event) for history in histories for event in history}
    assert {e.AbortStarted, e.Paused, e.Promoted, e.Retried, e.GateJudged, e.GroupActed} <= found
    assert set(PRESENT) == set(STORIES), "a recorded history has no story any more; record them anew"


def test_the_plans_name_their_edition() -> None:
    for edition, path in HISTORIES:
        [created, *_] = read(path)
        assert isinstance(created, e.Created)
        assert created.plan.edition == edition


def test_a_changed_arithmetic_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test can fail, and says what to do: a millionth more that moves into the bets is seen."""
    monkeypatch.setattr("croupier.core.gates.sequential.capital.TRICKLE", 1.000001 * TRICKLE)
    with pytest.raises(AssertionError, match=r"EDITION = 2") as told:
        test_recorded_verdicts_come_out_the_same(EDITION, PRESENT["sequential-bad"])
    assert "gate errors said inconclusive" in str(told.value)
    with pytest.raises(AssertionError, match=r"-m tests\.core\.rollout\.editions\.record"):
        test_the_same_stories_are_decided_the_same_way("sequential-bad")
