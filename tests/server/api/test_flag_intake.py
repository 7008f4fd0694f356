"""What a declaration may weigh is decided before it is read."""

from typing import Any

import pytest

from croupier.errors import Rejected
from croupier.server.api.flag_intake import MOST_BYTES, flag_of, flags_of

RULE = {"rollout": 1}


@pytest.mark.parametrize(
    "more, field, said",
    [
        ({"rules": [RULE] * 2_001}, ("rules",), "2,001 are too many: a flag has 2,000 rules at most"),
        (
            {"rules": [RULE] * 1_500, "environments": {"staging": {"rules": [RULE] * 501}}},
            ("rules",),
            "2,001 are too many",
        ),
        ({"variants": {f"v{number}": number for number in range(1_001)}}, ("variants",), "1,000 variants at most"),
        ({"tags": ["a"] * 1_001}, ("tags",), "1,000 tags at most"),
        ({f"x{number}": 1 for number in range(70)}, (), "71 fields are too many"),
        ({"rules": [{f"x{number}": 1 for number in range(70)}]}, ("rules",), "more than 64 fields"),
        ({"description": "x" * MOST_BYTES}, (), "a flag has 1,048,576 at most, as JSON"),
        ({"x": [[]] * MOST_BYTES}, (), "a flag has 1,048,576 at most, as JSON"),
        ({"description": "\ud800" * MOST_BYTES}, (), "a flag has 1,048,576 at most, as JSON"),
    ],
)
def test_too_much_is_refused_with_the_limit(more: dict[str, Any], field: tuple[str, ...], said: str) -> None:
    with pytest.raises(Rejected, match=said) as refused:
        flag_of({"feature": "lobby", **more})
    assert [problem.path for problem in refused.value.problems] == [field]
    with pytest.raises(Rejected, match=said) as refused:
        flags_of([{"feature": "other"}, {"feature": "lobby", **more}])
    assert [problem.path for problem in refused.value.problems] == [("flags", 1, *field)]


def test_as_much_as_is_allowed_is_read() -> None:
    assert len(flag_of({"feature": "lobby", "rules": [RULE] * 2_000, "tags": ["a"] * 1_000}).rules) == 2_000


async def test_a_large_flag_is_judged_and_refused_through_every_door(world: Any) -> None:
    large = {"feature": "lobby", "rules": [{"if": "market == 'DE'", "rollout": 1}] * 2_000}
    assert (await world.post("/flags", large)).status_code == 201
    too_large = {"feature": "lobby", "rules": [RULE] * 20_000}
    for answer in (
        await world.post("/flags/apply", {"flags": [too_large]}),
        await world.client.put("/api/v1/flags/lobby", json=too_large, headers=world.auth()),
    ):
        assert (answer.status_code, "2,000 rules at most" in answer.text) == (422, True), answer.text
