"""Runs the measurements behind the documentation's figures: every script below benchmarks/, or those that are named.

Called by `make bench`, `make bench ARGS="routing/weight_changes ..."`. They run one after the other: two at a time
would measure each other.
"""

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "benchmarks"


def main() -> int:
    scripts = (path for path in sorted(FOLDER.rglob("*.py")) if not path.stem.startswith("_"))
    # A module that the measurements share has no main; it is no measurement.
    found = [path.relative_to(FOLDER).with_suffix("").as_posix() for path in scripts if "__main__" in path.read_text()]
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(found) or 'none yet'}")
    names = parser.parse_args().names or found
    if unknown := [name for name in names if name not in found]:
        parser.error(f"there is no benchmarks/{unknown[0]}.py; there is: {', '.join(found) or 'none yet'}")
    failed = []
    for name in names:
        print(f"\n--- {name}", flush=True)
        # -m from the root, so that measurements can share modules of their folder.
        if subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name.replace('/', '.')}"], cwd=ROOT, check=False
        ).returncode:
            failed.append(name)
    if failed:
        print(f"\nFailed, or fell short: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
