"""Our flags exported for flagd: its own evaluator gives everybody what ours gives them."""

from copy import deepcopy
from dataclasses import replace
from random import Random
from typing import Any, Literal

import pytest
from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext
from tests.adapters.imports.asking import NOW, states_of
from tests.adapters.imports.test_flagd import PEOPLE

from croupier.adapters.imports import Fate, export_flagd, import_flagd
from croupier.core.flags import events as e
from croupier.core.flags.line import flag_line, segment_line
from croupier.core.flags.model import Bucketing, Flag, Override, Prerequisite, Rule, Share, ValueType
from croupier.core.flags.ruleset import Ruleset
from croupier.core.flags.snapshot import snapshot
from croupier.core.flags.state import FlagState, evolve
from croupier.core.segments import AttributeMatch, Segment

VIP = Segment("vip", (AttributeMatch("market", ("DE", "MT")), AttributeMatch("app", ("1.2.3", "2.0.0"))))
KEPT = Bucketing("flagd.3.value", salt="a-", variant_salt="b-")
COLOURS: dict[str, Any] = {"off": "", "red": "r", "blue": "b"}


def flag(*rules: Rule, **more: Any) -> Flag:
    return Flag("f", rules=rules, **{"bucketing": KEPT, **more})


def colour(*rules: Rule, **more: Any) -> Flag:
    return flag(*rules, variants=COLOURS, value_type=ValueType.STRING, **more)


def compare(states: list[FlagState], fractional: Literal[1, 2, 3] = 3, environment: str = "production") -> set[Any]:
    definition, notes = export_flagd(states, environment, {"vip": VIP}, fractional=fractional)
    assert {note.fate.value for note in notes} == {"kept"}, notes
    lines = [segment_line(VIP, 1), *(flag_line(state, environment) for state in states)]
    rules = Ruleset(snapshot(environment, "home", 1, lines), lambda: NOW)
    core = FlagdCore()
    core.set_flags(deepcopy(definition))
    text = states[0].flag.value_type is ValueType.STRING
    met = set()
    for context in PEOPLE:
        rest = {name: value for name, value in context.items() if name != "targetingKey"}
        resolve: Any = core.resolve_string_value if text else core.resolve_boolean_value
        answer = resolve("f", "?", EvaluationContext(context.get("targetingKey"), rest))
        ours = rules.outcome("f", {"user": None, **context} if "user" not in context else context)
        assert answer.variant == ours.variant, (context, ours)
        met.add(ours.variant)
    return met


@pytest.mark.parametrize(
    "given",
    [
        flag(),
        flag(default="on"),
        flag(Rule()),
        flag(enabled=False),
        flag(Rule(rollout=2500)),
        flag(Rule("market == 'DE'", 2500), Rule("market == 'SE'", 7500)),
        flag(Rule("market == 'DE'", 2500), Rule(rollout=3000)),
        flag(Rule(rollout=5000), bucketing=replace(KEPT, by="app")),
        colour(Rule(serve=(Share("red", 1), Share("blue", 3)))),
        colour(Rule("market == 'DE'", 4000, (Share("red", 1), Share("blue", 3))), Rule(serve=(Share("blue", 1),))),
        flag(Rule(rollout=3000), bucketing=Bucketing("flagd.3")),
        colour(Rule(serve=(Share("red", 1), Share("blue", 3))), bucketing=Bucketing("flagd.3", variant_salt="f")),
        *(
            flag(Rule(condition))
            for condition in (
                "market in ['DE', 'SE']",
                "!(market in ['DE', 'SE'])",
                "market != 'DE'",
                "!(market != 'DE')",
                "market == 'DE' || level > 5",
                "!(market == 'DE' || level > 5)",
                "!(market == 'DE' && level > 5)",
                "level >= 2 && level < 6",
                "!(level <= 3)",
                "3 < level",
                "'DE' == market",
                "user.vip",
                "!user.vip",
                "has(level)",
                "!has(level)",
                "!has(user.name)",
                "has(user) && user.vip",
                "market.startsWith('D')",
                "!market.endsWith('E')",
                "market.contains('T')",
                "semver(app) >= semver('2.0.0')",
                "!(semver(app) == semver('2.0.0'))",
                "!(semver(app) != semver('2.0.0'))",
                "semver(app) < semver('2.1.0')",
                "now > timestamp('2026-01-01T00:00:00Z')",
                "!(now > timestamp('2026-01-01T00:00:00+01:00'))",
                "segment('vip')",
                "!segment('vip')",
                "market == 'DE' ? level > 4 : user.vip",
                "true",
                "false",
                "true && false || true",
            )
        ),
    ],
)  # fmt: skip
def test_everybody_gets_the_same_there(given: Flag) -> None:
    compare(states_of([given]))


def test_prerequisites_are_written_into_the_targeting() -> None:
    parent = Flag("p", rules=(Rule("market in ['DE', 'SE']", 6000),), bucketing=replace(KEPT, salt="p-"))
    grandparent = Flag("g", rules=(Rule("user.vip"),))
    child = flag(Rule(rollout=8000), prerequisites=(Prerequisite("p", ("on",)), Prerequisite("g", ("on", "x"))))
    assert compare(states_of([child, parent, grandparent])) == {"on", "off"}
    gone = flag(Rule(), prerequisites=(Prerequisite("nothing", ("on",)),))
    assert compare(states_of([gone])) == {"off"}
    always = flag(Rule(rollout=5000), prerequisites=(Prerequisite("p", ("on",)),))
    assert compare(states_of([always, Flag("p", default="on")])) == {"on", "off"}
    circle = flag(Rule(), prerequisites=(Prerequisite("p", ("on",)),))
    back = Flag("p", default="on", prerequisites=(Prerequisite("f", ("on",)),))
    definition, _ = export_flagd(states_of([circle, back]), "production", {}, fractional=3)
    assert definition["flags"]["f"]["targeting"]["if"][0]["and"][0]["in"][0]["if"][0] == {"and": [False]}


