"""Unleash's features imported: compared with Unleash's own engine, player by player."""

import json
from random import Random
from typing import Any

import pytest
from tests.adapters.imports.asking import MARKETS, ruleset_of
from yggdrasil_engine.engine import UnleashEngine

from croupier.adapters.imports import Fate, import_unleash
from croupier.core.flags.model import FlagType, OnExpiry, Prerequisite
from croupier.errors import Rejected


def feature(*strategies: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "f", "enabled": True, "strategies": list(strategies), **more}


def rollout(share: int, **more: Any) -> dict[str, Any]:
    parameters = {"rollout": str(share), "stickiness": "default", "groupId": "lobby", **more.pop("parameters", {})}
    return {"name": "flexibleRollout", "parameters": parameters, **more}


def where(name: str, operator: str, *values: str, **more: Any) -> dict[str, Any]:
    one = operator.startswith(("NUM", "SEMVER", "DATE", "REGEX"))
    return {"contextName": name, "operator": operator, **({"value": values[0]} if one else {"values": values}), **more}


def people(count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Players as Unleash's clients describe them: with and without each property."""
    random = Random(seed)
    found: list[dict[str, Any]] = []
    for number in range(count):
        properties: dict[str, str] = {}
        if random.random() < 0.8:
            properties["market"] = random.choice(MARKETS)
        if random.random() < 0.7:
            properties["level"] = str(random.randrange(10))
        if random.random() < 0.7:
            properties["app"] = random.choice(["1.2.3", "2.0.0", "2.0.0-rc.1", "10.1.0"])
        if random.random() < 0.5:
            properties["account"] = f"account-{number}"
        context: dict[str, Any] = {"userId": f"player-{number}", "properties": properties}
        if random.random() < 0.5:
            context["sessionId"] = f"session-{number}"
        if random.random() < 0.3:
            context["remoteAddress"] = random.choice(["10.0.0.1", "10.0.0.2"])
        found.append(context)
    return found


def ours(context: dict[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in context.items() if name not in {"userId", "properties"}}
    return {"targetingKey": context["userId"], **rest, **context["properties"]}


def compare(document: dict[str, Any], contexts: list[dict[str, Any]], key: str = "f") -> set[str | None]:
    """Everybody gets what Unleash gives them; the variants that were met."""
    imported = import_unleash(document)
    assert key in {flag.key for flag in imported.flags}, imported.notes
    rules = ruleset_of(imported.flags)
    engine = UnleashEngine()
    engine.take_state(json.dumps(document))
    met = set()
    for context in contexts:
        outcome = rules.outcome(key, ours(context))
        enabled = engine.is_enabled(key, context).is_enabled
        assert (outcome.variant != "off") is bool(enabled), (context, outcome)
        variant = engine.get_variant(key, context).variant
        if enabled and variant.enabled:
            assert outcome.variant == variant.name, (context, outcome)
        met.add(outcome.variant)
    return met


def document(*features: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"version": 2, "features": list(features), **more}


AB = [
    {"name": "a", "weight": 700, "stickiness": "default", "payload": {"type": "string", "value": "x"}},
    {"name": "b", "weight": 300, "stickiness": "default", "payload": {"type": "string", "value": "y"}},
]
PEOPLE = people(800)


@pytest.mark.parametrize(
    "given",
    [
        feature(rollout(25)),
        feature(rollout(25, parameters={"groupId": ""})),
        feature(rollout(50, parameters={"stickiness": "userId"})),
        feature(rollout(50, parameters={"stickiness": "account"})),
        feature(rollout(50, parameters={"stickiness": "sessionId"})),
        feature(rollout(0)),
        feature(rollout(100, parameters={"stickiness": "random"})),
        feature(rollout(25), rollout(40, constraints=[where("market", "IN", "DE", "SE")])),
        feature({"name": "gradualRolloutUserId", "parameters": {"percentage": "30", "groupId": "g"}}),
        feature({"name": "gradualRolloutSessionId", "parameters": {"percentage": "30", "groupId": "g"}}),
        feature({"name": "userWithId", "parameters": {"userIds": "player-1, player-2,,player-7"}}),
        feature({"name": "remoteAddress", "parameters": {"IPs": "10.0.0.1, 10.0.0.9"}}),
        feature({"name": "default"}),
        feature(),
        feature(rollout(25), enabled=False),
        *(
            feature(rollout(60, constraints=[constraint, where("market", "NOT_IN", "UK")]))
            for inverted in (False, True)
            for constraint in (
                where("market", "IN", "DE", inverted=inverted),
                where("market", "NOT_IN", "DE", "SE", inverted=inverted),
                where("market", "IN", inverted=inverted),
                where("userId", "IN", "player-1", "player-4", "player-5", inverted=inverted),
                where("market", "STR_STARTS_WITH", "D", "S", inverted=inverted),
                where("market", "STR_ENDS_WITH", "E", inverted=inverted),
                where("market", "STR_CONTAINS", "E", inverted=inverted),
                where("market", "STR_STARTS_WITH", "d", caseInsensitive=True, inverted=inverted),
                where("market", "STR_ENDS_WITH", "e", caseInsensitive=True, inverted=inverted),
                where("market", "STR_CONTAINS", "e", caseInsensitive=True, inverted=inverted),
                where("level", "NUM_GT", "4", inverted=inverted),
                where("level", "NUM_GTE", "4", inverted=inverted),
                where("level", "NUM_LT", "4.5", inverted=inverted),
                where("level", "NUM_LTE", "4", inverted=inverted),
                where("level", "NUM_EQ", "4", inverted=inverted),
                where("app", "SEMVER_EQ", "2.0.0", inverted=inverted),
                where("app", "SEMVER_GT", "2.0.0-alpha", inverted=inverted),
                where("app", "SEMVER_LT", "2.0.0", inverted=inverted),
                where("currentTime", "DATE_AFTER", "2020-01-01T00:00:00.000Z", inverted=inverted),
                where("currentTime", "DATE_BEFORE", "2020-01-01T00:00:00.000Z", inverted=inverted),
            )
        ),
        feature(rollout(50), variants=AB),
        feature(rollout(100), variants=AB),
        feature(rollout(100, parameters={"stickiness": "random"}), variants=AB[:1]),
        feature(rollout(50, variants=AB)),
        feature(rollout(50, variants=AB, parameters={"groupId": "g"}), rollout(80, variants=AB[:1])),
        feature(rollout(50, variants=AB), rollout(80)),
        feature(
            rollout(50),
            variants=[{**AB[0], "overrides": [{"contextName": "market", "values": ["SE"]}]}, AB[1]],
        ),
        feature(
            rollout(100, parameters={"stickiness": "account"}),
            variants=[{**each, "stickiness": "account"} for each in AB],
        ),
    ],
)  # fmt: skip
def test_everybody_keeps_what_they_have(given: dict[str, Any]) -> None:
    compare(document(given), PEOPLE)


def test_thousands_of_players() -> None:
    given = feature(rollout(33, constraints=[where("market", "IN", "DE", "SE")]), rollout(7), variants=AB)
    assert compare(document(given), people(10_000, 2)) == {"off", "a", "b"}


def test_any_mixture() -> None:
    random = Random(7)
    for _ in range(60):
        strategies = []
        for _ in range(random.randrange(1, 4)):
            constraints = [
                where(
                    random.choice(["market", "app", "level", "nothing"]),
                    random.choice(["IN", "NOT_IN"]),
                    *random.sample([*MARKETS, "3", "5", "2.0.0"], 3),
                    inverted=random.random() < 0.3,
                )
                for _ in range(random.randrange(3))
            ]
            groups = {"groupId": random.choice(["a", "b", ""]), "stickiness": random.choice(["default", "account"])}
            strategies.append(rollout(random.randrange(101), constraints=constraints, parameters=groups))
        compare(document(feature(*strategies)), PEOPLE[:150])


def test_segments_are_written_into_the_rules() -> None:
    segment = {"id": 3, "name": "north", "constraints": [where("market", "IN", "SE"), where("level", "NUM_GT", "3")]}
    given = feature(rollout(50, segments=[3], constraints=[where("app", "SEMVER_GT", "1.0.0")]))
    assert compare(document(given, segments=[segment]), PEOPLE) == {"off", "on"}


@pytest.mark.parametrize(
    "dependency",
    [
        {"feature": "parent"},
        {"feature": "parent", "enabled": True, "variants": ["a"]},
        {"feature": "parent", "enabled": False},
    ],
)
def test_dependencies(dependency: dict[str, Any]) -> None:
    parent = {**feature(rollout(50)), "name": "parent", "variants": AB}
    child = feature(rollout(60, parameters={"groupId": "child"}), dependencies=[dependency])
    assert compare(document(child, parent), PEOPLE) == {"off", "on"}


def test_variants_of_strategies_count_for_dependencies() -> None:
    parent = {**feature(rollout(50, variants=AB), rollout(70)), "name": "parent"}
    imported = import_unleash(document(feature(rollout(60), dependencies=[{"feature": "parent"}]), parent))
    assert imported.flags[0].prerequisites == (Prerequisite("parent", ("a", "b", "on")),)


def test_an_export_of_an_environment_says_the_same_as_its_clients_get() -> None:
    strategy = rollout(25, constraints=[where("market", "IN", "DE")])
    exported = {
        "features": [{"name": "f", "type": "release", "description": "x"}, {"name": "g"}],
        "featureStrategies": [
            {**rollout(90), "featureName": "f", "disabled": True},
            {**rollout(10), "featureName": "f", "sortOrder": 2},
            {**strategy, "featureName": "f", "sortOrder": 1},
        ],
        "featureEnvironments": [{"featureName": "f", "enabled": True, "variants": AB}],
        "dependencies": [{"feature": "f", "dependencies": [{"feature": "g", "enabled": False}]}],
    }
    as_clients = document(
        feature(strategy, rollout(10), variants=AB, description="x", dependencies=[{"feature": "g", "enabled": False}]),
        {"name": "g", "enabled": False},
    )
    assert import_unleash(exported).flags == import_unleash(as_clients).flags


@pytest.mark.parametrize(
    "kind, ours, expires",
    [
        ("release", FlagType.RELEASE, OnExpiry.WARN),
        ("experiment", FlagType.EXPERIMENT, OnExpiry.WARN),
        ("kill-switch", FlagType.OPS, OnExpiry.WARN),
        ("permission", FlagType.PERMISSION, OnExpiry.WARN),
        (None, FlagType.RELEASE, OnExpiry.WARN),
    ],
)
def test_types(kind: str | None, ours: FlagType, expires: OnExpiry) -> None:
    (flag,) = import_unleash(document(feature(rollout(25), type=kind))).flags
    assert (flag.type, flag.on_expiry) == (ours, expires)


def payload(kind: str, value: str) -> dict[str, Any]:
    return {
        "name": f"v-{value[:1]}" if value[:1].isalnum() else "v",
        "weight": 1,
        "payload": {"type": kind, "value": value},
    }


@pytest.mark.parametrize(
    "variants, values",
    [
        (AB, {"off": "", "a": "x", "b": "y"}),
        ([{"name": "a", "weight": 1}], {"off": "", "a": "a"}),
        ([payload("json", '{"x": 1}')], {"off": {}, "v": {"x": 1}}),
        ([payload("json", "[1]")], {"off": [], "v": [1]}),
        ([payload("json", "5")], {"off": "", "v-5": "5"}),
        ([payload("json", "{")], {"off": "", "v": "{"}),
        ([payload("number", "2.5")], {"off": 0, "v-2": 2.5}),
        ([payload("number", "many")], {"off": "", "v-m": "many"}),
        ([payload("number", "2.5"), payload("csv", "a,b")], {"off": "", "v-2": "2.5", "v-a": "a,b"}),
        ([payload("number", "2"), payload("json", "{}")], {"off": "", "v-2": "2.0", "v": "{}"}),
    ],
)  # fmt: skip
def test_values(variants: list[dict[str, Any]], values: dict[str, Any]) -> None:
    (flag,) = import_unleash(document(feature(rollout(100), variants=variants))).flags
    assert flag.variants == values


def test_what_the_report_says() -> None:
    imported = import_unleash(
        document(
            {**feature(rollout(25)), "name": "a"},
            {**feature(rollout(25, parameters={"stickiness": "userId"})), "name": "b"},
            {**feature(), "name": "c"},
            {**feature(rollout(25, parameters={"stickiness": "random"})), "name": "d"},
        )
    )
    assert [(note.flag, note.fate.value, note.text) for note in imported.notes] == [
        ("a", "changed", "players without an id, who get it at random in Unleash, are outside of the share."),
        ("b", "kept", "players are dealt by unleash.1 (murmur3), as before."),
        ("c", "kept", "no shares in it."),
        ("d", "left out", "it deals players at random, anew each time."),
    ]
    assert [flag.key for flag in imported.flags] == ["a", "b", "c"]


@pytest.mark.parametrize(
    "given, words",
    [
        (feature({"name": "gradualRolloutRandom", "parameters": {}}), "it uses the strategy gradualRolloutRandom."),
        (feature({"name": "remoteAddress", "parameters": {"IPs": "10.0.0.0/8"}}), "it asks for ranges of addresses."),
        (feature(rollout(101)), "its percentage is 101."),
        (feature({"name": "flexibleRollout", "parameters": {}}), "its percentage is None."),
        (feature(rollout(5, parameters={"stickiness": "a.b"})), "it deals players by 'a.b', whose name has a dot."),
        (feature(rollout(5, segments=[9])), "there is no segment 9 in the document."),
        (feature(rollout(5, constraints=[where("x", "NOPE", "1")])), "it uses the operator NOPE."),
        (feature(rollout(5, constraints=[where("birthday", "DATE_AFTER", "2020-01-01T00:00:00Z")])),
         "it compares the date birthday."),
        (feature(rollout(5, constraints=[where("x-y", "IN", "1")])), "conditions cannot name the attribute 'x-y'."),
        (feature(rollout(5, constraints=[where("now", "IN", "1")])), "conditions cannot name the attribute 'now'."),
        (feature(rollout(5, constraints=[where("x", "SEMVER_GT", "one")])), "the condition "),
        (feature(rollout(5, constraints=[where("x", "REGEX", "(")])), "the condition "),
        (feature(rollout(5, constraints=[where("x", "NUM_GT", "many")])), "it is not shaped as expected (ValueError"),
        (feature(rollout(5, constraints=[where("for", "IN", "1")])), "the condition "),
        (feature(rollout(50), variants=[{**each, "stickiness": "account"} for each in AB]),
         "its share goes by another attribute than its variants."),
        (feature(rollout(50), variants=[{**each, "weight": 0} for each in AB]), "its variants have no weight."),
        (feature(rollout(50), variants=[{**AB[0], "name": "off"}]), "it has a variant named off."),
        (feature(rollout(50), dependencies=[{"feature": "x"}]), "it depends on x, which is not in the document."),
        ({**feature(), "strategies": [3]}, "a strategy is no object."),
        (feature(variants=3), "variants is no list."),
        ({**feature(), "name": "a b"}, "feature: 'a b' cannot be a flag's key."),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_left_out(given: dict[str, Any], words: str) -> None:
    imported = import_unleash(document(given))
    assert imported.flags == ()
    (note,) = imported.notes
    assert (note.fate, note.text[: len(words)]) == (Fate.LEFT_OUT, words)


def test_dependencies_go_one_deep() -> None:
    features = [feature(dependencies=[{"feature": "g"}]), {**feature(dependencies=[{"feature": "h"}]), "name": "g"}]
    imported = import_unleash(document(*features, {**feature(), "name": "h"}))
    assert imported.notes[0].text == "it depends on g, which depends on others itself."


def test_a_regular_expression() -> None:
    given = feature(rollout(100, constraints=[where("market", "REGEX", "^[d-s]e$", caseInsensitive=True)]))
    (flag,) = import_unleash(document(given)).flags
    rules = ruleset_of([flag])
    assert [rules.outcome("f", {"market": market}).variant for market in MARKETS] == ["on", "on", "off", "off"]
    exact = feature(rollout(100, constraints=[where("market", "REGEX", "^[D-S]E$")]))
    assert import_unleash(document(exact)).flags[0].rules[0].condition == "has(market) && market.matches('^[D-S]E$')"


@pytest.mark.parametrize("segments", [True, 3, {"id": 1}, [{"id": {}}, 7, None]])
def test_segments_that_are_none(segments: Any) -> None:
    assert len(import_unleash({**document(feature()), "segments": segments}).flags) == 1


@pytest.mark.parametrize("data", [None, [], {}, {"features": {}}])
def test_no_document(data: Any) -> None:
    with pytest.raises(Rejected, match="no Unleash document"):
        import_unleash(data)
