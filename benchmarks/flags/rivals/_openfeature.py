"""OpenFeature's official client over nothing, over a closure, and over flagd."""
# ruff: noqa: ARG001, ARG002, N817, PTH118, PTH123 -- each SDK as its own documentation uses it

import json
import os
import tempfile

from benchmarks.flags.rivals._case import FLAG, adapter, all_flags, ver
from benchmarks.flags.rivals._floors import _closures


def _of_ctx(s, p):
    from openfeature.evaluation_context import EvaluationContext

    return EvaluationContext(
        targeting_key=p["id"],
        attributes={"market": p["market"], "brand": p["brand"], "isEmployee": p["isEmployee"]},
    )


def _of_call(client):
    get = client.get_boolean_value
    return lambda c: get(FLAG, False, c)


def _of_raw(client):
    from openfeature.evaluation_context import EvaluationContext as EC

    get = client.get_boolean_value
    return lambda p: get(
        FLAG,
        False,
        EC(p["id"], {"market": p["market"], "brand": p["brand"], "isEmployee": p["isEmployee"]}),
    )


@adapter("OpenFeature client, no-op provider", kind="floor")
def _of_noop():
    from openfeature import api
    from openfeature.provider.no_op_provider import NoOpProvider

    def load(n):
        api.set_provider_and_wait(NoOpProvider())
        return api.get_client()

    return {
        "version": ver("openfeature-sdk"),
        "load": load,
        "ctx": _of_ctx,
        "call": _of_call,
        "raw": _of_raw,
        "check": False,
    }


@adapter("OpenFeature client + closure provider", kind="floor")
def _of_closure():
    import xxhash
    from openfeature import api
    from openfeature.flag_evaluation import FlagResolutionDetails, Reason
    from openfeature.provider import AbstractProvider, Metadata

    class P(AbstractProvider):
        def __init__(self, flags):
            super().__init__()
            self.flags = flags

        def get_metadata(self):
            return Metadata("closure")

        def get_provider_hooks(self):
            return []

        def resolve_boolean_details(self, flag_key, default_value, evaluation_context=None):
            a = evaluation_context.attributes
            v = self.flags[flag_key](
                {
                    "id": evaluation_context.targeting_key,
                    "market": a["market"],
                    "brand": a["brand"],
                    "isEmployee": a["isEmployee"],
                }
            )
            return FlagResolutionDetails(v, reason=Reason.TARGETING_MATCH, variant="on" if v else "off")

        def _no(self, *a, **k):
            raise NotImplementedError

        resolve_string_details = resolve_integer_details = _no
        resolve_float_details = resolve_object_details = _no

    def load(n):
        api.set_provider_and_wait(P(_closures(n, xxhash.xxh3_64_intdigest)))
        return api.get_client()

    return {"version": ver("openfeature-sdk"), "load": load, "ctx": _of_ctx, "call": _of_call, "raw": _of_raw}


def _flagd_doc(n):
    def one(key, markets, brand, pct):
        return {
            "state": "ENABLED",
            "variants": {"on": True, "off": False},
            "defaultVariant": "off",
            "targeting": {
                "if": [
                    {"in": [{"var": "market"}, markets]},
                    {"fractional": [["on", pct], ["off", 100 - pct]]},
                    {"and": [{"==": [{"var": "brand"}, brand]}, {"var": "isEmployee"}]},
                    "on",
                    "off",
                ]
            },
        }

    return {"flags": {f[0]: one(*f) for f in all_flags(n)}}


@adapter("flagd: FlagdCore directly")
def _flagd_core():
    from openfeature.contrib.tools.flagd.core import FlagdCore

    def load(n):
        c = FlagdCore()
        c.set_flags(json.dumps(_flagd_doc(n)))
        return c

    return {
        "version": ver("openfeature-flagd-core"),
        "load": load,
        "ctx": _of_ctx,
        "call": lambda s: lambda c: s.resolve_boolean_value(FLAG, False, c).value,
    }


@adapter("flagd: provider, file mode (OpenFeature client)")
def _flagd_file():
    from openfeature import api
    from openfeature.contrib.provider.flagd import FlagdProvider
    from openfeature.contrib.provider.flagd.config import ResolverType

    def load(n):
        path = os.path.join(tempfile.mkdtemp(), "flags.json")
        with open(path, "w") as f:
            json.dump(_flagd_doc(n), f)
        api.set_provider_and_wait(FlagdProvider(resolver_type=ResolverType.FILE, offline_flag_source_path=path))
        return api.get_client()

    return {
        "version": ver("openfeature-provider-flagd"),
        "load": load,
        "ctx": _of_ctx,
        "call": _of_call,
        "raw": _of_raw,
    }
