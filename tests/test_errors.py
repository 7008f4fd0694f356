"""Errors are instructions: they say what, where and what to do, and the kinds tell whose fault it is."""

import pytest

from croupier.errors import Conflict, CroupierError, Fenced, NotFound, Problem, Rejected, Transient


@pytest.mark.parametrize(
    "path, field",
    [
        ((), ""),
        (("spec",), "spec"),
        (("spec", "steps", 2, "setWeight"), "spec.steps[2].setWeight"),
        ((0, "kind"), "[0].kind"),
        (("matrix", 1, 2), "matrix[1][2]"),
    ],
)
def test_a_path_reads_as_people_write_it(path: tuple[str | int, ...], field: str) -> None:
    assert Problem("wrong", path).field == field


@pytest.mark.parametrize(
    "problem, text",
    [
        (Problem("It is wrong."), "It is wrong."),
        (Problem("It is wrong.", ("spec", "steps", 0)), "spec.steps[0]: It is wrong."),
        (Problem("It is wrong.", hint="Mend it."), "It is wrong. Mend it."),
        (Problem("It is wrong.", ("spec",), "Mend it."), "spec: It is wrong. Mend it."),
    ],
)
def test_a_problem_is_one_sentence_with_place_and_advice(problem: Problem, text: str) -> None:
    assert str(problem) == text


def test_an_error_says_what_to_do() -> None:
    assert str(Rejected("No.", hint="Ask again.")) == "No. Ask again."
    assert str(Rejected("No.")) == "No."


def test_a_rejection_carries_every_problem() -> None:
    problems = (Problem("a"), Problem("b"))
    assert Rejected("Two mistakes.", problems=problems).problems == problems
    assert Rejected("None named.").problems == ()


def test_kinds_nest_so_that_the_general_answer_fits_the_special_case() -> None:
    assert issubclass(NotFound, Rejected)
    assert issubclass(Fenced, Conflict)
    assert not issubclass(Transient, Rejected | Conflict)
    assert issubclass(Transient, CroupierError)


def test_trouble_outside_says_when_to_try_again() -> None:
    assert Transient("The database is gone.").retry_after_s == 1.0
    assert Transient("The database is gone.", retry_after_s=5).retry_after_s == 5
