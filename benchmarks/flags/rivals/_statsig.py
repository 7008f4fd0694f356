"""Statsig's Rust core, and its older SDK in Python."""
# ruff: noqa: ARG001, ARG002 -- each SDK as its own documentation uses it

import json

from benchmarks.flags.rivals._case import FLAG, adapter, all_flags, ver


def _statsig_doc(n, v2):
    """dcs-v2 (condition_map, ids) for the Rust core; v1 (inline, lists) for the pure Python SDK."""
    conds, gates = {}, {}

    def cond(field, values, op="any"):
        c = {
            "type": "user_field",
            "targetValue": values,
            "operator": op,
            "field": field,
            "additionalValues": {"custom_field": field},
            "idType": "userID",
            "isDeviceBased": False,
        }
        if not v2:
            return c
        k = str(abs(hash((field, tuple(values)))) % (1 << 40))
        conds[k] = c
        return k

    for key, markets, brand, pct in all_flags(n):
        gates[key] = {
            "name": key,
            "type": "feature_gate",
            "salt": "salt-" + key,
            "enabled": True,
            "defaultValue": False,
            "idType": "userID",
            "entity": "feature_gate",
            "version": 1,
            "rules": [
                {
                    "name": "r1",
                    "id": "r1",
                    "salt": "r1-" + key,
                    "passPercentage": pct,
                    "returnValue": True,
                    "idType": "userID",
                    "conditions": [cond("market", markets)],
                },
                {
                    "name": "r2",
                    "id": "r2",
                    "salt": "r2-" + key,
                    "passPercentage": 100,
                    "returnValue": True,
                    "idType": "userID",
                    "conditions": [cond("brand", [brand]), cond("isEmployee", ["true"])],
                },
            ],
        }
    doc = {
        "has_updates": True,
        "time": 1_767_000_000_000,
        "company_id": "c",
        "dynamic_configs": {} if v2 else [],
        "feature_gates": gates if v2 else list(gates.values()),
        "layer_configs": {} if v2 else [],
    }
    if v2:
        doc |= {
            "response_format": "dcs-v2",
            "condition_map": conds,
            "experiment_to_layer": {},
            "param_stores": {},
            "sdk_configs": {},
            "diagnostics": {},
        }
    else:
        doc |= {"layers": {}, "id_lists": {}, "diagnostics": {}}
    return doc


@adapter("Statsig server core (Rust, PyO3)")
def _statsig():
    from statsig_python_core import (
        DataStore,
        DataStoreResponse,
        FeatureGateEvaluationOptions,
        Statsig,
        StatsigOptions,
        StatsigUser,
    )

    def load(n):
        doc = json.dumps(_statsig_doc(n, True))

        class Store(DataStore):
            def get(self, key):
                return DataStoreResponse(result=doc, time=1_767_000_000_000)

        o = StatsigOptions()
        o.data_store = Store()
        o.disable_network = True
        o.disable_all_logging = True
        o.disable_country_lookup = True
        o.output_log_level = "none"
        s = Statsig("secret-key", o)
        s.initialize().wait()
        return s

    def ctx(s, p):
        return StatsigUser(
            p["id"],
            custom={
                "market": p["market"],
                "brand": p["brand"],
                "isEmployee": "true" if p["isEmployee"] else "false",
            },
        )

    opt = FeatureGateEvaluationOptions(disable_exposure_logging=True)
    return {
        "version": ver("statsig-python-core"),
        "load": load,
        "ctx": ctx,
        "call": lambda s: lambda c, f=s.check_gate: f(c, FLAG, opt),
        "raw": lambda s: lambda p, f=s.check_gate: f(ctx(None, p), FLAG, opt),
    }


@adapter("Statsig legacy SDK (pure Python)")
def _statsig_py():
    from statsig import StatsigOptions, StatsigUser
    from statsig.statsig_server import StatsigServer

    def load(n):
        s = StatsigServer()
        s.initialize(
            "secret-key",
            StatsigOptions(
                bootstrap_values=json.dumps(_statsig_doc(n, False)),
                local_mode=True,
                disable_diagnostics=True,
                disable_all_logging=True,
            ),
        )
        return s

    def ctx(s, p):
        return StatsigUser(
            p["id"],
            custom={
                "market": p["market"],
                "brand": p["brand"],
                "isEmployee": "true" if p["isEmployee"] else "false",
            },
        )

    return {
        "version": ver("statsig"),
        "load": load,
        "ctx": ctx,
        "call": lambda s: lambda c, f=s.check_gate: f(c, FLAG, False),
    }
