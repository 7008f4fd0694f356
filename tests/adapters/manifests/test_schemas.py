"""The schemas against the reader: both accept the examples, both refuse plain mistakes."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from croupier.adapters.manifests import parse_objects, schemas

EXAMPLES = sorted((Path(__file__).parents[3] / "examples" / "casino" / "croupier").glob("*.yaml"))
SCHEMAS = schemas()


def documents() -> list[dict[str, Any]]:
    return [_plain(document) for file in EXAMPLES for document in YAML(typ="safe", pure=True).load_all(file)]


def _plain(value: Any) -> Any:
    """Days are text to the reader, as to an editor; this parser makes dates of them."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


@pytest.mark.parametrize("stem", SCHEMAS)
def test_every_schema_is_a_schema(stem: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[stem])


@pytest.mark.parametrize("document", documents(), ids=lambda found: f"{found['kind']}-{found.get('metadata')}")
def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    for stem in (document["kind"].lower(), "document"):
        assert [error.message for error in Draft202012Validator(SCHEMAS[stem]).iter_errors(document)] == []


def test_definitions_of_one_name_are_one_shape_whatever_the_kind() -> None:
    seen: dict[str, Any] = {}
    for stem in SCHEMAS:
        if stem != "document":
            for name, definition in SCHEMAS[stem].get("$defs", {}).items():
                assert seen.setdefault(name, definition) == definition, name


def test_every_field_says_what_it_means() -> None:
    def undescribed(schema: Any, path: str) -> list[str]:
        if not isinstance(schema, dict):
            return []
        fields = schema.get("properties", {})
        bare = [
            f"{path}.{name}"
            for name, field in fields.items()
            if "description" not in field and "$ref" not in field and "const" not in field and name != "spec"
        ]
        return bare + [found for name, inner in schema.items() for found in undescribed(inner, f"{path}.{name}")]

    assert [found for stem, schema in SCHEMAS.items() for found in undescribed(schema, stem)] == []


def test_no_null_and_no_python_shows() -> None:
    text = str(SCHEMAS)
    assert "'null'" not in text
    assert "'default': None" not in text
    assert "_" not in "".join(field for schema in SCHEMAS.values() for field in _fields(schema))


def _fields(schema: Any) -> list[str]:
    if isinstance(schema, list):
        return [field for item in schema for field in _fields(item)]
    if not isinstance(schema, dict):
        return []
    return [*schema.get("properties", {}), *(field for item in schema.values() for field in _fields(item))]


def _service(**changes: Any) -> dict[str, Any]:
    process = {"command": ["serve", "{port}"], **changes.pop("process", {})}
    spec = {"routes": [{"prefix": "/s"}], "process": process, **changes}
    return {"apiVersion": "croupier/v1", "kind": "Service", "metadata": {"name": "s"}, "spec": spec}


def _gate(**changes: Any) -> dict[str, Any]:
    spec = {"sli": {"ratio": {"metric": "m", "good": {"o": "a"}}}, "objective": {"atLeast": "99%"}, **changes}
    return {"apiVersion": "croupier/v1", "kind": "Gate", "metadata": {"name": "g"}, "spec": spec}


def _rollout(*steps: Any, **changes: Any) -> dict[str, Any]:
    spec = {"service": "s", "strategy": {"canary": {"steps": list(steps)}}, **changes}
    return {"apiVersion": "croupier/v1", "kind": "Rollout", "metadata": {"name": "r"}, "spec": spec}


def _release(version: Any) -> dict[str, Any]:
    return {"apiVersion": "croupier/v1", "kind": "Release", "spec": {"service": "s", "version": version}}


@pytest.mark.parametrize(
    "document",
    [
        _service(),
        _service(process={"env": {"EMPTY": ""}, "drain": 10, "limits": {"memory": 1 << 29}}),
        _gate(),
        _gate(objective={"atLeast": 0.99}, hardStop={"failing": "50 %"}, by=[]),
        _gate(sli={"events": {"metric": "m", "match": {"a": ["b", "c"]}}}, objective={"atLeast": "99%"}),
        _rollout({"setWeight": 5}, {"pause": {"duration": "300"}}, {"setWeight": 0.07}, {"pause": {}}),
        _rollout({"setWeight": 100}, {"pause": {"duration": 300}}, keepStable="1.5h"),
        _release("1.0.0-rc.1+build.5"),
    ],
)
def test_what_both_accept(document: dict[str, Any]) -> None:
    for stem in (document["kind"].lower(), "document"):
        assert [error.message for error in Draft202012Validator(SCHEMAS[stem]).iter_errors(document)] == []
    refused = [str(problem) for problem in parse_objects([document], known=None).errors]
    assert all("events" in problem for problem in refused)  # sense is not for schemas


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"apiVersion": "croupier/v1"},
        {"apiVersion": "croupier/v2", "kind": "Gate"},
        {"apiVersion": "croupier/v1", "kind": "Gait"},
        {**_service(), "status": {}},
        _service(routes=[]),
        _service(routes=[{"prefix": "s"}]),
        _service(process={"command": []}),
        _service(process={"command": "serve"}),
        _service(process={"instances": 0}),
        _service(process={"instances": "1"}),
        _service(process={"env": {"A": 1}}),
        _service(process={"env": {"A B": "x"}}),
        _service(attributes={"a b": "x-a"}),
        _service(process={"drain": "10 minutes"}),
        _service(process={"limits": {"memory": "512MB"}}),
        _service(identity={"header": "x player"}),
        _gate(sli={}),
        _gate(sli={"events": {"metric": "m"}, "ratio": {"metric": "m", "good": {"o": "a"}}}),
        _gate(objective={"atLeast": 99}),
        _gate(objective={"atLeast": 1}),
        _gate(objective={"atLeast": "99"}),
        _gate(objective=None),
        _gate(by="psp"),
        _gate(by=["version"]),
        _gate(hardStop={}),
        _gate(rule={"consecutive": 0}),
        _rollout({"setWeight": 101}),
        _rollout({"setWeight": -1}),
        _rollout({"setWeight": "5"}),
        _rollout({"setWieght": 5}),
        _rollout({}),
        _rollout({"setWeight": 5, "pause": {}}),
        _rollout({"pause": None}),
        _rollout({"pause": {"duration": -5}}),
        _rollout({"pause": {"duration": 1.5}}),
        _rollout({"analysis": {"templates": []}}),
        _rollout({"pause": {}}, progressDeadlineSeconds=600),
        _release("latest"),
        _release("v1.0.0"),
        _release("1.1"),
        _release(1.1),
    ],
)
def test_what_both_refuse(document: dict[str, Any]) -> None:
    assert parse_objects([document], known=None).errors
    assert not Draft202012Validator(SCHEMAS["document"]).is_valid(document)
    if document.get("kind") in ("Service", "Gate", "Rollout", "Release"):
        assert not Draft202012Validator(SCHEMAS[document["kind"].lower()]).is_valid(document)
