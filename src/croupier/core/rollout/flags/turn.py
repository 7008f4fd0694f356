"""What becomes of a rollout's flags: turned by a step, seen by clients, put back by content. Pure; asked by ``decide``.

A declaration that somebody changed since the rollout turned it is theirs: it is left as it is, and the record says so.
Neither direction kills a flag or brings one to life. Players are in the flag's share by the rollout's own bucket, so
that they are those who have the canary.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from croupier.core.flags.preset import Before
from croupier.core.flags.preset_plan import put_back
from croupier.core.flags.read import read_flag
from croupier.core.flags.state import FlagState
from croupier.core.flags.write import digest_of, write_flag
from croupier.core.rollout import events as e
from croupier.core.rollout.flags.turned import Turned, unsettled
from croupier.core.rollout.reasons import Hold
from croupier.core.rollout.spec import SetFlag
from croupier.core.rollout.state import RolloutState
from croupier.core.segments import BUCKETS
from croupier.errors import Rejected

RULE: Final = "with the rollout"
"""The name of the rule that a share makes."""
_NAMED: Final = 10


@dataclass(frozen=True, slots=True)
class Heard:
    """How many clients there are, and who of them does not have the newest flags yet."""

    clients: int = 0
    behind: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Flags:
    """The flags that a rollout turns, as recorded under the ruleset's ``version``, and what clients said of it."""

    version: int = 0
    states: Mapping[str, FlagState] = field(default_factory=dict)
    heard: Heard = field(default_factory=Heard)


def turning(state: RolloutState, step: SetFlag, flags: Flags | None, now: float) -> e.Event | None:
    """What comes next in this step, which is not ``done``; ``None``: it waits."""
    if flags is None:
        return None
    known = _turned(state, step.flag)
    if known is None or known.step != state.step:
        return _turn(state, step, known, flags, now)
    behind = flags.heard.behind if flags.version >= known.version else ()
    if flags.version < known.version or (behind and now - known.at < step.wait_s):
        return None
    return e.FlagSeen(step.flag, flags.heard.clients, behind[:_NAMED], len(behind), now)


def done(state: RolloutState, step: SetFlag) -> bool:
    """Whether the flag was turned and clients have it, or were waited for."""
    known = _turned(state, step.flag)
    return known is not None and known.step == state.step and known.seen_at is not None


def back(state: RolloutState, flags: Flags | None, now: float) -> Iterator[e.FlagBack | e.FlagLeft]:
    """What becomes of the flags now that the rollout is given up, the last one first."""
    if flags is None:
        return
    for each in unsettled(state.turned):
        found = flags.states.get(each.flag)
        source = put_back(Before(each.flag, each.before, "", each.digest), found)
        if source is None or found is None:
            yield e.FlagLeft(each.flag, _why_left(each.flag, found), now)
        else:
            yield e.FlagBack(each.flag, source, digest_of(source), now)


def changed(step: SetFlag, source: Mapping[str, Any], salt: str) -> dict[str, Any]:
    """The declaration with the step's change. Rules that are there go first, as before: who is excluded stays so."""
    flag = read_flag(source)
    data = write_flag(flag)
    rules = [rule for rule in data.get("rules", []) if rule.get("name") != RULE]
    if step.share_bp < BUCKETS:
        share = {"name": RULE, "rollout": step.share_bp / BUCKETS, "variant": step.variant, "bucketing": {"salt": salt}}
        rules.append(share)
    else:
        data["default"] = step.variant
    return write_flag(read_flag({**data, "rules": rules, "enabled": True}))


def why_impossible(step: SetFlag, found: FlagState | None) -> str | None:
    """Why the flag cannot be turned like this, if so."""
    if found is None or found.archived:
        return f"there is no flag '{step.flag}'"
    if step.variant not in found.flag.variants:
        return f"flag {step.flag} has no variant '{step.variant}'; it has {', '.join(found.flag.variants)}"
    if any(each.rules is not None or each.default is not None for each in found.flag.environments.values()):
        return f"flag {step.flag} answers by rules of its own in an environment, which a rollout does not change"
    return None


def _turn(state: RolloutState, step: SetFlag, known: Turned | None, flags: Flags, now: float) -> e.Event:
    found = flags.states.get(step.flag)
    why = why_impossible(step, found)
    if why is None and known is not None and found is not None and found.digest != known.digest:
        why = f"flag {step.flag} was changed by {found.changed_by} since"
    if why is not None or found is None:
        return e.Paused(Hold.STEP, now, reason=f"{why}, so this step does not turn it")
    try:
        source = changed(step, found.source, state.salt)
    except Rejected as refused:
        return e.Paused(Hold.STEP, now, reason=f"flag {step.flag} cannot be turned: {refused.message}")
    return e.FlagTurned(step.flag, state.step, found.source, source, digest_of(source), flags.version + 1, now)


def _turned(state: RolloutState, flag: str) -> Turned | None:
    return next((each for each in state.turned if each.flag == flag), None)


def _why_left(flag: str, found: FlagState | None) -> str:
    if found is None or found.archived:
        return f"flag {flag} is gone, so it was not put back"
    return f"flag {flag} was changed by {found.changed_by} since, so it was left as it is"