def test_kills_and_environments_are_decided_here() -> None:
    state = states_of([flag(Rule(), environments={"test": Override(rules=())})])[0]
    assert compare([state]) == {"on"}
    assert compare([state], environment="test") == {"off"}
    killed = evolve(state, e.FlagKilled("x"), version=7, actor="a", at=0)
    assert compare([killed]) == {"off"}
    definition, _ = export_flagd([killed], "production", {}, fractional=3)
    assert definition["metadata"] == {"flagSetId": "production", "version": "7"}
    gone = evolve(killed, e.FlagArchived(), version=8, actor="a", at=0)
    assert export_flagd([gone], "production", {}, fractional=3)[0]["flags"] == {}


@pytest.mark.parametrize("fractional", [1, 2, 3])
def test_what_is_imported_from_flagd_is_exported_to_it_with_the_same_players(fractional: Literal[1, 2, 3]) -> None:
    """Version 3 is evaluated by flagd's own package, the others by ours: import, export, import again."""
    shares = {"fractional": [{"cat": ["s-", {"var": "targetingKey"}]}, ["red", 30], ["blue", 70]]}
    given = {"f": {"state": "ENABLED", "variants": COLOURS, "defaultVariant": "off", "targeting": shares}}
    first = import_flagd({"flags": given}, fractional=fractional).flags
    definition, notes = export_flagd(states_of(first), "production", {}, fractional=fractional)
    assert [note.text for note in notes] == ["everybody gets the same there."]
    if fractional == 3:
        compare(states_of(first))
    branches = definition["flags"]["f"]["targeting"]["if"]
    assert branches[1] == shares


@pytest.mark.parametrize(
    "bucketing, fractional, dealt",
    [
        (Bucketing(), 3, "croupier.1"),
        (Bucketing("flagd.2"), 3, "flagd.2"),
        (Bucketing("flagd.3", salt="x"), 3, "flagd.3, salted with 'x'"),
        (Bucketing("flagd.3"), 2, "flagd.3"),
        (Bucketing("flagd.2"), 2, None),
        (Bucketing("flagd.1"), 1, None),
    ],
)
def test_who_would_be_dealt_anew_is_left_out(
    bucketing: Bucketing, fractional: Literal[1, 2, 3], dealt: str | None
) -> None:
    """With what requires it; but not where it answers everybody the same."""
    given = colour(Rule(rollout=2500, serve=(Share("red", 1), Share("blue", 1))), bucketing=bucketing)
    child = Flag("child", rules=(Rule(),), prerequisites=(Prerequisite("f", ("red",)),))
    alike = Flag("alike", rules=(Rule("market == 'DE'"),), bucketing=bucketing)
    definition, notes = export_flagd(states_of([given, child, alike]), "production", {}, fractional=fractional)
    texts = {note.flag: note.text for note in notes if note.fate is Fate.LEFT_OUT}
    pin = {1: "flagd.1", 2: "flagd.2", 3: "flagd.3"}[fractional]
    why = (
        f"its players are dealt by {dealt}, which flagd's fractional {fractional} does not compute; pin "
        f"'bucketing: {{algorithm: {pin}}}' before anybody has it, or ask by OFREP."
    )
    assert texts == ({} if dealt is None else {"f": why, "child": f"it requires f, and there {why}"})
    assert set(definition["flags"]) == {"f", "child", "alike"} - set(texts)


def test_a_killed_flag_goes_out_whatever_deals_its_players() -> None:
    (state,) = states_of([flag(Rule(rollout=2500), bucketing=Bucketing())])
    assert compare([evolve(state, e.FlagKilled("x"), version=2, actor="a", at=0)]) == {"off"}


@pytest.mark.parametrize(
    "condition, words",
    [
        ("app.matches('x')", "flagd has no matches."),
        ("size(market) > 1", "flagd cannot ask 'size(market) > 1'."),
        ("market == brand", "flagd cannot ask 'market == brand'."),
        ("1 + 1 == 2", "flagd cannot ask"),
        ("1 + level", "flagd cannot ask"),
        ("'x' in tags", "flagd cannot ask \"'x' in tags\"."),
        ("segment('x')", "there is no segment 'x'."),
        ("has(user['a'].b)", "flagd cannot ask"),
        ("tags[0]", "flagd cannot ask"),
        ("semver(app) > semver(brand)", "flagd cannot ask"),
    ],
)
def test_what_flagd_cannot_ask_is_left_out(condition: str, words: str) -> None:
    definition, (note,) = export_flagd(states_of([flag(Rule(condition))]), "production", {"vip": VIP}, fractional=3)
    assert definition["flags"] == {}
    assert note.text.startswith(words)


def test_any_mixture() -> None:
    random = Random(5)
    atoms = [
        "market == 'DE'",
        "level > 4",
        "user.vip",
        "has(app)",
        "segment('vip')",
        "market in ['SE', 'UK']",
        "level != 3",
    ]
    for _ in range(25):
        rules = []
        for _ in range(random.randrange(1, 4)):
            text = random.choice(atoms)
            for _ in range(random.randrange(3)):
                text = f"({text}) {random.choice(['&&', '||'])} {random.choice(['', '!'])}({random.choice(atoms)})"
            rules.append(Rule(text, random.choice([10_000, 5000, 1234])))
        compare(states_of([flag(*rules)]))
