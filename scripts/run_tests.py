"""Runs every test: the quick unit tests first, with coverage, then the whole suite; pytest's closing line comes last.

Called by `make test`. The unit tests must cover core and control completely, branches included, by themselves: what
only an end-to-end test reaches is not pinned down. They run again in the whole suite, with other random examples.
"""

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UNIT = ("tests/core", "tests/control")
# A whole suite that hangs must still end well within an hour; single tests have pytest-timeout.
SUITE_TIMEOUT_S = 45 * 60


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--workers", type=int, default=2, help="processes of the whole suite; 0 is this one")
    arguments, pytest_arguments = parser.parse_known_args()

    unit = [folder for folder in UNIT if (ROOT / folder).is_dir()]
    if unit and (failed := _python("-m", "pytest", *unit, "-q", "--cov", "--cov-report=")):
        return failed
    covered = _python("-m", "coverage", "report", "--fail-under=100") if unit else 0
    if covered:
        print("Core or control is not covered completely by the unit tests above; see the missing lines.", flush=True)

    # One file's tests stay in one process, so that a server is started once per file at most.
    parallel = ["-n", str(arguments.workers), "--dist", "loadfile"] if arguments.workers else []
    suite = _python("-m", "pytest", "-q", *parallel, *pytest_arguments)
    return suite or covered


def _python(*arguments: str) -> int:
    """The exit code; a run that exceeds the limit is ended and counts as failed."""
    try:
        return subprocess.run([sys.executable, *arguments], cwd=ROOT, check=False, timeout=SUITE_TIMEOUT_S).returncode
    except subprocess.TimeoutExpired:
        print(f"Ended after {SUITE_TIMEOUT_S // 60} minutes: {' '.join(arguments)}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
