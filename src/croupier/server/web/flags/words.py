"""Flags in plain words: whom a rule is for, what an environment answers. Pure; for the pages alone.

Conditions of the usual forms become words ("25 % of DE, SE"); any other stays as its author wrote it.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from croupier.core.flags import cel
from croupier.core.flags.cel.syntax import And, Binary, Call, ListOf, Literal, Node, Not, Or, path_of
from croupier.core.flags.model import OFF, ON, Flag, Rule, Share, Targeting
from croupier.core.segments import BUCKETS

EVERYBODY: Final = "everybody"
NOBODY: Final = "nobody"

_PLAIN: Final = frozenset({"market", "country"})
"""Attributes whose values speak for themselves."""
_MOST_VALUES: Final = 5
_MOST_RULES: Final = 3
_LONGEST: Final = 90


@lru_cache(maxsize=4_096)
def condition(text: str) -> str:
    """Whom a condition takes: "DE, SE", "brand X and user.isEmployee"; the condition itself where it is unusual."""
    if not text.strip():
        return EVERYBODY
    try:
        return _words(cel.parse(text)) or text
    except cel.CelError:
        return text


def rule(item: Rule) -> str:
    """Whom the rule takes, with its share: "25 % of DE, SE"."""
    whom = condition(item.condition)
    if item.rollout == BUCKETS:
        return whom
    return f"{percent(item.rollout)} of {'the players' if whom == EVERYBODY else whom}"


def served(shares: Sequence[Share]) -> str:
    """What they get: "on", or "blue 70 %, green 30 %"."""
    if len(shares) == 1:
        return shares[0].variant
    total = sum(share.weight for share in shares) or 1
    return ", ".join(f"{share.variant} {round(100 * share.weight / total, 2):g}\u202f%" for share in shares)


def audience(flag: Flag, there: Targeting) -> str:
    """Who gets something else than the off variant: "25 % of DE, SE; brand X and user.isEmployee"."""
    if not there.enabled:
        return NOBODY
    parts: list[str] = []
    for item in there.rules:
        if item.rollout == 0 or (len(item.serve) == 1 and item.serve[0].variant == flag.off):
            continue
        parts.append(f"{_variant(item, flag)}{rule(item)}")
        if item.rollout == BUCKETS and not item.condition:
            return _joined(parts)
    if there.default != flag.off:
        rest = f"{there.default} for " if there.default != ON else ""
        parts.append(f"{rest}{'everybody else' if there.rules else EVERYBODY}")
    return _joined(parts) or NOBODY


def percent(points: int) -> str:
    """Basis points as percent, with a narrow space that does not break."""
    return f"{points / 100:g}\u202f%"


def _variant(item: Rule, flag: Flag) -> str:
    plain = set(flag.variants) <= {ON, OFF} and item.serve == (Share(ON, 1),)
    return "" if plain else f"{served(item.serve)} for "


def _joined(parts: Sequence[str]) -> str:
    shown = [part if len(part) <= _LONGEST else f"{part[: _LONGEST - 1]}…" for part in parts[:_MOST_RULES]]
    more = len(parts) - len(shown)
    return "; ".join(shown) + (f"; and {more} more {'rule' if more == 1 else 'rules'}" if more else "")


def _words(node: Node) -> str | None:
    """Words for the node, ``None`` where it is of no usual form."""
    match node:
        case Literal(value=True):
            return EVERYBODY
        case And(operands=operands):
            return _all(operands, " and ")
        case Or(operands=operands):
            return _all(operands, " or ")
        case Not(operand=operand):
            return f"not {inner}" if (inner := _simple(operand)) else None
        case _:
            return _simple(node)


def _all(operands: Sequence[Node], joint: str) -> str | None:
    """Each in words, or none: half a sentence in CEL reads worse than all of it."""
    parts = [_simple(item, "/") or (_words(item) if isinstance(item, Not) else None) for item in operands]
    return joint.join(part for part in parts if part) if all(parts) else None


def _simple(node: Node, between: str = ", ") -> str | None:
    match node:
        case Binary(operator="==", left=left, right=Literal(value=str() as value)):
            return _labelled(left, [value], between)
        case Binary(operator="!=", left=left, right=Literal(value=str() as value)):
            return f"not {said}" if (said := _labelled(left, [value], between)) else None
        case Binary(operator="in", left=left, right=ListOf(items=items)):
            values = [item.value for item in items if isinstance(item, Literal) and isinstance(item.value, str)]
            return _labelled(left, values, between) if len(values) == len(items) > 0 else None
        case Call(function="segment", receiver=None, arguments=(Literal(value=str() as name),)):
            return f"segment {name}"
        case _:
            path = path_of(node)
            return ".".join(path) if path else None


def _labelled(left: Node, values: Sequence[str], between: str) -> str | None:
    path = path_of(left)
    if path is None or not all(values):
        return None
    shown = between.join(values[:_MOST_VALUES])
    if len(values) > _MOST_VALUES:
        shown += f" and {len(values) - _MOST_VALUES} more"
    return shown if path[-1] in _PLAIN else f"{'.'.join(path)} {shown}"
