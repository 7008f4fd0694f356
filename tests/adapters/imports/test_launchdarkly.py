"""LaunchDarkly's flags imported: compared with the evaluator of its own SDK, player by player."""

from typing import Any

import pytest
from ldclient import Context
from ldclient.impl.evaluator import Evaluator
from ldclient.impl.events.types import EventFactory
from ldclient.impl.model import FeatureFlag, Segment
from tests.adapters.imports.asking import people, ruleset_of

from croupier.adapters.imports import Fate, import_launchdarkly
from croupier.core.flags.model import Rule, Share
from croupier.errors import Rejected


def flag(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "key": "f",
        "version": 3,
        "on": True,
        "salt": "s4lt",
        "variations": [True, False],
        "offVariation": 1,
        "fallthrough": {"variation": 1},
        "rules": [{"id": f"r{index}", **rule} for index, rule in enumerate(rules)],
        "targets": [],
        "prerequisites": [],
        **more,
    }


def clause(attribute: str, operator: str, *values: Any, **more: Any) -> dict[str, Any]:
    return {"attribute": attribute, "op": operator, "values": list(values), **more}


def rollout(*weights: int, **more: Any) -> dict[str, Any]:
    parts = [{"variation": index, "weight": weight} for index, weight in enumerate(weights)]
    return {"rollout": {"variations": parts, **more}}


PEOPLE = people(800, known=1.0)


