"""GrowthBook's features imported: compared with its own SDK, player by player."""

import json
from random import Random
from typing import Any

import pytest
from growthbook import GrowthBook
from tests.adapters.imports.asking import MARKETS, people, ruleset_of

from croupier.adapters.imports import Fate, import_growthbook
from croupier.core.flags.model import Prerequisite
from croupier.errors import Rejected

ABC = {"variations": ["a", "b", "c"], "weights": [0.5, 0.3, 0.2]}
GROUPS = {
    "north": ["SE", "DE"],
    "typed": {"type": "list", "attributeKey": "market", "values": ["UK"]},
    "high": {"type": "condition", "condition": {"level": {"$gte": 5}, "$savedGroup": {"id": "typed"}}},
}


def feature(*rules: dict[str, Any], default: Any = False, **more: Any) -> dict[str, Any]:
    return {"defaultValue": default, "rules": list(rules), **more}


def text(*rules: dict[str, Any]) -> dict[str, Any]:
    return feature(*rules, default="none")


def force(coverage: Any = None, value: Any = True, **more: Any) -> dict[str, Any]:
    return {"force": value, **({} if coverage is None else {"coverage": coverage}), "hashVersion": 2, **more}


def experiment(**more: Any) -> dict[str, Any]:
    return {"key": "exp", "variations": ["a", "b"], "weights": [0.5, 0.5], "coverage": 1, "hashVersion": 2, **more}


def only(**condition: Any) -> dict[str, Any]:
    return {"condition": condition}


def space(*ranges: list[float], **more: Any) -> dict[str, Any]:
    return {"filters": [{"attribute": "id", "seed": "space", "hashVersion": 2, "ranges": list(ranges), **more}]}


PEOPLE = [*people(800), *({**each, "market": None, "app": None} for each in people(100, 3))]
MANY = people(10_000, 2)


def theirs_of(context: dict[str, Any]) -> dict[str, Any]:
    """The attributes as GrowthBook has them: it knows players by their id."""
    return {"id" if name == "targetingKey" else name: value for name, value in context.items()}


def compare(features: dict[str, Any], players: list[dict[str, Any]], key: str = "f") -> set[Any]:
    """Everybody gets what GrowthBook gives them; the values that were met."""
    imported = import_growthbook({"features": features, "savedGroups": GROUPS})
    assert key in {flag.key for flag in imported.flags}, imported.notes
    rules = ruleset_of(imported.flags)
    theirs: Any = GrowthBook(features=features, saved_groups=GROUPS)
    met = set()
    for context in players:
        theirs.set_attributes(theirs_of(context))
        value = theirs.eval_feature(key).value
        outcome = rules.outcome(key, context)
        assert outcome.value == value, (context, outcome)
        met.add(value)
    return met


SHAPES = [
    feature(),
    feature(default=True),
    feature(force()),
    feature(force(0.25)),
    feature(force(0.333)),
    feature(force(0.25, hashVersion=1)),
    feature(force(0.3337, hashVersion=1)),
    feature(force(0.25, hashVersion=None, seed="s")),
    feature(force(1.0)),
    feature(force(0)),
    feature(force(range=[0, 0.3])),
    feature(force(range=[0.2, 0.3])),
    feature(force(0.5, hashAttribute="device")),
    feature(force(0.5, hashAttribute="device", fallbackAttribute="id")),
    feature(force(0.5, **space([0, 0.4]))),
    feature(force(**space([0.2, 0.4], [0.6, 0.9]))),
    feature(force(0.5, **space([0.2, 0.4], [0.6, 0.9]))),
    feature(force(0.5, market="DE", **only(market={"$in": ["DE", "SE"]})), force(0.1)),
    feature(force(value=False, **only(market="DE")), force(0.5)),
    text(experiment()),
    text(experiment(**ABC)),
    text(experiment(**ABC, hashVersion=1)),
    text(experiment(**ABC, hashVersion=None, seed="other", name="x", phase="1")),
    text(experiment(variations=["a", "b", "c"], weights=[0.334, 0.333, 0.333])),
    text(experiment(variations=["a", "b", "c"], weights=[0.3333, 0.3333, 0.3333])),
    text(experiment(variations=["a", "b", "c"], weights=[0.3, 0.3])),
    text(experiment(variations=["a", "a", "b"], weights=[0.1, 0.2, 0.7])),
    text(experiment(weights=[1, 0])),
    text(experiment(weights=[0, 1], coverage=0.4)),
    text(experiment(coverage=0.4)),
    text(experiment(coverage=0)),
    text(experiment(coverage=2)),
    text(experiment(**ABC, coverage=0.7, hashVersion=1)),
    text(experiment(ranges=[[0.1, 0.2], [0.5, 1]])),
    text(experiment(ranges=[[0, 0.2], [0.2, 0.5]])),
    text(experiment(coverage=0.4), force(value="below", **only(market="DE")), force(value="last")),
    text(experiment(coverage=0.4), force(0.3, "below", **only(market="DE")), force(value="last")),
    text(experiment(coverage=0.4, **only(level={"$gt": 4})), force(value="below", **only(market="DE"))),
    text(experiment(ranges=[[0, 0.2], [0.2, 0.5]]), experiment(key="next", **ABC)),
    text(experiment(variations=["a", "b"], weights=[0.9, 0.1], meta=[{"key": "0", "passthrough": True}, {"key": "1"}])),
    text(experiment(variations=["hold", "hold"], weights=[0.9, 0.1], meta=[{"passthrough": True}]),
         force(value="below", **only(market="DE"))),
    text(experiment(variations=["hold", "x"], ranges=[[0, 0.1], [0.1, 1]], meta=[{}, {"passthrough": True}]),
         experiment(**ABC, coverage=0.5)),
    text(experiment(**space([0, 0.4]))),
    text(experiment(**space([0.3, 0.4], [0.6, 0.7]))),
    text(experiment(coverage=0.5, **space([0.3, 0.6])), force(value="below", **only(market="DE"))),
    text(experiment(**space([0, 0.4])), experiment(key="next", **ABC)),
    text(experiment(hashVersion=1, namespace=["pricing", 0.2, 0.7])),
    text(experiment(hashVersion=1, namespace=["pricing", 0, 0.7])),
    text(experiment(hashVersion=1, hashAttribute="device", namespace=["pricing", 0.2, 1])),
    text(experiment(variations=["a"]), {"id": "neither"}, force(value="below")),
    feature(force(value=2.5), default=1),
    feature(experiment(variations=[1, 2]), default=0),
]  # fmt: skip


