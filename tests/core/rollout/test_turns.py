"""Which events are worth a line."""

from croupier.core.rollout.turns import Turns


def test_only_a_change_of_mind_is_a_turn() -> None:
    turns = Turns()
    said = ("inconclusive", "inconclusive", "pass", "pass", "inconclusive")
    assert [turns.is_turn("gate_judged", "slo", verdict) for verdict in said] == [True, False, True, False, True]


def test_gates_speak_for_themselves_and_everything_else_is_a_turn() -> None:
    turns = Turns()
    assert turns.is_turn("gate_judged", "a", "pass")
    assert turns.is_turn("gate_judged", "b", "pass")
    assert turns.is_turn("step_started", None, None)
    assert all(turns.is_turn("gate_judged", "classic", None) for _ in range(2))


def test_another_attempt_begins_anew() -> None:
    turns = Turns()
    assert turns.is_turn("gate_judged", "a", "pass")
    assert turns.is_turn("retried", None, None)
    assert turns.is_turn("gate_judged", "a", "pass")
