"""Runs every test, and holds core and control to full coverage; pytest's closing line comes last.

Called by `make test`. Core and control must be covered completely, branches included, by their own unit tests: what
only an end-to-end test or a random example reaches is not pinned down. So only those tests are measured
(tests/conftest.py).
"""

import argparse
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread

ROOT = Path(__file__).resolve().parent.parent
# A suite that hangs must still end well within the hour and a half that CI gives; single tests have pytest-timeout.
SUITE_TIMEOUT_S = 60 * 60


def main() -> int:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0], epilog="Other arguments go to pytest; then nothing is covered."
    )
    parser.add_argument("--workers", type=int, default=3, help="processes; 0 is this one")
    parser.add_argument("--beside", default="", help="a command that runs meanwhile, and fails this one if it fails")
    arguments, chosen = parser.parse_known_args()
    ended = _beside(shlex.split(arguments.beside))

    # One file's tests stay in one process, so that a server is started once per file; the order is that of conftest.
    parallel = ["--dist=loadfile", "--no-loadscope-reorder", "-n", str(arguments.workers)] if arguments.workers else []
    covering = [] if chosen else ["--cov", "--cov-report="]
    failed, closing = _pytest(["-q", *parallel, *covering, *chosen])
    if not failed and covering:
        failed = _covered()
    failed = ended() or failed
    print(closing, flush=True)
    return failed


def _beside(command: list[str]) -> Callable[[], int]:
    """Start it; what it says comes all at once, when it has ended. Gives what waits for that and answers its exit code.

    One that has one thing to do at a time, as types are checked, leaves a core to the tests.
    """
    codes = [0]

    def run() -> None:
        done = subprocess.run(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        codes.append(done.returncode)
        print(f"\n{done.stdout}", end="", flush=True)

    thread = Thread(target=run)
    if command:
        thread.start()

    def ended() -> int:
        if command:
            thread.join()
        return codes[-1]

    return ended


def _pytest(arguments: list[str]) -> tuple[int, str]:
    """The exit code, and the closing line, held back from what is passed on line by line."""
    colour = ["--color=yes"] if sys.stdout.isatty() and "NO_COLOR" not in os.environ else []
    command = ["timeout", "--kill-after=30", str(SUITE_TIMEOUT_S), sys.executable, "-m", "pytest", *colour, *arguments]
    closing = ""
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        for line in run.stdout or ():
            if closing:
                print(closing, flush=True)
            closing = line.rstrip("\n")
    if run.returncode == 124:
        closing += f"\nThe tests were ended after {SUITE_TIMEOUT_S // 60} minutes."
    return run.returncode, closing


def _covered() -> int:
    command = [sys.executable, "-m", "coverage", "report", "--fail-under=100"]
    report = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if report.returncode:
        print(f"\nCore and control are not covered completely by tests/core and tests/control:\n{report.stdout}")
        print(report.stderr, file=sys.stderr)
    return report.returncode


if __name__ == "__main__":
    sys.exit(main())
