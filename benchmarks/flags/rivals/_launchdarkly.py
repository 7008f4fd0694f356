"""LaunchDarkly, from its file source."""
# ruff: noqa: ARG001, PTH118, PTH123 -- each SDK as its own documentation uses it

import json
import os
import tempfile

from benchmarks.flags.rivals._case import FLAG, adapter, all_flags, ver


@adapter("LaunchDarkly server SDK (file data source)")
def _ld():
    # TestData cannot express a percentage rollout inside a rule, so the file data
    # source carries the full flag model; evaluation is the same code.
    from ldclient import Config, Context, LDClient
    from ldclient.impl.integrations.files import file_data_source
    from ldclient.integrations import Files

    # With PyYAML installed the file source parses JSON with the pure-Python YAML
    # parser: 1,001 flags then take seconds. Not what we want to measure.
    file_data_source.have_yaml = False

    def one(key, markets, brand, pct):
        return {
            "key": key,
            "version": 1,
            "on": True,
            "variations": [True, False],
            "offVariation": 1,
            "fallthrough": {"variation": 1},
            "salt": "s" + key,
            "trackEvents": False,
            "rules": [
                {
                    "id": "r1",
                    "clauses": [{"contextKind": "user", "attribute": "market", "op": "in", "values": markets}],
                    "rollout": {
                        "contextKind": "user",
                        "variations": [
                            {"variation": 0, "weight": pct * 1000},
                            {"variation": 1, "weight": 100_000 - pct * 1000},
                        ],
                    },
                },
                {
                    "id": "r2",
                    "variation": 0,
                    "clauses": [
                        {"contextKind": "user", "attribute": "brand", "op": "in", "values": [brand]},
                        {"contextKind": "user", "attribute": "isEmployee", "op": "in", "values": [True]},
                    ],
                },
            ],
        }

    def load(n):
        path = os.path.join(tempfile.mkdtemp(), "flags.json")
        with open(path, "w") as f:
            json.dump({"flags": {x[0]: one(*x) for x in all_flags(n)}}, f)
        c = LDClient(
            Config(
                "sdk-key",
                update_processor_class=Files.new_data_source(paths=[path]),
                send_events=False,
                diagnostic_opt_out=True,
            ),
            start_wait=10,
        )
        assert c.is_initialized()
        return c

    def ctx(s, p):
        return (
            Context.builder(p["id"])
            .set("market", p["market"])
            .set("brand", p["brand"])
            .set("isEmployee", p["isEmployee"])
            .build()
        )

    return {
        "version": ver("launchdarkly-server-sdk"),
        "load": load,
        "ctx": ctx,
        "call": lambda s: lambda c, v=s.variation: v(FLAG, c, False),
        "raw": lambda s: lambda p, v=s.variation: v(FLAG, ctx(None, p), False),
    }
