"""Actions on groups as people say them. The API carries these sentences; nobody decides by them."""

from collections.abc import Iterable

from croupier.core.gates.group_actions import KillFlag, OnGroupFail
from croupier.core.gates.wording import name
from croupier.core.rollout.events import GroupActed
from croupier.core.rollout.groups.acted import Acted
from croupier.core.segments import Segment


def still_held(segments: Iterable[Segment]) -> str:
    """``market=DE is held``."""
    names = [segment.name for segment in segments]
    return f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} held"


def done(acted: Acted | GroupActed, stable: str | None) -> str:
    """What is done about the group: ``flag psp_kestrel turned off, market=DE held on 1.0.0``."""
    what = [f"flag {flag} turned off" for flag in acted.kills]
    what += [f"{acted.held.name} held on {stable}"] if acted.held is not None else []
    return ", ".join(what)


def outcome(acted: Acted, stable: str | None, *, given_up: bool) -> str:
    """How it stands: ``psp=kestrel: flag psp_kestrel turned off; others go on``."""
    told = f"{name(acted.group)}: {done(acted, stable)}"
    if given_up:
        late = "was to be done, and not confirmed before everybody went back"
        return f"{told}; then everybody went back" if acted.in_force_at is not None else f"{told}: {late}"
    if acted.in_force_at is None:
        return f"{told} as soon as it is confirmed"
    return f"{told}; watched whether it helps" if acted.watched_at is None else f"{told}; others go on"


def remains(acted: Iterable[Acted]) -> str:
    """What a person has to undo after the rollout; empty where there is nothing. A flag that was not seen to be off
    when the rollout ended may be on.
    """
    acted = tuple(acted)
    off = tuple(dict.fromkeys(flag for each in acted if each.in_force_at is not None for flag in each.kills))
    asked_for = dict.fromkeys(flag for each in acted for flag in each.kills)
    perhaps = tuple(flag for flag in asked_for if flag not in off)
    return "; ".join(_off(flags, verb) for flags, verb in ((off, "stay"), (perhaps, "may be")) if flags)


def _off(flags: tuple[str, ...], verb: str) -> str:
    """``flag psp_kestrel stays off until somebody restores it``."""
    many = f"flags {', '.join(flags)} {verb}" if len(flags) > 1 else f"flag {flags[0]} {verb.replace('stay', 'stays')}"
    return f"{many} off until somebody restores {'it' if len(flags) == 1 else 'them'}"


def asked(on_fail: OnGroupFail) -> str:
    """``a group that fails alone has its flag psp_{psp} turned off, for 2 groups at most``."""
    what = [
        f"its flag {action.flag} turned off"
        if isinstance(action, KillFlag)
        else f"its players held by {' and '.join(action.labels)}"
        for action in on_fail.actions
    ]
    groups = "group" if on_fail.at_most == 1 else "groups"
    return f"a group that fails alone has {' and '.join(what)}, for {on_fail.at_most} {groups} at most"
