"""Each player counts once, in whatever order and however often reports come."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from croupier.core.experiments import Player, Report, Tally, counted
from croupier.core.experiments.tally import GRACE_S

reports = st.builds(
    lambda player, at, what: Report(player, float(at), **{what[0]: what[1]}),
    st.sampled_from(["p", "q", "r"]),
    st.integers(0, 100),
    st.sampled_from([("variant", "a"), ("variant", "a"), ("variant", "b"), ("event", "bet"), ("event", "win")]),
)


@dataclass
class Counting:
    """A ledger in memory, that gets one batch after the other."""

    within_s: float | None = None

    def of(self, *batches: list[Report]) -> Tally:
        players: dict[str, Player] = {}
        tally = Tally()
        for batch in batches:
            changed, tally = counted(batch, players, tally, within_s=self.within_s)
            players |= changed
        return tally


def figures(tally: Tally) -> object:
    exposed = {variant: count for variant, count in tally.exposed.items() if count}
    converted = {
        (event, variant): count for event, by in tally.converted.items() for variant, count in by.items() if count
    }
    return exposed, converted, tally.crossed


def given_a(at: float, player: str = "p") -> Report:
    return Report(player, at, variant="a")


def did(at: float, event: str = "bet", player: str = "p") -> Report:
    return Report(player, at, event=event)


def test_a_player_counts_once_and_only_after_the_exposure() -> None:
    tally = Counting().of([given_a(10.0), given_a(20.0), did(30.0), did(40.0)])
    assert (tally.exposed, tally.converted, tally.players) == ({"a": 1}, {"bet": {"a": 1}}, 1)
    assert tally.of("bet", "a") == 1
    assert tally.of("win", "a") == 0
    assert Counting().of([did(5.0), given_a(10.0)]).of("bet", "a") == 0


def test_what_arrives_before_the_exposure_but_happened_after_it_counts() -> None:
    assert Counting().of([did(30.0)], [given_a(10.0)]).of("bet", "a") == 1
    assert Counting().of([given_a(20.0)], [did(15.0)], [given_a(10.0)]).of("bet", "a") == 1


def test_hosts_may_be_off_by_a_little() -> None:
    assert Counting().of([given_a(10.0), did(10.0 - GRACE_S)]).of("bet", "a") == 1
    assert Counting().of([given_a(10.0), did(9.9 - GRACE_S)]).of("bet", "a") == 0


def test_an_event_counts_within_its_time_only() -> None:
    assert Counting(50.0).of([given_a(10.0), did(60.0)]).of("bet", "a") == 1
    assert Counting(50.0).of([given_a(10.0), did(70.0)]).of("bet", "a") == 0


def test_a_player_of_two_variants_is_left_out_with_everything_they_did() -> None:
    before = [given_a(10.0), did(20.0), given_a(10.0, "q"), did(20.0, player="q")]
    tally = Counting().of(before, [Report("p", 30.0, variant="b")], [did(40.0, "win"), given_a(50.0)])
    assert figures(tally) == ({"a": 1}, {("bet", "a"): 1}, 1)
    assert tally.players == 2


@given(st.lists(reports, max_size=30), st.randoms(use_true_random=False), st.sampled_from([None, 40.0]))
def test_neither_order_nor_repetition_nor_batches_matter(found: list[Report], dice: object, within: float) -> None:
    again = [*found, *found[: len(found) // 2]]
    dice.shuffle(again)  # type: ignore[attr-defined]
    one_by_one = Counting(within).of(*([report] for report in again))
    if within is None:
        assert figures(Counting(within).of(found)) == figures(one_by_one)
    totals = one_by_one
    assert totals.players == len({report.player for report in found if report.variant})
    for by in totals.converted.values():
        assert all(0 <= count <= totals.exposed[variant] for variant, count in by.items() if count)


def test_what_clients_lost_is_added_up_once() -> None:
    tally = Tally().losing("one", 5).losing("two", 3).losing("one", 5).losing("one", 4).losing("one", 7)
    assert tally.lost == 10
    for number in range(2_000):
        tally = tally.losing(f"client-{number}", 1)
    assert len(tally.lost_by) == 1_000
    assert tally.losing("one", 9).lost_by["one"] == 9
