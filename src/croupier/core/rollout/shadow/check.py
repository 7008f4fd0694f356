"""Which copies are refused before anything starts: writes that nobody named, patterns that Envoy would not read.

A copy of a write is a write: it moves money if the canary lets it. So whatever is not a read is named path by path.
Called by ``rollout.check``.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

import re2

from croupier.core.rollout.check_pace import percentage
from croupier.core.rollout.shadow.effect import OWN
from croupier.core.rollout.shadow.mirror import SHADOW_HEADER, Allowed, Compare, How, TextMatch
from croupier.core.rollout.shadow.pattern import pattern
from croupier.core.rollout.spec import Asked, SetMirrorRoute, Shadow
from croupier.core.segments import BUCKETS
from croupier.errors import Problem

Path: TypeAlias = tuple[str | int, ...]

_LONGEST: Final = 500
_LONGEST_S: Final = 30 * 86_400.0
_TAKES_TIME: Final = ("pause", "analysis", "auto", "shadow")


def wrong_mirror(step: SetMirrorRoute, at: Path) -> Iterator[Problem]:
    """What is wrong with a ``setMirrorRoute``; ``at`` leads to it."""
    yield from _wrong_share(step.share_bp, (*at, "percentage"))
    if step.name == OWN:
        yield Problem(f"'{OWN}' is the name of what 'shadow' steps copy.", (*at, "name"), "Choose another name.")
    yield from _wrong_allowed(step.allowed, (*at, "match"))


def wrong_shadow(step: Shadow, at: Path) -> Iterator[Problem]:
    """What is wrong with a ``shadow`` step; ``at`` leads to it."""
    yield from _wrong_share(step.share_bp, (*at, "share"))
    if step.share_bp == 0 and step.compare is None:
        yield Problem("this step copies nothing: its share is 0.", (*at, "share"), "Write a share above 0.")
    if not (math.isfinite(step.duration_s) and 0 < step.duration_s <= _LONGEST_S):
        yield Problem(
            f"shadowing for {step.duration_s:g} seconds is not possible.", (*at, "for"), "Write for example 10m."
        )
    yield from _wrong_allowed(step.allowed, (*at, "paths"))
    if step.compare is not None:
        yield from _wrong_compare(step.compare, step.allowed, (*at, "compare"))


def _wrong_share(share_bp: int, at: Path) -> Iterator[Problem]:
    if not 0 <= share_bp <= BUCKETS:
        yield Problem(f"a share of {percentage(share_bp)} is not possible.", at, "Write a percentage from 0 to 100.")


def _wrong_allowed(allowed: Sequence[Allowed], at: Path) -> Iterator[Problem]:
    for index, each in enumerate(allowed):
        named = each.path is not None and each.path.how is How.EXACT
        if each.unsafe and not named:
            methods = ", ".join(each.unsafe)
            yield Problem(
                f"{methods} would be copied at every path that matches, and a copy of a write is a write: the new "
                "version would charge, book and send once more, for real.",
                (*at, index),
                "Name each path that may be copied, in full; or keep to GET and HEAD. The new version must refuse to "
                "move money for requests with x-croupier-shadow.",
            )
        if each.path is not None:
            yield from _wrong_text(each.path, (*at, index, "path"))
        for name, match in each.headers:
            yield from _wrong_text(match, (*at, index, "headers", name))


def _wrong_text(match: TextMatch, at: Path) -> Iterator[Problem]:
    if not match.text or len(match.text) > _LONGEST or not match.text.isprintable():
        yield Problem(f"a text to match has 1 to {_LONGEST} printable characters.", at, "Shorten it.")
    elif match.how is How.REGEX and not is_regex(match.text):
        yield Problem(
            f"'{match.text}' is no regular expression of RE2, which the data plane reads.",
            (*at, "regex"),
            "It knows no lookaround and no references.",
        )


def is_regex(text: str) -> bool:
    """Whether RE2 reads it."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(text, options)
    except re2.error:
        return False
    return True


def _wrong_compare(compare: Compare, allowed: Sequence[Allowed], at: Path) -> Iterator[Problem]:
    yield from _wrong_share(compare.sample_bp, (*at, "sample"))
    if compare.sample_bp == 0:
        yield Problem("this compares nothing: the sample is 0.", (*at, "sample"), "Write for example 5.")
    if not any(each.safe for each in allowed):
        yield Problem(
            "only reads are compared, and none is copied here: a write cannot be asked three times.",
            at,
            "Add GET, or remove 'compare'.",
        )
    for index, text in enumerate(compare.ignored.fields):
        if pattern(text) is None:
            yield Problem(
                f"'{text}' is no place in a body.",
                (*at, "ignore", "fields", index),
                "Write for example $.rounds[*].id, or $..requestId for one that may be anywhere.",
            )
    if not 0.0 <= compare.ignored.tolerance < 1.0:
        yield Problem("a tolerance is a share below 1.", (*at, "ignore", "tolerance"), "Write for example 1%.")
    if compare.most is not None and not 0.0 <= compare.most < 1.0:
        yield Problem("a bound is a share below 1.", (*at, "maxDifferences"), "Write for example 0.1%.")
    if compare.at_least < 1:
        yield Problem("the least number of comparisons is 1.", (*at, "atLeast"), "Write for example 100.")


def odd_shadow(steps: Sequence[Asked]) -> Iterator[tuple[int, str, str]]:
    """What is allowed and risky: index of the step, what, and what to do."""
    for index, step in enumerate(steps):
        if not isinstance(step, Shadow | SetMirrorRoute) or not step.share_bp:
            continue
        if writes := [
            f"{'|'.join(each.unsafe)} {each.path.text}" for each in step.allowed if each.unsafe and each.path
        ]:
            what = f"copies of {', '.join(writes)} are writes: the new version does them for real, with the player's "
            hint = "See that it does, and never name a path that moves money: docs/how-to/shadow-a-version.md."
            yield index, f"{what}own session, unless it refuses requests with {SHADOW_HEADER}.", hint
        if isinstance(step, SetMirrorRoute) and not any(after.kind in _TAKES_TIME for after in steps[index + 1 :]):
            hint = "Put a pause or an analysis after it."
            yield index, "nothing has time to be copied: no later step waits for anything.", hint