def segment(key: str, *rules: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    rest = {"version": 1, "included": [], "excluded": [], "salt": "x", **more}
    return {"key": key, "rules": [{"clauses": clauses} for clauses in rules], **rest}


NORTH = segment(
    "north",
    [clause("market", "in", "SE")],
    [clause("level", "lessThan", 3)],
    included=["player-1", "player-2"],
    excluded=["player-3", "player-2"],
)
INNER = segment("inner", [clause("", "segmentMatch", "north"), clause("market", "in", "DE", negate=True)])
ELSEWHERE: dict[str, Any] = {"bucketBy": "/account/id", "contextKind": "user"}


def compare(
    flags: dict[str, dict[str, Any]], contexts: list[dict[str, Any]], *segments: dict[str, Any], key: str = "f"
) -> set[Any]:
    """Everybody gets what LaunchDarkly gives them; the values that were met."""
    document = {"flags": flags, "segments": {segment["key"]: segment for segment in segments}}
    imported = import_launchdarkly(document)
    assert key in {each.key for each in imported.flags}, imported.notes
    rules = ruleset_of(imported.flags)
    known = {name: FeatureFlag(data) for name, data in flags.items()}
    parts = {segment["key"]: Segment(segment) for segment in segments}
    evaluator = Evaluator(known.get, parts.get, lambda _: (None, "NOT_CONFIGURED"))
    met = set()
    factory = EventFactory(False)
    for context in contexts:
        rest = {name: value for name, value in context.items() if name != "targetingKey"}
        theirs = Context.from_dict({"kind": "user", "key": context["targetingKey"], **rest})
        detail: Any = evaluator.evaluate(known[key], theirs, factory).detail
        outcome = rules.outcome(key, context)
        assert outcome.value == detail.value, (context, outcome)
        met.add(outcome.value)
    return met


@pytest.mark.parametrize(
    "given",
    [
        flag(),
        flag(fallthrough={"variation": 0}),
        flag(on=False, fallthrough={"variation": 0}),
        flag(fallthrough=rollout(25_000, 75_000)),
        flag(fallthrough=rollout(25_000, 75_000, seed=61)),
        flag(fallthrough=rollout(25_000, 75_000, bucketBy="/account/id")),
        flag(fallthrough=rollout(25_000, 75_000, **ELSEWHERE)),
        flag(fallthrough=rollout(0, 25_000, **ELSEWHERE)),
        flag(fallthrough=rollout(25_000, 75_000, **ELSEWHERE, kind="experiment", seed=5)),
        flag(fallthrough=rollout(0, 100_000)),
        flag(fallthrough=rollout(100_000, 0)),
        flag(fallthrough=rollout(100_000)),
        flag(fallthrough=rollout(0, 0)),
        flag(fallthrough=rollout(10_000, 10_000)),
        flag(variations=["a", "b", "c"], fallthrough=rollout(33_333, 33_333, 33_334)),
        flag(variations=["a", "b", "c"], fallthrough=rollout(20_001, 1, 79_998), on=True),
        flag({"clauses": [clause("market", "in", "DE", "SE")], **rollout(40_000, 60_000)}),
        flag(targets=[{"variation": 0, "values": ["player-3", "player-5"]}], fallthrough=rollout(50_000, 50_000)),
        flag(
            targets=[{"variation": 0, "values": ["player-3"]}, {"variation": 1, "values": ["player-4"]}],
            contextTargets=[
                {"contextKind": "user", "variation": 1, "values": []},
                {"contextKind": "user", "variation": 0, "values": []},
            ],
        ),
        flag(contextTargets=[{"contextKind": "user", "variation": 0, "values": []}]),
        *(
            flag(
                {"clauses": [given, clause("market", "in", "UK", negate=True)], "variation": 0},
                fallthrough=rollout(9_000, 91_000),
            )
            for negate in (False, True)
            for given in (
                clause("market", "in", "DE", negate=negate),
                clause("market", "in", negate=negate),
                clause("market", "startsWith", "D", "S", negate=negate),
                clause("market", "endsWith", "E", negate=negate),
                clause("market", "contains", "E", negate=negate),
                clause("market", "matches", "^[DS]E", negate=negate),
                clause("level", "lessThan", 4, negate=negate),
                clause("level", "lessThanOrEqual", 4, 2, negate=negate),
                clause("level", "greaterThan", 4.5, negate=negate),
                clause("level", "greaterThanOrEqual", 4, negate=negate),
                clause("level", "greaterThanOrEqual", "4", negate=negate),
                clause("level", "in", 4, 5, negate=negate),
                clause("app", "semVerEqual", "2.0.0", negate=negate),
                clause("app", "semVerLessThan", "2.0.0", negate=negate),
                clause("app", "semVerGreaterThan", "2.0.0-alpha", negate=negate),
                clause("employee", "in", True, negate=negate),
                clause("/account/vip", "in", True, negate=negate, contextKind="user"),
                clause("key", "in", "player-1", "player-9", negate=negate),
                clause("", "segmentMatch", "north", negate=negate),
                clause("", "segmentMatch", "inner", "north", negate=negate),
            )
        ),
    ],
)  # fmt: skip
def test_everybody_keeps_what_they_have(given: dict[str, Any]) -> None:
    compare({"f": given}, PEOPLE, NORTH, INNER)


def test_thousands_of_players() -> None:
    given = flag(
        {"clauses": [clause("market", "in", "DE", "SE")], **rollout(25_000, 75_000)}, fallthrough=rollout(1_000, 99_000)
    )
    assert compare({"f": given}, people(10_000, 2, known=1.0)) == {True, False}


def test_prerequisites() -> None:
    parent = flag(key="p", fallthrough=rollout(50_000, 50_000))
    child = flag(fallthrough=rollout(60_000, 40_000), prerequisites=[{"key": "p", "variation": 0}])
    assert compare({"f": child, "p": parent}, PEOPLE) == {True, False}
    off = flag(key="p", on=False)
    compare({"f": child, "p": off}, PEOPLE[:50])


def test_a_prerequisite_s_off_variation_is_told() -> None:
    parent = flag(key="p", fallthrough=rollout(50_000, 50_000))
    imported = import_launchdarkly({"flags": {"f": flag(prerequisites=[{"key": "p", "variation": 1}]), "p": parent}})
    assert [(note.flag, note.fate.value, note.text) for note in imported.notes] == [
        ("f", "changed", "it requires the off variation of p, which now also counts while that is off."),
        ("p", "kept", "players are dealt by launchdarkly.1 (SHA-1), as before."),
    ]


def test_what_else_is_kept() -> None:
    given = flag({"clauses": [], "variation": 0, "description": "all"}, description="Lobby", tags=["x"])
    (found,) = import_launchdarkly({"flags": {"f": given}}).flags
    assert (found.description, found.tags, found.off) == ("Lobby", ("x",), "off")
    assert found.rules == (Rule(name="all"), Rule(serve=(Share("off", 1),), name="fallthrough"))
    (others,) = import_launchdarkly({"flags": {"f": flag(variations=[False, False, True])}}).flags
    assert list(others.variants) == ["variation-0", "variation-1", "variation-2"]


@pytest.mark.parametrize(
    "given, words",
    [
        (3, "the flag is no object."),
        (flag(deleted=True), "it is deleted."),
        (flag(offVariation=None), "it has no off variation: the code's default answers while it is off."),
        (flag(offVariation=7), "there is no variation 7."),
        (flag(fallthrough=None), "fallthrough is no object."),
        (flag(fallthrough={}), "a rule without a variation is no object."),
        (flag(fallthrough=rollout(1, 2, contextKind="device")), "a rollout goes by contexts of the kind device."),
        (flag(fallthrough=rollout()), "a rollout has no whole weights."),
        (flag(fallthrough={"rollout": {"variations": [{"variation": 0}]}}), "a rollout has no whole weights."),
        (flag(prerequisites=[{"key": "x", "variation": 0}]), "the flag that it requires is no object."),
        (flag(prerequisites=[{"key": "f", "variation": 9}]), "it requires variation 9 of f, which there is not."),
        (flag(contextTargets=[{"contextKind": "org", "variation": 0, "values": ["x"]}]),
         "it targets contexts of the kind org."),
        (flag({"clauses": [clause("x", "in", "y", contextKind="org")], "variation": 0}),
         "a rule asks for contexts of the kind org."),
        (flag({"clauses": [clause("x", "in", ["y"])], "variation": 0}), "a rule compares with lists or objects."),
        (flag({"clauses": [clause("x", "before", 3)], "variation": 0}), "a rule uses the operator before."),
        (flag({"clauses": [clause("x", "semVerEqual", "2")], "variation": 0}),
         "a rule compares with the version 2, which is not whole."),
        (flag({"clauses": [clause("", "segmentMatch", "gone")], "variation": 0}), "segment gone is no object."),
        (flag({"clauses": [clause("", "segmentMatch", "big")], "variation": 0}), "segment big is a big one"),
        (flag({"clauses": [clause("", "segmentMatch", "kinds")], "variation": 0}), "segment kinds lists contexts"),
        (flag({"clauses": [clause("", "segmentMatch", "part")], "variation": 0}), "segment part takes a share"),
        (flag({"clauses": [clause("", "segmentMatch", "round")], "variation": 0}), "segments contain one another."),
        (flag({"clauses": [clause("/a/b\\c", "in", 1, contextKind="user")], "variation": 0}),
         "conditions cannot name the attribute 'a.b"),
        (flag(rules={}), "rules is no list."),
        (flag(targets=[{"variation": 0, "values": ["x"]}], contextTargets=[{"variation": 0}], variations=[{}]),
         "there is no variation 1."),
        (flag(fallthrough=rollout(1, 2, bucketBy="a.b")), "a rollout goes by the attribute 'a.b', whose name"),
        (flag({"clauses": [clause("/a/b", "in", 1)], "variation": 0}), "conditions cannot name the attribute '/a/b'."),
        (flag(targets=[{"values": ["x"]}]), "it is not shaped as expected (KeyError: 'variation')."),
        (flag(variations=[1, "a"]), "variants: variants differ in type"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_left_out(given: Any, words: str) -> None:
    segments = {
        "big": {"unbounded": True},
        "kinds": {"includedContexts": [{}]},
        "part": {"rules": [{"clauses": [], "weight": 5}]},
        "round": {"rules": [{"clauses": [clause("", "segmentMatch", "round")]}]},
    }
    imported = import_launchdarkly({"flags": {"f": given}, "segments": segments})
    assert imported.flags == ()
    (note,) = imported.notes
    assert (note.fate, note.text[: len(words)]) == (Fate.LEFT_OUT, words)


@pytest.mark.parametrize("data", [None, [], {}, {"flags": []}])
def test_no_document(data: Any) -> None:
    with pytest.raises(Rejected, match="no LaunchDarkly document"):
        import_launchdarkly(data)


def test_segments_of_segments_of_segments() -> None:
    """Each asks the one below in six places: said as one condition that is nineteen times as many, and more."""
    chain = [segment("s0", [clause("market", "in", "DE")])]
    for number in range(1, 19):
        below = f"s{number - 1}"
        chain.append(
            segment(f"s{number}", *([clause("", "segmentMatch", below, below, negate=turn)] for turn in (True, False)))
        )
    rule = {"clauses": [clause("", "segmentMatch", "s18")], "variation": 0}
    (note,) = import_launchdarkly({"flags": {"f": flag(rule)}, "segments": {each["key"]: each for each in chain}}).notes
    assert "more than 500 parts" in note.text
