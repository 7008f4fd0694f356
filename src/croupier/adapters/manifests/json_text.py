"""JSON as people write it, read strictly: a key that stands twice in one object is a mistake, and which of its values
was meant nobody knows. Called by the API for every body, by the page and by the command line.
"""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from croupier.adapters.manifests.located import Path
from croupier.errors import Problem, Rejected


class _Twofold(dict[str, Any]):
    """An object in which these keys stood more than once."""

    keys_twice: tuple[str, ...] = ()


def read_json(text: str | bytes) -> Any:
    """The value of the text. Raises ``Rejected`` with the place of every key that is written twice, and as
    ``json.loads`` does (``ValueError``, ``RecursionError``) for what is no JSON.
    """
    found: list[_Twofold] = []

    def whole(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        read = dict(pairs)
        if len(read) == len(pairs):
            return read
        twofold = _Twofold(read)
        twofold.keys_twice = tuple(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        found.append(twofold)
        return twofold

    data = json.loads(text, object_pairs_hook=whole)
    if found:
        problems = tuple(_problems(data))
        more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        raise Rejected(f"{problems[0]}{more}", problems=problems)
    return data


def _problems(data: Any) -> Iterator[Problem]:
    """What stands twice inside of what stood twice itself is not told: one of the two is to go."""
    todo: list[tuple[Any, Path]] = [(data, ())]
    while todo:
        value, path = todo.pop()
        if isinstance(value, _Twofold):
            for key in value.keys_twice:
                yield Problem(f"'{key[:60]}' is written twice.", (*path, key), "Keep one of the two.")
        if isinstance(value, dict):
            todo += [(item, (*path, key)) for key, item in reversed(value.items())]
        elif isinstance(value, list):
            todo += [(item, (*path, index)) for index, item in reversed([*enumerate(value)])]
