"""Unleash's client, and its Rust engine by itself; GrowthBook."""
# ruff: noqa: ARG001, ARG005 -- each SDK as its own documentation uses it

import json
import tempfile

from benchmarks.flags.rivals._case import FLAG, adapter, all_flags, ver


def _unleash_doc(n):
    def one(key, markets, brand, pct):
        return {
            "name": key,
            "type": "release",
            "enabled": True,
            "stale": False,
            "impressionData": False,
            "variants": [],
            "strategies": [
                {
                    "name": "flexibleRollout",
                    "parameters": {"rollout": str(pct), "stickiness": "userId", "groupId": key},
                    "constraints": [{"contextName": "market", "operator": "IN", "values": markets}],
                },
                {
                    "name": "default",
                    "constraints": [
                        {"contextName": "brand", "operator": "IN", "values": [brand]},
                        {"contextName": "isEmployee", "operator": "IN", "values": ["true"]},
                    ],
                },
            ],
        }

    return {"version": 2, "features": [one(*f) for f in all_flags(n)]}


def _unleash_ctx(s, p):
    return {
        "userId": p["id"],
        "properties": {
            "market": p["market"],
            "brand": p["brand"],
            "isEmployee": "true" if p["isEmployee"] else "false",
        },
    }


@adapter("Unleash: UnleashClient (bootstrapped)")
def _unleash():
    from UnleashClient import UnleashClient
    from UnleashClient.cache import FileCache

    def load(n):
        cache = FileCache("flagbench", directory=tempfile.mkdtemp())
        cache.bootstrap_from_dict(_unleash_doc(n))
        c = UnleashClient(
            "http://127.0.0.1:9/api",
            "flagbench",
            cache=cache,
            disable_metrics=True,
            disable_registration=True,
            refresh_interval=86_400,
        )
        c.initialize_client(fetch_toggles=False)
        return c

    return {
        "version": ver("UnleashClient", "yggdrasil-engine"),
        "load": load,
        "ctx": _unleash_ctx,
        "call": lambda s: lambda c, f=s.is_enabled: f(FLAG, c),
        "raw": lambda s: lambda p, f=s.is_enabled: f(FLAG, _unleash_ctx(None, p)),
    }


@adapter("Unleash: yggdrasil engine directly (Rust, ctypes + JSON)")
def _ygg():
    from yggdrasil_engine.engine import UnleashEngine

    def load(n):
        e = UnleashEngine()
        e.take_state(json.dumps(_unleash_doc(n)))
        return e

    return {
        "version": ver("yggdrasil-engine"),
        "load": load,
        "ctx": _unleash_ctx,
        "call": lambda s: lambda c, f=s.check_enabled: f(FLAG, c).is_enabled,
    }


def _gb_doc(n):
    def one(key, markets, brand, pct):
        return {
            "defaultValue": False,
            "rules": [
                {
                    "condition": {"market": {"$in": markets}},
                    "force": True,
                    "coverage": pct / 100,
                    "hashAttribute": "id",
                    "hashVersion": 2,
                    "seed": key,
                },
                {"condition": {"brand": brand, "isEmployee": True}, "force": True},
            ],
        }

    return {f[0]: one(*f) for f in all_flags(n)}


@adapter("GrowthBook")
def _gb():
    from growthbook import GrowthBook

    def load(n):
        return GrowthBook(features=_gb_doc(n))

    def call(s):
        seta, on = s.set_attributes, s.is_on

        def f(c):
            seta(c)
            return on(FLAG)

        return f

    return {"version": ver("growthbook"), "load": load, "ctx": lambda s, p: dict(p), "call": call}
