"""Flagsmith and PostHog, evaluating locally."""
# ruff: noqa: ARG001 -- each SDK as its own documentation uses it

from benchmarks.flags.rivals._case import FLAG, adapter, all_flags, ver


def _fs_doc(n, plain):
    feats, segs = [], []
    rows = all_flags(n)
    for i, (key, markets, brand, pct) in enumerate(rows, start=1):
        feature = {"id": i, "name": key, "type": "STANDARD"}

        def state(enabled, uid, feature=feature, i=i):
            return {
                "feature": feature,
                "enabled": enabled,
                "django_id": i,
                "featurestate_uuid": f"00000000-0000-0000-0000-{uid:012d}",
                "feature_state_value": None,
                "multivariate_feature_state_values": [],
            }

        feats.append(state(False, i))
        if plain and key != FLAG:
            continue
        for k, conds in enumerate(
            (
                [
                    {"property_": "market", "operator": "IN", "value": ",".join(markets)},
                    {"property_": "", "operator": "PERCENTAGE_SPLIT", "value": str(pct)},
                ],
                [
                    {"property_": "brand", "operator": "EQUAL", "value": brand},
                    {"property_": "isEmployee", "operator": "EQUAL", "value": "true"},
                ],
            )
        ):
            segs.append(
                {
                    "id": 2 * i + k,
                    "name": f"{key}-{k}",
                    "rules": [
                        {"type": "ALL", "rules": [{"type": "ALL", "rules": [], "conditions": conds}], "conditions": []}
                    ],
                    "feature_states": [state(True, 100_000 + 2 * i + k)],
                }
            )
    return {
        "id": 1,
        "name": "prod",
        "api_key": "env",
        "updated_at": "2026-01-01T00:00:00Z",
        "project": {
            "id": 1,
            "name": "p",
            "organisation": {
                "id": 1,
                "name": "o",
                "feature_analytics": False,
                "stop_serving_flags": False,
                "persist_trait_data": True,
            },
            "hide_disabled_flags": False,
            "segments": segs,
        },
        "feature_states": feats,
        "identity_overrides": [],
    }


def _flagsmith(plain):
    from flagsmith import Flagsmith

    def load(n):
        doc = _fs_doc(n, plain)

        class H:
            def get_environment(self):
                return doc

        return Flagsmith(offline_mode=True, offline_handler=H())

    def traits(s, p):
        return (p["id"], {"market": p["market"], "brand": p["brand"], "isEmployee": p["isEmployee"]})

    return {
        "version": ver("flagsmith", "flagsmith-flag-engine"),
        "load": load,
        "ctx": traits,
        "call": lambda s: lambda c, f=s.get_identity_flags: f(c[0], c[1]).is_feature_enabled(FLAG),
    }


@adapter("Flagsmith local evaluation (all flags targeted)")
def _fs_targeted():
    return _flagsmith(False)


@adapter("Flagsmith local evaluation (other flags plain)")
def _fs_plain():
    return _flagsmith(True)


def _ph_client(n):
    from posthog import Posthog

    def one(i, key, markets, brand, pct):
        return {
            "id": i,
            "key": key,
            "active": True,
            "filters": {
                "groups": [
                    {
                        "properties": [{"key": "market", "value": markets, "operator": "exact", "type": "person"}],
                        "rollout_percentage": pct,
                    },
                    {
                        "properties": [
                            {"key": "brand", "value": brand, "operator": "exact", "type": "person"},
                            {"key": "isEmployee", "value": ["true"], "operator": "exact", "type": "person"},
                        ],
                        "rollout_percentage": 100,
                    },
                ]
            },
        }

    c = Posthog("phc_none", host="http://127.0.0.1:9", send=False, enable_local_evaluation=False)
    c.feature_flags = [one(i, *f) for i, f in enumerate(all_flags(n), start=1)]
    c.cohorts = {}
    c.group_type_mapping = {}
    return c


def _ph_ctx(s, p):
    return (
        p["id"],
        {
            "market": p["market"],
            "brand": p["brand"],
            "isEmployee": "true" if p["isEmployee"] else "false",
        },
    )


@adapter("PostHog local evaluation (feature_enabled)")
def _ph():
    def call(s):
        f = s.feature_enabled
        return lambda c: f(
            FLAG,
            c[0],
            person_properties=c[1],
            only_evaluate_locally=True,
            send_feature_flag_events=False,
        )

    return {"version": ver("posthog"), "load": _ph_client, "ctx": _ph_ctx, "call": call}


@adapter("PostHog local evaluation (evaluate_flags, one key)")
def _ph2():
    def call(s):
        f = s.evaluate_flags

        def g(c):
            r = f(c[0], person_properties=c[1], only_evaluate_locally=True, flag_keys=[FLAG])
            return r.is_enabled(FLAG)

        return g

    return {"version": ver("posthog"), "load": _ph_client, "ctx": _ph_ctx, "call": call}