@pytest.mark.parametrize("given", SHAPES)
def test_everybody_keeps_what_they_have(given: dict[str, Any]) -> None:
    compare({"f": given}, MANY)


@pytest.mark.parametrize(
    "given, values",
    [
        (feature(force(0.25, **only(market={"$in": ["DE", "SE"]}))), {True, False}),
        (feature(force(0.333, hashVersion=1)), {True, False}),
        (text(experiment(**ABC)), {"a", "b", "c", "none"}),
        (text(experiment(**ABC, hashVersion=1)), {"a", "b", "c", "none"}),
        (text(experiment(coverage=0.4), force(value="below", **only(market="DE"))), {"a", "b", "below", "none"}),
        (text(experiment(**space([0.3, 0.6]))), {"a", "b", "none"}),
        (text(experiment(hashVersion=1, namespace=["pricing", 0.2, 0.7])), {"a", "b", "none"}),
    ],
)
def test_every_part_has_its_players(given: dict[str, Any], values: set[Any]) -> None:
    assert compare({"f": given}, PEOPLE) == values


def test_any_mixture() -> None:
    """Rules put together at random; those that cannot be carried over say so."""
    random = Random(4)
    carried = 0
    for _ in range(150):
        rules = [_any_rule(random) for _ in range(random.randrange(1, 4))]
        if import_growthbook({"features": {"f": text(*rules)}}).flags:
            carried += 1
            compare({"f": text(*rules)}, PEOPLE[:200])
    assert carried > 75


def _any_rule(random: Random) -> dict[str, Any]:
    more: dict[str, Any] = {"hashVersion": random.choice([1, 2, 2])}
    if random.random() < 0.5:
        more |= only(market=random.choice(MARKETS))
    if random.random() < 0.2:
        more["hashAttribute"] = "device"
    if random.random() < 0.2:
        more |= space(random.choice([[0, 0.4], [0.3, 0.8]]), hashVersion=more["hashVersion"])
    if random.random() < 0.4:
        return force(random.choice([None, 0.1, 0.5, 0.999]), random.choice("xyz"), **more)
    weights = [random.random() for _ in range(3)]
    return experiment(
        key=random.choice(["exp", "other"]),
        variations=["a", "b", "c"],
        weights=[round(each / sum(weights), 4) for each in weights],
        **{"coverage": random.choice([1, 1, 0.5, 0.123]), **more},
    )


def test_whatever_is_given_there_is_a_report() -> None:
    random = Random(3)
    given = json.dumps(
        {"features": {"f": text(experiment(**space([0, 0.5]), **only(level={"$gt": 3})), force(0.5, "x"))}}
    )
    for _ in range(500):
        at = random.randrange(len(given))
        noise = given[:at] + random.choice(['"', "[", "]", "{", "}", "1", "null", ",", ""]) + given[at + 1 :]
        try:
            data = json.loads(noise)
        except ValueError:
            continue
        if isinstance(data, dict) and isinstance(data.get("features"), dict):
            imported = import_growthbook(data)
            assert len(imported.notes) >= len(imported.flags)


