"""Records the stories as the present edition of the gates' arithmetic judges them: ``python -m
tests.core.rollout.editions.record``.

Only for an edition that no released version has. What a released one gave stays as it is.
"""

import json
import sys
from pathlib import Path
from typing import Final

from tests.core.rollout.editions.stories import STORIES

from croupier.adapters.store import codec
from croupier.core.gates.edition import EDITION, RELEASED
from croupier.core.rollout import events as e

HERE: Final = Path(__file__).parent


def read(path: Path) -> list[e.Event]:
    """A recorded history."""
    return [codec.EVENT.load(json.loads(line), path.name) for line in path.read_text().splitlines()]


def recorded(edition: int) -> dict[str, Path]:
    """The histories of an edition, by story."""
    return {path.stem: path for path in sorted((HERE / str(edition)).glob("*.jsonl"))}


def main() -> int:
    if EDITION <= RELEASED:
        sys.stdout.write(f"edition {EDITION} is released: its histories must stay. Make edition {EDITION + 1} first.\n")
        return 1
    folder = HERE / str(EDITION)
    folder.mkdir(exist_ok=True)
    for path in recorded(EDITION).values():
        path.unlink()
    for name, story in STORIES.items():
        lines = [codec.EVENT.encode(event) for event in story.history()]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
        sys.stdout.write(f"{name}: {len(lines)} events\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
