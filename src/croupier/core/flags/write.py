"""From a ``Flag`` back to plain JSON data: the canonical declaration, which is recorded, compared and exported.

What has its default is left out, so that the text is as short as a person would write it. ``read_flag`` reads it back.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import rfc8785

from croupier.core.flags.model import OFF, ON, Bucketing, Flag, FlagType, OnExpiry, Override, Rule, Share, ValueType
from croupier.core.segments import BUCKETS


def write_flag(flag: Flag) -> dict[str, Any]:
    """The declaration of this flag; ``read_flag`` gives the same flag back."""
    booleans = flag.value_type is ValueType.BOOLEAN
    plain = booleans and flag.variants == {ON: True, OFF: False}
    # Whole numbers look like integers in JSON; a safe variant of an ops flag has to be said.
    looks_whole = flag.value_type is ValueType.NUMBER and all(value == int(value) for value in flag.variants.values())
    says_safe = flag.safe != _fallback(flag) or (flag.type is FlagType.OPS and not booleans)
    data: dict[str, Any] = {
        "feature": flag.key,
        "type": flag.type.value,
        "description": flag.description,
        "owner": flag.owner,
        "tags": list(flag.tags),
        "value_type": flag.value_type.value if looks_whole else None,
        "variants": None if plain else dict(flag.variants),
        "off": None if flag.off == OFF else flag.off,
        "default": None if flag.default == _fallback(flag) else flag.default,
        "safe": flag.safe if says_safe else None,
        "enabled": None if flag.enabled else False,
        "rules": [_rule(rule) for rule in flag.rules],
        "prerequisites": [{"flag": item.flag, "variants": list(item.variants)} for item in flag.prerequisites],
        "environments": {name: _override(override) for name, override in flag.environments.items()},
        "kill_switch": flag.kill_switch or None,
        "bucketing": _bucketing(flag.bucketing),
        "expires_at": flag.expires_at,
        "on_expiry": None if flag.on_expiry is OnExpiry.default(flag.type) else flag.on_expiry.value,
    }
    return {name: value for name, value in data.items() if value not in (None, "", [], {})}


def digest_of(source: Mapping[str, Any]) -> str:
    """``sha256:`` and the digest of the declaration's canonical JSON (RFC 8785)."""
    return f"sha256:{sha256(rfc8785.dumps(dict(source))).hexdigest()}"


def _fallback(flag: Flag) -> str:
    return next(iter(flag.variants)) if len(flag.variants) == 1 else flag.off


def _rule(rule: Rule) -> dict[str, Any]:
    data: dict[str, Any] = {"name": rule.name} if rule.name else {}
    if rule.condition:
        data["if"] = rule.condition
    if rule.rollout != BUCKETS or not rule.condition:
        data["rollout"] = rule.rollout / BUCKETS
    if len(rule.serve) > 1:
        data["variants"] = _shares(rule.serve)
    elif rule.serve != (Share(ON, 1),):
        data["variant"] = rule.serve[0].variant
    if rule.bucketing is not None:
        data["bucketing"] = _bucketing(rule.bucketing)
    return data


def _shares(shares: Sequence[Share]) -> dict[str, int] | list[dict[str, Any]]:
    """An object where the order is that of the names, which ``read_flag`` gives it; a list where it is another."""
    names = [share.variant for share in shares]
    if names == sorted(set(names)):
        return {share.variant: share.weight for share in shares}
    return [{"variant": share.variant, "weight": share.weight} for share in shares]


def _override(override: Override) -> dict[str, Any]:
    data: dict[str, Any] = {}
    if override.enabled is not None:
        data["enabled"] = override.enabled
    if override.rules is not None:
        data["rules"] = [_rule(rule) for rule in override.rules]
    if override.default is not None:
        data["default"] = override.default
    return data


def _bucketing(bucketing: Bucketing) -> dict[str, Any]:
    default = Bucketing()
    names = ("algorithm", "salt", "variant_salt", "by")
    pairs = {name: getattr(bucketing, name) for name in names}
    return {name: value for name, value in pairs.items() if value != getattr(default, name)}
