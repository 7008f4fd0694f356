"""A small plot for terminals: bars over time, and the line that they must not reach. Used by ``gate explain``."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.text import Text

_EIGHTHS: Final = " ▁▂▃▄▅▆▇█"
_ROWS: Final = 8


@dataclass(frozen=True, slots=True)
class Series:
    """Values over time (any unit, rising), the limit, and how a value is written on the axis."""

    times: Sequence[float]
    values: Sequence[float]
    limit: float
    labels: tuple[str, str]
    """What stands at the limit and at zero."""


def plot(series: Series, width: int) -> list[Text]:
    """The lines of the plot, at most ``width`` columns wide: eight rows, and under them the time axis."""
    margin = max(map(len, series.labels)) + 2
    columns = _columns(series, max(width - margin, 10))
    top = max(series.limit * 1.15, *columns, 1e-9)
    line = math.ceil(series.limit / top * _ROWS)
    out: list[Text] = []
    for row in range(_ROWS, 0, -1):
        label = series.labels[0] if row == line else series.labels[1] if row == 1 else ""
        text = Text()
        text.append(f"{label:>{margin - 2}} ", style="dim")
        text.append("┤" if label else "│", style="dim")
        for value in columns:
            eighths = min(max(round((value / top * _ROWS - (row - 1)) * 8), 0), 8)
            if eighths or row != line:
                over = value >= series.limit
                text.append(_EIGHTHS[eighths], style="red" if over else "cyan")
            else:
                text.append("╌", style="yellow")
        out.append(text)
    return out


def _columns(series: Series, width: int) -> list[float]:
    """The largest value of each column's time; where nothing was recorded, what was before."""
    begin, end = series.times[0], series.times[-1]
    width = min(width, 72)
    span = max(end - begin, 1e-9)
    columns: list[float | None] = [None] * width
    for at, value in zip(series.times, series.values, strict=True):
        index = min(int((at - begin) / span * width), width - 1)
        before = columns[index]
        columns[index] = value if before is None else max(before, value)
    filled: list[float] = []
    for held in columns:
        filled.append(filled[-1] if held is None else max(held, 0.0))
    return filled
