"""The course of a result as paths of an SVG: the band in which the difference is, closing in on it.

Drawn at the server, so that it is there without scripts. Called by ``pages``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from croupier.server.api import experiment_models as em

WIDTH: Final = 1_000
HEIGHT: Final = 100
_LEAST: Final = 0.05


@dataclass(frozen=True, slots=True)
class Course:
    """Of one treatment: paths within ``WIDTH`` x ``HEIGHT``, and the relative differences at the top and bottom.

    ``minimum`` are the two lines between which a difference does not matter.
    """

    treatment: str
    band: str
    line: str
    zero: str
    minimum: str
    most: float
    begin: str
    end: str


def course(treatment: str, points: Sequence[em.PointView], minimum: float) -> Course | None:
    """The treatment's course; ``None`` before there are two points."""
    found = [(item.at, *item.ratios[treatment]) for item in points if treatment in item.ratios]
    if len(found) < 2:
        return None
    last_low, last, last_high = found[-1][1:]
    ends = (abs(last_low), abs(last or 0.0), abs(last_low if last_high is None else last_high))
    most = min(max(_LEAST, 1.5 * minimum, 2.0 * max(ends)), 2.0)
    step = WIDTH / (len(found) - 1)

    def y(value: float) -> str:
        return f"{(1 - (min(max(value, -most), most) + most) / (2 * most)) * HEIGHT:.1f}"

    upper = [f"{step * place:.1f} {y(most if high is None else high)}" for place, (_, _, _, high) in enumerate(found)]
    lower = [f"{step * place:.1f} {y(low)}" for place, (_, low, _, _) in enumerate(found)]
    middle = [f"{step * place:.1f} {y(ratio)}" for place, (_, _, ratio, _) in enumerate(found) if ratio is not None]
    return Course(
        treatment=treatment,
        band=f"M{' L'.join([*upper, *reversed(lower)])}Z",
        line=f"M{' L'.join(middle)}" if len(middle) > 1 else "",
        zero=f"M0 {y(0.0)} H{WIDTH}",
        minimum=f"M0 {y(minimum)} H{WIDTH} M0 {y(-minimum)} H{WIDTH}",
        most=most,
        begin=found[0][0],
        end=found[-1][0],
    )
