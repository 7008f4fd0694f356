"""Flipt's Rust client, and GO Feature Flag in WASM."""
# ruff: noqa: ARG001 -- each SDK as its own documentation uses it

import json

from benchmarks.flags.rivals._case import FLAG, adapter, all_flags, ver


@adapter("Flipt client (Rust, ctypes + JSON + pydantic)")
def _flipt():
    # A Flipt boolean flag has segment OR threshold roll-outs, never both in one rule,
    # so the flag is a variant flag: two rules with distributions.
    from flipt_client import FliptClient
    from flipt_client.models import ClientOptions, ErrorStrategy

    def con(prop, op, value, typ="STRING"):
        return {
            "type": f"{typ}_CONSTRAINT_COMPARISON_TYPE",
            "property": prop,
            "operator": op,
            "value": value,
        }

    # flipt-client 1.4.5 aborts the whole process (SIGABRT) when no server answers at
    # construction, even with a snapshot and error_strategy=fallback; so a stub on the
    # loopback serves the document once. Evaluation is in-process.
    def load(n):
        import threading
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

        flags = []
        for key, markets, brand, pct in all_flags(n):
            specs = [
                ([con("market", "isoneof", json.dumps(markets))], [("on", pct), ("off", 100 - pct)]),
                (
                    [con("brand", "eq", brand), con("isEmployee", "true", "", "BOOLEAN")],
                    [("on", 100)],
                ),
            ]
            flags.append(
                {
                    "key": key,
                    "name": key,
                    "enabled": True,
                    "type": "VARIANT_FLAG_TYPE",
                    "rollouts": [],
                    "rules": [
                        {
                            "segmentOperator": "AND_SEGMENT_OPERATOR",
                            "segments": [
                                {
                                    "key": f"{key}-seg{i}",
                                    "matchType": "ALL_SEGMENT_MATCH_TYPE",
                                    "constraints": cons,
                                }
                            ],
                            "distributions": [{"variantKey": v, "rollout": float(w)} for v, w in ds],
                        }
                        for i, (cons, ds) in enumerate(specs, start=1)
                    ],
                }
            )
        body = json.dumps({"namespace": {"key": "default"}, "flags": flags}).encode()

        class H(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *a):
                pass

        srv = ThreadingHTTPServer(("127.0.0.1", 0), H)
        threading.Thread(target=srv.serve_forever, daemon=True).start()
        c = FliptClient(
            ClientOptions(
                url=f"http://127.0.0.1:{srv.server_port}",
                error_strategy=ErrorStrategy.FALLBACK,
                update_interval=86_400,
            )
        )
        srv.shutdown()
        return c

    def ctx(s, p):
        return (
            p["id"],
            {
                "market": p["market"],
                "brand": p["brand"],
                "isEmployee": "true" if p["isEmployee"] else "false",
            },
        )

    return {
        "version": ver("flipt-client"),
        "load": load,
        "ctx": ctx,
        "call": lambda s: lambda c, f=s.evaluate_variant: f(FLAG, c[0], c[1]).variant_key == "on",
    }


@adapter("GO Feature Flag in-process (WASM, wasmtime)")
def _goff():
    from gofeatureflag_python_provider.wasm import EvaluateWasm, WasmFlagContext, WasmInput

    def one(key, markets, brand, pct):
        ms = ",".join(f'"{m}"' for m in markets)
        return {
            "variations": {"on": True, "off": False},
            "targeting": [
                {"name": "r1", "query": f"market in [{ms}]", "percentage": {"on": pct, "off": 100 - pct}},
                {"name": "r2", "query": f'brand eq "{brand}" and isEmployee eq true', "variation": "on"},
            ],
            "defaultRule": {"variation": "off"},
        }

    def load(n):
        w = EvaluateWasm(pool_size=1)
        w.initialize()
        return w, {f[0]: one(*f) for f in all_flags(n)}

    def ctx(s, p):
        return {
            "targetingKey": p["id"],
            "market": p["market"],
            "brand": p["brand"],
            "isEmployee": p["isEmployee"],
        }

    def call(s):
        w, flags = s
        return lambda c: (
            w.evaluate(
                WasmInput(
                    flagKey=FLAG,
                    flag=flags[FLAG],
                    evalContext=c,
                    flagContext=WasmFlagContext(defaultSdkValue=False),
                )
            ).value
        )

    return {"version": ver("gofeatureflag-python-provider"), "load": load, "ctx": ctx, "call": call}


# ------------------------------- CEL --------------------------------------
CEL1 = "market in ['DE', 'SE']"
CEL2 = "brand == 'X' && user.isEmployee"
