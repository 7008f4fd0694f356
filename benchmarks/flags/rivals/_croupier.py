"""Ours: the full result, each way of asking, and OpenFeature by both clients."""
# ruff: noqa: ARG001, SLF001 -- each SDK as its own documentation uses it

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.flags.rivals._case import FLAG, adapter, all_flags, ver
from benchmarks.flags.rivals._openfeature import _of_call, _of_ctx, _of_raw


def _client(n):
    """As it arrives from a control plane: as bytes that another process made."""
    from croupier.core.flags.snapshot import decode
    from croupier.sdk import FlagClient

    client = FlagClient.from_rules([])
    with tempfile.NamedTemporaryFile() as file:
        subprocess.run([sys.executable, "-m", __name__, str(n)], check=True, stdout=file)
        client._held.replace(decode(Path(file.name).read_bytes()))
    return client


def _written(n):
    from croupier.core.flags.snapshot import encode
    from croupier.sdk.rules import read_rules

    rules = [_declared(*flag) for flag in all_flags(n)]
    return encode(read_rules(rules, "production", 4_000))  # as of a record in use: small versions would weigh nothing


def _declared(key, markets, brand, percent):
    return {
        "feature": key,
        "rules": [
            {"if": f"market in {json.dumps(markets)}", "rollout": percent / 100},
            {"if": f"brand == '{brand}' && isEmployee"},
        ],
    }


def _ctx(s, p):
    return {"targetingKey": p["id"], "market": p["market"], "brand": p["brand"], "isEmployee": p["isEmployee"]}


def _used(n):
    """Memory once every flag was asked, too: text becomes functions only then."""
    client = _client(n)
    for key in client.flag_keys():
        for market in ("DE", "FI", "NO", "UK", "MT"):
            client.outcome(key, {"targetingKey": "p", "market": market, "brand": "X", "isEmployee": False})
    return client


@adapter("Croupier: outcome (value, variant, reason, rule, version; counted)", kind="ours")
def _outcome():
    return {
        "version": "",
        "load": _client,
        "ctx": _ctx,
        "call": lambda s: lambda c, ask=s.outcome: ask(FLAG, c).value,
        "raw": lambda s: lambda p, ask=s.outcome: ask(FLAG, _ctx(None, p)).value,
    }


@adapter("Croupier: is_enabled", kind="ours")
def _enabled():
    return {
        "version": "",
        "load": _client,
        "ctx": _ctx,
        "call": lambda s: lambda c, ask=s.is_enabled: ask(FLAG, c),
        "raw": lambda s: (
            lambda p, ask=s.is_enabled: ask(
                FLAG, targetingKey=p["id"], market=p["market"], brand=p["brand"], isEmployee=p["isEmployee"]
            )
        ),
    }


@adapter("Croupier: details (an object of its own for each call), all flags asked before", kind="ours")
def _details():
    return {
        "version": "",
        "load": _used,
        "ctx": _ctx,
        "call": lambda s: lambda c, ask=s.details: ask(FLAG, False, c).value,
        "raw": lambda s: lambda p, ask=s.details: ask(FLAG, False, _ctx(None, p)).value,
    }


@adapter("Croupier: OpenFeature, our client", kind="ours")
def _quick():
    def load(n):
        from openfeature import api

        from croupier.sdk.openfeature import CroupierProvider, get_client

        api.set_provider_and_wait(CroupierProvider(_client(n)))
        return get_client()

    return {"version": ver("openfeature-sdk"), "load": load, "ctx": _of_ctx, "call": _of_call, "raw": _of_raw}


@adapter("Croupier: OpenFeature, the official client", kind="ours")
def _official():
    def load(n):
        from openfeature import api

        from croupier.sdk.openfeature import CroupierProvider

        api.set_provider_and_wait(CroupierProvider(_client(n)))
        return api.get_client()

    return {"version": ver("openfeature-sdk"), "load": load, "ctx": _of_ctx, "call": _of_call, "raw": _of_raw}


if __name__ == "__main__":
    sys.stdout.buffer.write(_written(int(sys.argv[1])))
