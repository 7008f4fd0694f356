"""The flag, the players and the other flags that every system gets; and the list of the systems.

Imported by each rival's module, which registers what it can do.
"""
# ruff: noqa: PERF401, PTH123 -- each SDK as its own documentation uses it

import importlib.metadata as md
import os
import random

FLAG = "payments_v2"
N_PLAYERS = 10_000
MARKETS = ["DE", "SE", "DE", "SE", "FI", "NO", "UK", "MT"]  # half are DE/SE
BRANDS = ["X", "Y", "Z"]


def players():
    rnd = random.Random(20260101)
    out = []
    for i in range(N_PLAYERS):
        out.append(
            {
                "id": f"{rnd.getrandbits(48):012x}-{i}",
                "market": rnd.choice(MARKETS),
                "brand": rnd.choice(BRANDS),
                "isEmployee": rnd.random() < 0.05,
            }
        )
    return out


def others(n):
    """n other flags of the same two-rule shape, over other markets and brands."""
    rnd = random.Random(7)
    mk = ["FI", "NO", "UK", "MT", "CA", "BR", "MX", "NL", "IT", "ES"]
    return [(f"other_{i:04d}", rnd.sample(mk, 2), rnd.choice(["Y", "Z"]), rnd.randrange(1, 100)) for i in range(n)]


def all_flags(n):
    """(key, markets of rule 1, brand of rule 2, percentage of rule 1)"""
    return [(FLAG, ["DE", "SE"], "X", 25), *others(n)]


def rss_kib():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024


def ver(*names):
    return " + ".join(f"{n} {md.version(n)}" for n in names)


# --------------------------------------------------------------------------
# Adapters. Each returns a dict:
#   load(n)   -> state, with n other flags loaded (timed, and its memory measured)
#   ctx(s, p) -> the SDK's own context object for player p (pre-built, not timed)
#   call(s)   -> a function of one pre-built context -> truth value (timed)
#   raw(s)    -> a function of the raw player dict -> truth value, that builds the
#                SDK's context on each call, as a request handler does (timed)
# --------------------------------------------------------------------------
ADAPTERS = {}


def adapter(name, kind="flag"):
    def deco(fn):
        ADAPTERS[name] = (fn, kind)
        return fn

    return deco
