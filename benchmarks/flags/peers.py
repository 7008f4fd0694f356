"""The same flag asked in every Python flag SDK and in ours, side by side in one run: microseconds, memory, ratios.

Makes an environment of its own for the rivals (from PyPI; ``--venv`` keeps it for the next run). Each system and number
of flags gets a process of its own, one after the other, without a network. Each repeat stands between two runs of a
calibration loop in CPU time, so that busy neighbours and changing clocks do not count. Ends with 1 where ours is not 4
times as quick as every rival, or OpenFeature through our client not 3 times as quick as the official one over nothing.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.flags.rivals import PACKAGES, load
from benchmarks.flags.rivals._case import ADAPTERS

ROOT = Path(__file__).resolve().parents[2]
OURS = "Croupier: outcome (value, variant, reason, rule, version; counted)"
QUICK = "Croupier: OpenFeature, our client"
NO_OP = "OpenFeature client, no-op provider"


def environment(folder: Path) -> Path:
    """Python of an environment that holds the rivals and ourselves."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "uv", "venv", "-q", "--python", sys.executable, folder], check=True)
    install = [sys.executable, "-m", "uv", "pip", "install", "-q", "--python", str(python)]
    for package in PACKAGES:  # one by one: a rival that cannot be installed here is left out, no more
        subprocess.run([*install, package], check=False)
    subprocess.run([*install, *_own()], check=True)
    return python


def _own() -> list[str]:
    """What the SDK needs, as declared."""
    import tomllib

    return list(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"])


def measured(python: Path, name: str, others: int, options: argparse.Namespace) -> dict[str, Any]:
    command = [str(python), "-m", "benchmarks.flags.rivals._measure", name, str(others)]
    command += [str(options.repeats), str(options.seconds)]
    said = ""
    for _ in range(3):  # one of the rivals aborts its process now and then
        run = subprocess.run(
            command,
            cwd=ROOT,
            env={"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "PYTHONHASHSEED": "0", "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )
        for line in run.stdout.splitlines():
            if line.startswith("RESULT "):
                found: dict[str, Any] = json.loads(line[len("RESULT ") :])
                return found
        said = (run.stderr.strip().splitlines() or ["no output"])[-1]
    return {"error": said[:100]}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", help="systems whose names contain one of these, by comma")
    parser.add_argument("--others", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.05)
    parser.add_argument("--venv", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    load()
    wanted = [part.strip().lower() for part in options.only.split(",") if part.strip()]
    names = [name for name in ADAPTERS if not wanted or any(part in name.lower() for part in wanted)]
    with tempfile.TemporaryDirectory() as folder:
        python = environment(options.venv or Path(folder) / "venv")
        rows = {}
        for name in names:
            rows[name] = [measured(python, name, others, options) for others in (0, options.others)]
            print(f"  {name}", file=sys.stderr, flush=True)
    return report(rows, options)


def report(rows: dict[str, list[dict[str, Any]]], options: argparse.Namespace) -> int:
    """Print the table; 1 where a claim does not hold."""
    good = {name: found for name, found in rows.items() if not any("error" in each for each in found)}
    unit = min(each["cal"] for found in good.values() for each in found)
    us = {name: found[0]["u"] * unit for name, found in good.items()}
    ours = us.get(OURS)
    print(f"{'':72}{'us':>9}{'/s':>12}{'x ours':>8}{'us, ' + str(options.others + 1):>10}{'KiB/1,000':>11}  right")
    for name in sorted(us, key=us.__getitem__):
        one, many = good[name]
        kib = (many["load_rss_kib"] - one["load_rss_kib"]) * 1000 / options.others
        right = "yes" if one.get("correct", True) and many.get("correct", True) else "NO"
        ratio = us[name] / ours if ours else float("nan")
        figures = f"{us[name]:9.2f}{1e6 / us[name]:12,.0f}{ratio:8.1f}{many['u'] * unit:10.2f}{kib:11,.0f}"
        print(f"{name[:71]:72}{figures}  {right}")
    for name in rows.keys() - good.keys():
        print(f"{name}: left out: {next(each['error'] for each in rows[name] if 'error' in each)}")
    if options.json:
        options.json.write_text(json.dumps({"us_of_a_unit": unit, "rows": rows}, indent=1), encoding="utf-8")
    rivals = [name for name in us if ADAPTERS[name][1] == "flag"]
    wrong = [f"{name} is only {us[name] / ours:.1f} x ours" for name in rivals if ours and us[name] < 4 * ours]
    if QUICK in us and NO_OP in us and us[NO_OP] < 3 * us[QUICK]:
        wrong.append(f"OpenFeature's client over nothing is only {us[NO_OP] / us[QUICK]:.1f} x ours over real flags")
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
