"""Column D of the reference study: the figures of the simulator from which the sequential rule was built, all gates,
600 rollouts a cell. What Croupier's own implementation is held against.
"""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Target:
    """``share`` rolled back (0 to 1); where it was more than half, median and 95th percentile of the seconds to
    rollback (``None``: fewer came back) and the mean harm.
    """

    share: float
    median_s: float | None = None
    p95_s: float | None = None
    harm: float | None = None


def targets(per_s: float) -> dict[str, Target]:
    """By scenario; empty for a rate that the study did not have."""
    rates = json.loads(Path(__file__).with_name("reference.json").read_text(encoding="utf-8"))
    return {name: Target(**figures) for name, figures in rates.get(f"{per_s:g}", {}).items()}
