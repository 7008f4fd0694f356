"""Kubernetes' JSONPath, by its documentation's example."""

from typing import Any

import pytest

from croupier.core.gates.analysis.json_path import picked, read_path
from croupier.errors import Rejected

DATA: dict[str, Any] = {
    "kind": "List",
    "items": [
        {"kind": "None", "metadata": {"name": "127.0.0.1", "labels": {"kubernetes.io/host": "h"}}, "capacity": 4},
        {"kind": "None", "metadata": {"name": "127.0.0.2"}, "capacity": 8},
    ],
    "users": [{"name": "myself", "user": {}}, {"name": "e2e", "user": {"username": "admin", "ok": True}}],
    "a-b": 1,
    "numbers": [1, 2, 3],
    "matrix": [[1], [2]],
}


@pytest.mark.parametrize(
    "path, found",
    [
        ("{.kind}", ["List"]),
        ("{$.kind}", ["List"]),
        ("$.kind", ["List"]),
        ("kind", ["List"]),
        ("{['kind']}", ["List"]),
        ('{["kind"]}', ["List"]),
        ("{.a-b}", [1]),
        ("{$}", [DATA]),
        ("{.}", [DATA]),
        ("{.items[0].metadata.name}", ["127.0.0.1"]),
        ("{.items[-1].metadata.name}", ["127.0.0.2"]),
        ("{.items[0].metadata.labels.kubernetes\\.io/host}", ["h"]),
        ("{.items[*].metadata.name}", ["127.0.0.1", "127.0.0.2"]),
        ("{.numbers[0:2]}", [1, 2]),
        ("{.numbers[1:]}", [2, 3]),
        ("{.numbers[:-1]}", [1, 2]),
        ("{..name}", ["127.0.0.1", "127.0.0.2", "myself", "e2e"]),
        ("{.users[1].user.*}", ["admin", True]),
        ('{.users[?(@.name=="e2e")].user.username}', ["admin"]),
        ("{.users[?(@.name!='e2e')].name}", ["myself"]),
        ("{.users[?(@.user.ok==true)].name}", ["e2e"]),
        ("{.users[?(@.user.username)].name}", ["e2e"]),
        ("{.items[?(@.capacity > 4)].capacity}", [8]),
        ("{.numbers[?(@ >= 2)]}", [2, 3]),
        ("{.users[?(@.name < 3)]}", []),
        ("{.users[?(@.name.x == 3)]}", []),
        ("{.nothing}", []),
        ("{.kind.deeper}", []),
        ("{.numbers[9]}", []),
        ("{.kind[0]}", []),
        ("{.kind[0:1]}", []),
        ("{.kind[*]}", []),
    ],
)
def test_a_path(path: str, found: list[Any]) -> None:
    assert picked(path, DATA) == found


@pytest.mark.parametrize(
    "path",
    [
        "{range .items[*]}{.name}{end}",
        "{.items[*]['a','b']}",
        "{.a} and {.b}",
        "{.a[}",
        "{.items[?(@.a ~ 1)]}",
        "." * 2_000,
    ],
)
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(Rejected, match="cannot be read"):
        read_path(path)
