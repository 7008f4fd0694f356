"""Shadowing in words, for the terminal, the API, the page and the record. Pure."""

from typing import Final

from croupier.core.rollout.exposure import percent
from croupier.core.rollout.shadow.mirror import EVERY_READ, Allowed, Compare, How, TextMatch
from croupier.core.rollout.shadow.report import ShadowReport

_SIGNS: Final = {How.EXACT: "", How.PREFIX: "…", How.REGEX: " (RE2)"}
_FEW: Final = 3


def copied(share_bp: int, allowed: tuple[Allowed, ...]) -> str:
    """``25 % of the reads copied to the canary``."""
    return f"{percent(share_bp)} of {requests(allowed)} copied to the canary"


def requests(allowed: tuple[Allowed, ...]) -> str:
    """Which requests, in words: ``the reads``, ``GET /a, GET /b…``."""
    if allowed == EVERY_READ:
        return "the reads"
    shown = [_one(each) for each in allowed[:_FEW]]
    more = [f"{len(allowed) - _FEW} more"] if len(allowed) > _FEW else []
    return ", ".join([*shown, *more])


def _one(allowed: Allowed) -> str:
    path = "" if allowed.path is None else f" {_text(allowed.path)}"
    headers = "".join(f" with {name} {_text(match)}" for name, match in allowed.headers)
    return f"{'|'.join(allowed.methods)}{path}{headers}"


def _text(match: TextMatch) -> str:
    return f"{match.text}{_SIGNS[match.how]}"


def comparing(compare: Compare) -> str:
    """What is asked of the answers: ``5 % of the reads compared, 0.1 % may differ``."""
    bound = "" if compare.most is None else f", {share(compare.most)} of {compare.at_least} or more may differ"
    return f"{percent(compare.sample_bp)} of the reads compared{bound}"


def share(value: float) -> str:
    """A share as people write it: ``0.25 %``."""
    return f"{100 * value:.3g} %"


def summary(report: ShadowReport) -> str:
    """``3 of 1,200 answers differ (0.25 %), in 2 fields``."""
    if not report.compared:
        skipped = sum(count for _, count in report.skipped)
        return f"no answer was compared{f' ({skipped:,} skipped)' if skipped else ''}"
    if not report.differing:
        return f"none of {report.compared:,} answers differs"
    fields = len(report.differences)
    where = f", in {fields} field{'' if fields == 1 else 's'}" if fields else ""
    return f"{report.differing:,} of {report.compared:,} answers differ ({share(report.share)}){where}"


def too_many(report: ShadowReport, most: float) -> str:
    """Why a person has to look."""
    worst = report.differences[:1]
    first = f"; most often {worst[0].field} at {worst[0].path}" if worst else ""
    return f"{summary(report)}, and {share(most)} may{first}"
