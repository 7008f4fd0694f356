"""What a person is told when a version's counters cannot be read: who does not answer, since when, and what it said.
Pure.
"""

from collections.abc import Sequence

from croupier.adapters.metrics.embedded.target import Target


def not_there(who: str, live: Sequence[Target], now: float) -> str:
    """The version has never been scraped, or has no instance any more."""
    if not live:
        return f"no instance of {who} is there to be scraped"
    if any(target.failing for target in live):
        return not_answering(who, live, now)
    return f"{who} has not been scraped yet"


def not_answering(who: str, live: Sequence[Target], now: float) -> str:
    """Some instances do not answer. Counts of the others alone would mislead, so the whole version is silent."""
    failing = [target for target in live if target.failing]
    shown = failing[0]
    since_s = max(0.0, now - (shown.failing_since if shown.failing_since is not None else now))
    how_many = f" ({len(failing)} of {len(live)} instances)" if len(live) > 1 else ""
    return f"{who} has not been read for {since_s:.0f} s{how_many}: {shown.identity} {shown.failing}"


def too_old(who: str, last: float | None, until: float) -> str:
    """Nobody fails, yet no scrape reaches the time that is asked for."""
    if last is None:
        return f"{who} has not been scraped since this metric was first asked for"
    return f"the last complete scrape of {who} is {until - last:.0f} s older than what is asked for"
