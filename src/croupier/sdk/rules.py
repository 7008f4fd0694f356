"""Flags that are written down where they are used: for tests, for examples, for a bootstrap file.

Turns declarations into the same snapshot that a control plane would send. Called by ``FlagClient.from_rules``,
``FlagClient.override`` and ``known``.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from croupier.core.flags.cel import parse
from croupier.core.flags.events import FlagDeclared
from croupier.core.flags.line import flag_line
from croupier.core.flags.model import Flag, Targeting
from croupier.core.flags.snapshot import Snapshot, snapshot
from croupier.core.flags.state import declare
from croupier.errors import Problem, Rejected

Rules: TypeAlias = Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""One declaration, several in a list, or by key: ``{"payments_v2": {"rules": […]}, "new_lobby": True}``."""


def read_rules(rules: Rules, environment: str, version: int = 1) -> Snapshot:
    """The snapshot of these flags. Raises ``Rejected`` with the place of a mistake."""
    lines = (_line(data, environment, version) for data in _declarations(rules))
    return snapshot(environment, "", version, lines)


def _declarations(rules: Rules) -> Iterable[Mapping[str, Any]]:
    if isinstance(rules, Mapping):
        if isinstance(rules.get("feature"), str):
            return [rules]
        return [_named(key, given) for key, given in rules.items()]
    if not isinstance(rules, list | tuple):
        raise Rejected(
            f"Flags are declarations, not {type(rules).__name__}.",
            hint='Write {"payments_v2": True}, or [{"feature": "payments_v2", "rules": [...]}].',
        )
    return rules


def _named(key: str, given: Any) -> Mapping[str, Any]:
    """A declaration under its key; or a plain value, which is then the answer for everybody."""
    if isinstance(given, Mapping) and not given.keys() - _FIELDS:
        return {"feature": key, **given}
    if isinstance(given, bool):
        return {"feature": key, "default": "on" if given else "off"}
    return {"feature": key, "variants": {"given": given}, "off": "given"}


_FIELDS = frozenset(
    ("type", "description", "owner", "tags", "variants", "off", "default", "safe", "enabled", "rules", "prerequisites")
) | {"environments", "kill_switch", "bucketing", "expires_at", "on_expiry"}


def _line(data: Mapping[str, Any], environment: str, version: int) -> str:
    state = declare(FlagDeclared(data, ""), version=version, actor="", at=time.time())
    _check(state.flag, environment)
    return flag_line(state, environment)


def _check(flag: Flag, environment: str) -> None:
    targeting: Targeting = flag.in_environment(environment)
    for index, rule in enumerate(targeting.rules):
        if rule.condition:
            try:
                parse(rule.condition)
            except Rejected as wrong:
                problem = Problem(str(wrong), ("rules", index, "if"))
                raise Rejected(f"The flag {flag.key} is wrong: {problem}", problems=(problem,)) from wrong
