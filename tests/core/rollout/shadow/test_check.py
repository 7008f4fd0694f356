"""Copies that are refused before anything starts, and those that are only risky."""

import pytest

from croupier.core.rollout.check import advise, check
from croupier.core.rollout.shadow.mirror import Allowed, Compare, How, Ignored, TextMatch
from croupier.core.rollout.spec import Pause, RolloutSpec, SetMirrorRoute, SetWeight, Shadow, Step

WRITE = Allowed(("POST",), TextMatch(How.EXACT, "/pay/quote"))


def spec(*steps: Step) -> RolloutSpec:
    return RolloutSpec("p", "p", steps, ("slo",))


def mirrored(**match: object) -> SetMirrorRoute:
    return SetMirrorRoute("copies", 1_000, (Allowed(**match),))  # type: ignore[arg-type]


def exact(text: str, how: How = How.EXACT) -> TextMatch:
    return TextMatch(how, text)


@pytest.mark.parametrize(
    "step, place, problem",
    [
        (SetMirrorRoute("copies", 10_001), "percentage", "a share of 100.01 is not possible"),
        (SetMirrorRoute("shadow", 100), "name", "'shadow' is the name of what"),
        (mirrored(methods=("POST",)), "match.0", "POST would be copied at every path"),
        (mirrored(methods=("GET", "PUT"), path=exact("/pay", How.PREFIX)), "match.0", "PUT would be copied at every"),
        (mirrored(path=exact("")), "match.0.path", "a text to match has 1 to 500"),
        (mirrored(path=exact("/a\n")), "match.0.path", "a text to match has 1 to 500"),
        (mirrored(path=exact("(?=a)", How.REGEX)), "match.0.path.regex", "'(?=a)' is no regular expression of RE2"),
        (mirrored(headers=(("x-a", exact("x" * 501)),)), "match.0.headers.x-a", "a text to match has 1 to 500"),
        (Shadow(-1, 60.0), "share", "a share of -0.01 is not possible"),
        (Shadow(0, 60.0), "share", "this step copies nothing"),
        (Shadow(100, 0.0), "for", "shadowing for 0 seconds is not possible"),
        (Shadow(100, float("inf")), "for", "shadowing for inf seconds is not possible"),
        (Shadow(100, 60.0, compare=Compare(0)), "compare.sample", "this compares nothing"),
        (Shadow(100, 60.0, (WRITE,), compare=Compare(1)), "compare", "only reads are compared, and none is copied"),
        (Shadow(1, 60.0, compare=Compare(1, Ignored(("$.a..",)))), "compare.ignore.fields.0", "'$.a..' is no place"),
        (Shadow(1, 60.0, compare=Compare(1, Ignored(tolerance=1.0))), "compare.ignore.tolerance", "a tolerance is"),
        (Shadow(1, 60.0, compare=Compare(1, most=1.0)), "compare.maxDifferences", "a bound is a share below 1"),
        (Shadow(1, 60.0, compare=Compare(1, at_least=0)), "compare.atLeast", "the least number of comparisons is 1"),
    ],
)
def test_what_makes_no_sense_is_refused(step: Step, place: str, problem: str) -> None:
    [found] = check(spec(step, Pause()))
    assert found.message.startswith(problem)
    assert ".".join(map(str, found.path)) == f"spec.strategy.canary.steps.0.{step.kind}.{place}"
    assert found.hint


def test_headers_that_make_sense_are_taken() -> None:
    assert check(spec(mirrored(headers=(("x-a", exact("1")), ("x-b", exact("a|b", How.REGEX)))), Pause())) == ()


def test_reads_and_named_writes_may_be_copied() -> None:
    fine = mirrored(methods=("GET",), path=exact("/a(b|c)?", How.REGEX))
    assert (
        check(spec(fine, Shadow(0, 60.0, compare=Compare(500, Ignored(("$.a",)))), Shadow(100, 60.0, (WRITE,)))) == ()
    )


def test_a_named_write_is_warned_about() -> None:
    both = (WRITE, Allowed())
    found = [
        problem for problem in advise(spec(Shadow(100, 60.0, both), SetWeight(100), Pause())) if "POST" in str(problem)
    ]
    assert [problem.path[-1] for problem in found] == ["shadow"]
    assert "copies of POST /pay/quote are writes" in found[0].message


def test_copies_that_nobody_waits_for_are_warned_about() -> None:
    at_once = spec(SetMirrorRoute("copies", 100), SetWeight(100), SetMirrorRoute("copies", 0))
    assert any("nothing has time to be copied" in problem.message for problem in advise(at_once))
    slow = spec(SetWeight(100), SetMirrorRoute("copies", 100), Pause())
    assert not any("nothing has time" in problem.message for problem in advise(slow))


def test_a_shadow_gives_time_to_look_at_a_weight() -> None:
    assert not any("time to look" in problem.message for problem in advise(spec(SetWeight(100), Shadow(100, 60.0))))
