"""What cannot be undercut: an empty call, hand-written closures without any product around them."""
# ruff: noqa: ARG005, S102 -- each SDK as its own documentation uses it

from benchmarks.flags.rivals._case import FLAG, adapter, all_flags, ver


@adapter("floor: empty Python call", kind="floor")
def _empty():
    return {
        "version": "",
        "load": lambda n: None,
        "ctx": lambda s, p: p,
        "call": lambda s: lambda c: False,
        "check": False,
    }


def _closures(n, hasher):
    """hasher takes bytes (xxhash 4 refuses str; mmh3 takes either)."""

    def compile_flag(key, markets, brand, pct):
        markets = frozenset(markets)
        limit = pct * 100
        prefix = key + "\0"

        def ev(c):
            if c["market"] in markets:
                return hasher((prefix + c["id"]).encode()) % 10_000 < limit
            return c["brand"] == brand and c["isEmployee"]

        return ev

    return {f[0]: compile_flag(*f) for f in all_flags(n)}


@adapter("floor: Python closure + mmh3", kind="floor")
def _floor_mmh3():
    import mmh3

    h = mmh3.hash
    return {
        "version": ver("mmh3"),
        "load": lambda n: _closures(n, lambda b: h(b, 0, False)),
        "ctx": lambda s, p: p,
        "call": lambda s: lambda c, s=s: s[FLAG](c),
    }


@adapter("floor: Python closure + xxh3_64", kind="floor")
def _floor_xxh():
    import xxhash

    h = xxhash.xxh3_64_intdigest
    return {
        "version": ver("xxhash"),
        "load": lambda n: _closures(n, h),
        "ctx": lambda s, p: p,
        "call": lambda s: lambda c, s=s: s[FLAG](c),
    }


@adapter("floor: generated function + xxh3_64", kind="floor")
def _floor_gen():
    """Source generated per flag, hasher and constants bound as defaults."""
    import xxhash

    def load(n):
        out = {}
        for key, markets, brand, pct in all_flags(n):
            src = (
                "def f(c, M=M, h=h):\n"
                " if c['market'] in M:\n"
                f"  return h(({key + chr(0)!r} + c['id']).encode()) % 10000 < {pct * 100}\n"
                f" return c['brand'] == {brand!r} and c['isEmployee']\n"
            )
            g = {"M": frozenset(markets), "h": xxhash.xxh3_64_intdigest}
            exec(compile(src, key, "exec"), g)
            out[key] = g["f"]
        return out

    return {
        "version": ver("xxhash"),
        "load": load,
        "ctx": lambda s, p: p,
        "call": lambda s: lambda c, s=s: s[FLAG](c),
    }


@adapter("floor: closure, interned result tuple + counter + missing-attribute safe", kind="floor")
def _floor_rich():
    """What a product needs per call: value, variant, reason, rule and version (interned per
    outcome, so no allocation), a per-outcome counter, and no exception on a missing attribute.
    """
    import xxhash

    h = xxhash.xxh3_64_intdigest

    def load(n):
        def compile_flag(key, markets, brand, pct):
            markets, limit, prefix = frozenset(markets), pct * 100, key + "\0"
            on1 = (True, "on", "SPLIT", "r1", 7)
            off1 = (False, "off", "SPLIT", "r1", 7)
            on2 = (True, "on", "TARGETING_MATCH", "r2", 7)
            off = (False, "off", "DEFAULT", None, 7)
            count = {on1: 0, off1: 0, on2: 0, off: 0}

            def ev(c):
                get = c.get
                if get("market") in markets:
                    r = on1 if h((prefix + c["id"]).encode()) % 10_000 < limit else off1
                elif get("brand") == brand and get("isEmployee") is True:
                    r = on2
                else:
                    r = off
                count[r] += 1
                return r

            return ev

        return {f[0]: compile_flag(*f) for f in all_flags(n)}

    return {
        "version": ver("xxhash"),
        "load": load,
        "ctx": lambda s, p: p,
        "call": lambda s: lambda c, s=s: s[FLAG](c)[0],
    }