@pytest.mark.parametrize("negated", [False, True])
@pytest.mark.parametrize(
    "condition",
    [
        {},
        {"market": "DE"},
        {"market": None},
        {"market": {}},
        {"market": {"$eq": "DE"}},
        {"market": {"$eq": None}},
        {"market": {"$ne": "DE"}},
        {"market": {"$in": ["DE", None]}},
        {"market": {"$in": []}},
        {"market": {"$nin": ["DE", "SE"]}},
        {"market": {"$ini": ["de", "se"]}},
        {"market": {"$nini": ["de"]}},
        {"market": {"$exists": True}},
        {"market": {"$exists": False}},
        {"market": {"$not": {"$eq": "DE"}}},
        {"market": {"$not": "DE"}},
        {"market": {"$inGroup": "north"}},
        {"market": {"$notInGroup": "north"}},
        {"market": {"$inGroup": "typed"}},
        {"market": {"$inGroup": "gone"}},
        {"$savedGroup": {"id": "typed"}},
        {"$savedGroup": {"id": "high"}},
        {"app": {"$regex": "^2"}},
        {"app": {"$regexi": "RC"}},
        {"app": {"$notRegex": "^2"}},
        {"app": {"$notRegexi": "RC"}},
        {"app": {"$veq": "2.0.0"}},
        {"app": {"$vne": "2.0.0"}},
        {"app": {"$vlt": "2.0.0"}},
        {"app": {"$vlte": "v2.0.0-rc.1"}},
        {"app": {"$vgt": "2.0.0-alpha"}},
        {"app": {"$vgte": "2.0.0+build"}},
        {"app": {"$lt": "2"}},
        {"level": {"$gt": 2, "$lte": 7}},
        {"level": {"$lt": True}},
        {"level": 3},
        {"account.vip": True},
        {"account.vip": {"$ne": True}},
        {"id": "player-3"},
        {"id": {"$in": ["player-1", "player-2"]}},
        {"tags": {"$size": 2}},
        {"tags": {"$all": ["beta", "vip"]}},
        {"tags": {"$elemMatch": {"$eq": "vip"}}},
        {"tags": {"$elemMatch": {"$in": ["vip", "other"]}}},
        {"market": {"$ini": ["de", None]}},
        {"$or": [{"market": "DE"}, {"level": {"$gt": 4}}]},
        {"$or": []},
        {"$nor": [{"market": "DE"}, {"level": {"$gt": 4}}]},
        {"$and": [{"market": "DE"}, {"level": {"$gt": 4}}]},
        {"market": "DE", "$not": {"level": 3}},
    ],
)
def test_conditions_fit_the_same_players(condition: dict[str, Any], negated: bool) -> None:
    asked = {"$not": condition} if negated else condition
    players = (
        [each for each in PEOPLE if "tags" in each] if "$size" in str(condition) or "tags" in condition else PEOPLE
    )
    compare({"f": feature(force(condition=asked))}, players)


def test_what_all_rules_require() -> None:
    parent = text(force(value="a", **only(market="DE")))
    gate = {"parentConditions": [{"id": "p", "condition": {"value": {"$in": ["a", "b"]}}, "gate": True}]}
    child = feature(gate, force(0.5))
    imported = import_growthbook({"features": {"f": child, "p": parent}})
    assert imported.flags[0].prerequisites == (Prerequisite("p", ("a",)),)
    assert imported.notes[0].text.startswith("where what it requires is not met, the code's default answered")
    rules = ruleset_of(imported.flags)
    theirs: Any = GrowthBook(features={"f": child, "p": parent})
    for context in PEOPLE:
        theirs.set_attributes(theirs_of(context))
        assert rules.outcome("f", context).value is theirs.is_on("f")
    own = {"parentConditions": gate["parentConditions"], **force(0.5)}
    assert import_growthbook({"features": {"f": feature(own), "p": parent}}).flags[0] == imported.flags[0]


