"""What a report says nothing of, and the net below the imports."""

from croupier.adapters.imports.leaves import leaves, say_once, say_the_rest, unsaid
from croupier.adapters.imports.made import Became, Extent, Made

DATA = {"a": {"b": 1, "c": [2, {"d": None}]}, "e": {}, "f": []}


def test_every_value_is_a_leaf_also_an_empty_one() -> None:
    assert list(leaves(DATA)) == [("a", "b"), ("a", "c", 0), ("a", "c", 1, "d"), ("e",), ("f",)]


def test_a_line_speaks_for_its_field_and_all_below_unless_it_says_otherwise() -> None:
    made = Made()
    made.kept(("a", "c"))
    made.differs(("a",), "all of it is slower")
    made.changed((), "the document")
    assert list(unsaid(DATA, made.lines)) == [("a", "b"), ("e",), ("f",)]
    made.differs(("e",), "a remark is no answer")
    assert list(unsaid(DATA, made.lines)) == [("a", "b"), ("e",), ("f",)]


def test_lines_about_the_same_values_become_one() -> None:
    made = Made()
    made.kept(("a", "b"), "inside")
    made.changed(("a",), "around")
    made.kept(("e",))
    made.changed(("e",), "twice")
    made.differs(("a",), "a remark")
    made.kept(("f",), "1")
    made.lost(("f",), "2")
    say_once(made)
    assert [(line.path, line.fate.value, line.text) for line in made.lines] == [
        (("a",), "changed", "inside; around"),
        (("e",), "changed", "as it is; twice"),
        (("f",), "not possible", "2"),
        (("a",), "changed", "a remark"),
    ]


def test_what_no_line_names_gets_one_and_counts_as_lost() -> None:
    made = Made(what="rollout", documents=[{"kind": "Rollout"}])
    made.kept(("a",))
    assert made.extent is Extent.WHOLE
    say_the_rest(DATA, made)  # what is left is empty
    assert [(line.path, line.fate) for line in made.lines[1:]] == [(("e",), Became.KEPT), (("f",), Became.KEPT)]
    assert not made.lacks
    say_the_rest({**DATA, "g": 0}, made)
    assert made.lines[-1].path == ("g",)
    assert made.lacks
