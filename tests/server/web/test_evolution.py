"""Evidence over time: what is kept of long stories, and what is drawn."""

import re

from tests.core.rollout.test_evidence import ERRORS, sample, started, watch

from croupier.core.gates import Counts, Group, Reading
from croupier.core.rollout import events as e
from croupier.server.web.evolution import HEIGHT, WIDTH, Evolution, Held, Look, Track, drawn

BAD: Group = (("psp", "kestrel"),)


def track_of(history: list[e.Event]) -> Track:
    track = Track()
    for event in history:
        if isinstance(event, e.GateJudged):
            track.take(ERRORS, event.state.evidence, event.at)
    return track


def told(bad: int, samples: int) -> Evolution:
    story = started(ERRORS)
    watch(story, bad, 500, samples=samples)
    found = drawn(ERRORS, track_of(story.events).looks, [(story.now, 5.0), (0.0, 1.0)])
    assert found is not None
    return found


def heights(path: str) -> list[float]:
    return [float(y) for _, y in re.findall(r"([\d.]+) ([\d.]+)", path)]


def test_a_bad_release_rises_to_where_it_is_blamed() -> None:
    found = told(6, 20)
    [curve] = found.curves
    assert curve.way == 1.0
    ways = heights(curve.path)
    assert ways == sorted(ways, reverse=True)
    assert ways[-1] == found.blamed_at
    assert [weight for _, weight in found.marks] == [5.0], "marks outside are not drawn"


def test_the_true_share_is_closed_in_upon() -> None:
    early, late = told(2, 3).estimates, told(2, 5).estimates
    assert early is not None
    assert late is not None
    for first, last in zip(early.arms, late.arms, strict=True):
        assert last.high - last.low < first.high - first.low
        assert last.low < 1 - last.counts.bad_share < last.high
    assert [arm.canary for arm in late.arms] == [True, False]
    assert late.arms[0].counts == Counts(2_490, 2_500)
    assert late.objective is not None
    assert 0 < late.objective < HEIGHT


def test_one_look_is_no_story() -> None:
    story = started(ERRORS)
    watch(story, 0, 500, samples=1)
    assert drawn(ERRORS, track_of(story.events).looks) is None
    assert drawn(ERRORS, ()) is None


def test_a_group_is_drawn_once_something_is_held_against_it() -> None:
    nothing = Held(0.0, Counts(10, 10), Counts(90, 90))
    looks = [Look(float(at), {(): nothing}) for at in range(5)]
    looks += [Look(at, {(): nothing, BAD: Held(at / 10, Counts(5, 10), nothing.baseline)}) for at in (5.0, 6.0, 7.0)]
    found = drawn(ERRORS, looks)
    assert found is not None
    assert [curve.group for curve in found.curves] == [BAD]
    assert heights(found.curves[0].path)[0] == HEIGHT, "before that it lies at the bottom"
    assert found.estimates is not None
    assert found.estimates.group == BAD


def test_thousands_of_looks_are_few_points_and_the_worst_is_among_them() -> None:
    track = Track()
    story = started(ERRORS)
    story.now += 10.0
    story.tick(sample(story, 2, 500))
    evidence = story.state.gates[0].evidence
    track.take(ERRORS, evidence, 0.0)
    for at in range(1, 5_000):
        track.take(ERRORS, evidence, float(at))
        if at == 3_333:
            track.looks[-1] = Look(float(at), {(): Held(0.9, Counts(1, 9), Counts(9, 9))})
    assert len(track.looks) <= 321
    assert max(look.worst for look in track.looks) == 0.9
    assert [look.at for look in track.looks] == sorted(look.at for look in track.looks)
    assert track.looks[-1].at == 4_999.0
    found = drawn(ERRORS, track.looks)
    assert found is not None
    assert found.estimates is not None
    texts = [*(curve.path for curve in found.curves), *(arm.band for arm in found.estimates.arms)]
    assert max(map(len, texts)) < 4_000
    for text in texts:
        numbers = [float(number) for number in re.findall(r"[\d.]+", text)]
        assert all(0 <= x <= WIDTH for x in numbers[::2])
        assert all(0 <= y <= HEIGHT for y in numbers[1::2])


def test_without_events_there_is_no_estimate() -> None:
    story = started(ERRORS)
    for _ in range(3):
        story.now += 10.0
        nobody: dict[Group, Counts] = {(): Counts(0, 0)}
        story.tick({"errors": Reading(story.now - 10, story.now, nobody, nobody)})
    found = drawn(ERRORS, track_of(story.events).looks)
    assert found is not None
    assert found.estimates is None