def test_what_the_report_says() -> None:
    features = {
        "a": feature(force(0.5)),
        "b": feature(force()),
        "c": feature(force(condition={"app": {"$vgt": "1.2.3"}})),
        "d": text(experiment(fallbackAttribute="device", minBucketVersion=1)),
        "e": feature(default=None),
    }
    imported = import_growthbook({"features": features})
    assert [(note.flag, note.fate.value, note.text) for note in imported.notes] == [
        ("a", "kept", "players are dealt by growthbook.1 or growthbook.2 (FNV-1a), as before."),
        ("b", "kept", "no shares in it."),
        ("c", "changed", "a version that is no semantic one (1.2, v1.2.3) fits no comparison of versions now."),
        ("d", "changed", "buckets that GrowthBook stored for players are not carried over; the hash decides."),
        ("e", "left out", "it has no default value: the code's default answers."),
    ]
    variants = text(experiment(variations=["a", "A b", "none"]))
    (flag,) = import_growthbook({"features": {"f": {**variants, "description": "Lobby"}}}).flags
    assert (flag.variants, flag.off) == ({"none": "none", "a": "a", "value-3": "A b"}, "none")
    assert flag.description == "Lobby"


def _nested(depth: int) -> Any:
    return {"$not": _nested(depth - 1)} if depth else 1


@pytest.mark.parametrize(
    "given, words",
    [
        (3, "the feature is no object."),
        (feature(force(hashVersion=3, coverage=0.5)), "it hashes by version 3."),
        (feature(force("x")), "'x' is no part of its players."),
        (feature(force(0.5, hashAttribute="a.b")), "it deals players by 'a.b', whose name has a dot."),
        (feature(force(0.5, **space([0, 0.4], attribute="device"))), "its namespace deals players by another hash"),
        (text(experiment(namespace=["pricing", 0, 0.7])), "its namespace deals players by another hash"),
        (feature(force(filters=[{"ranges": []}, {"ranges": []}])), "a rule is in several namespaces."),
        (text(experiment(coverage=0.4), experiment(key="next")), "a rule below deals players whom a namespace or"),
        (text(experiment(coverage=0.4), force(0.5, "x", hashVersion=1)), "a rule below deals players by another hash"),
        (text(experiment(coverage=0.5, **space([0.3, 0.6])), force(0.5, "x")), "a rule below deals players whom its"),
        (feature({"contextualVariations": [1, 2]}), "a rule is a contextual bandit."),
        (feature(force(), {"parentConditions": [{"id": "f", "gate": True}]}), "one of its rules, not all, requires"),
        (feature({"parentConditions": [{"id": "f"}], **force()}), "one of its rules, not all, requires"),
        (feature({"parentConditions": [{"id": "p", "gate": True}]}), "p, which it requires, is no object."),
        (feature({"parentConditions": [{"id": "f", "gate": True, "condition": {"value": "x"}}]}),
         "it requires what f never answers."),
        (feature({"parentConditions": [{"id": "f", "gate": True, "condition": {"value": False}}]}),
         "it requires what f now also answers where its own requirements are not met."),
        (feature(force(**only(x={"$type": "string"}))), "a condition uses $type."),
        (feature(force(**only(x={"$elemMatch": {"$gt": 3}}))), "a condition uses $elemMatch in a way"),
        (feature(force(**only(x=[1, 2]))), "a condition compares with a list or an object."),
        (feature(force(**only(x={"$in": [[1]]}))), "a condition compares with a list or an object."),
        (feature(force(**only(x={"$vgt": "2"}))), "a condition compares with the version 2, which is no semantic one."),
        (feature(force(condition={"$where": 1})), "a condition uses $where."),
        (feature(force(condition={"$savedGroup": {"id": "gone"}})), "a saved group is no object."),
        (feature(force(condition={"$savedGroup": {"id": "odd"}})), "it goes by a saved group of the type new."),
        (feature(force(condition={"$savedGroup": {"id": "round"}})), "a condition of it is nested too deeply."),
        (feature(force(condition={"x": _nested(30)})), "a condition of it is nested too deeply."),
        (feature(force(condition={"a-b": 1})), "conditions cannot name the attribute 'a-b'."),
        (feature(force(condition={"x": {"$regex": "(?=x)"}})), "the condition"),
        (feature(force(), default={"a": 1}), "variants: variants differ in type"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_left_out(given: Any, words: str) -> None:
    groups = {"odd": {"type": "new"}, "round": {"type": "condition", "condition": {"$savedGroup": {"id": "round"}}}}
    imported = import_growthbook({"features": {"f": given}, "savedGroups": groups})
    (note,) = imported.notes
    assert (note.fate, note.text[: len(words)]) == (Fate.LEFT_OUT, words)
    assert imported.flags == ()


@pytest.mark.parametrize("data", [None, [], {}, {"features": []}])
def test_no_document(data: Any) -> None:
    with pytest.raises(Rejected, match="no GrowthBook document"):
        import_growthbook(data)


def test_encrypted_features() -> None:
    with pytest.raises(Rejected, match="encrypted"):
        import_growthbook({"features": {}, "encryptedFeatures": "abc"})
