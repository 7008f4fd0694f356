"""Resolves the dependencies into requirements.lock (everything) and requirements-demo.lock (what the demo needs).

Called by `make lock`. The files hold for every platform, pin hashes, and name no package index: whoever installs uses
the index they trust, and the hashes decide. package-lock.json gets the same treatment from .npmrc.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CASINO = Path("examples/casino/pyproject.toml")
EVERYTHING = ROOT / "requirements.lock"
DEMO = ROOT / "requirements-demo.lock"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions, not the ones locked now")
    upgrade = ["--upgrade"] if parser.parse_args().upgrade else []
    _compile(EVERYTHING, ["--extra", "server", "--extra", "postgres", "--group", "dev"], upgrade)
    # The same versions in both, so that the demo runs what the tests ran.
    demo = ["--extra", "server", "--group", "build", "--group", "assets", "--constraints", EVERYTHING.name]
    _compile(DEMO, demo, upgrade)
    return 0


def _compile(output: Path, what: list[str], upgrade: list[str]) -> None:
    sources = ["pyproject.toml", *([str(CASINO)] if (ROOT / CASINO).is_file() else [])]
    uv = Path(sys.executable).with_name("uv")
    command: list[str | Path] = [
        uv,
        "pip",
        "compile",
        *sources,
        *what,
        *upgrade,
        "--output-file",
        output.name,
        "--quiet",
    ]
    command += ["--universal", "--generate-hashes", "--no-header", "--no-emit-index-url", "--no-annotate"]
    # Ours are installed from this checkout, never from an index where somebody else may hold the name.
    command += ["--no-emit-package", "croupier", "--no-emit-package", "croupier-casino"]
    subprocess.run(command, cwd=ROOT, check=True)
    if hosts := re.findall(r"https?://[^\s]+|^--(?:extra-)?index-url.*", output.read_text(), flags=re.MULTILINE):
        raise SystemExit(f"{output.name} names a host and must not: {hosts[0]}")


if __name__ == "__main__":
    sys.exit(main())
