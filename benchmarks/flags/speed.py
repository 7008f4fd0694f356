"""What asking costs with 1, 1,001 and 50,001 flags, what a flag weighs, how quickly they load, and one changes.

Each number of flags in a process of its own. Times are the calling thread's CPU time, median of the repeats, so that
busy neighbours do not count. Memory is resident memory, after garbage collection: once with everything loaded and
nothing asked, once with every flag asked. Ends with 1 where a figure that the documentation claims is not reached.
"""

import argparse
import gc
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

FLAG = "payments_v2"
MARKETS = ("DE", "SE", "DE", "SE", "FI", "NO", "UK", "MT")
BRANDS = ("X", "Y", "Z")
VERSION = 4_000
"""As of a record that is in use: small numbers would weigh nothing."""
ELSEWHERE = ("FI", "NO", "UK", "MT", "CA", "BR", "MX", "NL", "IT", "ES")


def players(count: int = 10_000) -> list[dict[str, Any]]:
    """Half of them of the markets that the flag is rolled out in."""
    dice = random.Random(20260101)
    return [
        {
            "targetingKey": f"{dice.getrandbits(48):012x}-{number}",
            "market": dice.choice(MARKETS),
            "brand": dice.choice(BRANDS),
            "isEmployee": dice.random() < 0.05,
        }
        for number in range(count)
    ]


def declared(key: str, markets: Sequence[str], brand: str, percent: int) -> dict[str, Any]:
    """A flag of the usual shape."""
    return {
        "feature": key,
        "rules": [
            {"if": f"market in {json.dumps(list(markets))}", "rollout": percent / 100},
            {"if": f"brand == '{brand}' && isEmployee"},
        ],
    }


def declarations(others: int) -> list[dict[str, Any]]:
    """The flag that is asked, and so many others, no two alike."""
    dice = random.Random(7)
    found = [declared(FLAG, ["DE", "SE"], "X", 25)]
    for number in range(others):
        markets = dice.sample(ELSEWHERE, 2)
        found.append(declared(f"other_{number:05d}", markets, dice.choice("YZ"), dice.randrange(1, 100)))
    return found


def cpu_us(call: Callable[[Any], object], items: Sequence[Any], repeats: int = 21) -> float:
    """Median CPU microseconds of a call."""
    for item in items:
        call(item)
    found = []
    for _ in range(repeats):
        began = time.thread_time()
        for item in items:
            call(item)
        found.append((time.thread_time() - began) * 1e6 / len(items))
    return statistics.median(found)


def resident_kib() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGESIZE") // 1024


def measure(others: int) -> dict[str, Any]:
    """In a process of its own."""
    from croupier.core.flags.snapshot import Delta, decode, encode
    from croupier.sdk import FlagClient
    from croupier.sdk.rules import read_rules

    warm = FlagClient.from_rules(declarations(0))  # code and tables that any number of flags needs once
    for player in players(100):
        warm.details(FLAG, False, player)
    content = encode(read_rules(declarations(others), "production", VERSION))
    contexts = players()
    client = FlagClient.from_rules([])
    held = client._held  # noqa: SLF001 -- what the stream does, without a stream
    before = resident_kib()
    began = time.perf_counter()
    held.replace(decode(content))
    loaded_s = time.perf_counter() - began
    loaded = resident_kib()
    began = time.perf_counter()
    keys = set(client.flag_keys()) - {FLAG}
    for context in contexts[:4]:
        for key in keys:
            client.outcome(key, context)
    used_s = time.perf_counter() - began
    del keys
    used = resident_kib()
    figures: dict[str, Any] = {
        "flags": others + 1,
        "load_s": loaded_s,
        "first_use_s": used_s,
        "kib_loaded": (loaded - before) / (others + 1),
        "kib_used": (used - before) / (others + 1),
    }
    outcome, enabled, value, details = client.outcome, client.is_enabled, client.value, client.details
    figures["empty_us"] = cpu_us(lambda _: None, contexts)
    figures["outcome_us"] = cpu_us(lambda context: outcome(FLAG, context), contexts)
    figures["is_enabled_us"] = cpu_us(lambda context: enabled(FLAG, context), contexts)
    figures["value_us"] = cpu_us(lambda context: value(FLAG, False, context), contexts)
    figures["details_us"] = cpu_us(lambda context: details(FLAG, False, context), contexts)
    figures["bucket_us"] = cpu_us(lambda context: details(FLAG, False, context).bucket, contexts)
    figures["by_name_us"] = cpu_us(
        lambda c: enabled(FLAG, targetingKey=c["targetingKey"], market=c["market"], brand=c["brand"], isEmployee=False),
        contexts,
    )
    bare = [{"targetingKey": c["targetingKey"], "market": c["market"]} for c in contexts]
    figures["missing_attribute_us"] = cpu_us(lambda context: outcome(FLAG, context), bare, 5)
    changes = []
    for number in range(50):
        version = VERSION + 1 + number
        lines = read_rules([declared("other_00000", ["DE"], "Y", number)], "production", version).lines
        snapshot = held.snapshot
        lines_of = tuple(f"{key}\t{rest}" for key, rest in lines.items())
        delta = Delta("production", snapshot.lineage, snapshot.version, version, 0, lines_of)
        began = time.thread_time()
        held.ruleset.follow(delta)
        changes.append((time.thread_time() - began) * 1e3)
    figures["delta_ms"] = statistics.median(changes)
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--others", type=int, nargs="*", default=[0, 1_000, 50_000])
    parser.add_argument("--child", type=int)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.child is not None:
        print(json.dumps(measure(options.child)))
        return 0
    rows = []
    for others in options.others:
        said = subprocess.run(
            [sys.executable, "-m", "benchmarks.flags.speed", "--child", str(others)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        rows.append(json.loads(said))
    for name in rows[0]:
        print(f"{name:24}" + "".join(f"{row[name]:14,.3f}" for row in rows))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    last = rows[-1]
    wrong = [
        *(
            f"{name} is {row[name]:.2f} at {row['flags']} flags, over 1"
            for row in rows
            for name in ("outcome_us",)
            if row[name] > 1
        ),
        *(["a flag weighs more than 1.5 KiB once it is asked"] if last["flags"] > 1 and last["kib_used"] > 1.5 else []),
        *(["loading takes longer than 3 s"] if last["load_s"] > 3 else []),
    ]
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
