"""How each SDK starts, as its own documentation shows it: what is timed is what an application's start waits for.

``python -m benchmarks.flags.rivals._startup NAME URL`` starts one, asks one flag, and says what happened.
"""

import json
import logging
import os
import sys
import tempfile
import time
import warnings
from urllib.parse import urlsplit

from benchmarks.flags.rivals._case import FLAG

STARTS = {}


def start(name):
    """The function imports the SDK, and gives what is timed; that gives a question of one flag."""

    def deco(fn):
        STARTS[name] = fn
        return fn

    return deco


@start("Croupier")
def _croupier(url):
    from croupier.sdk import FlagClient, connection  # noqa: F401 -- code is loaded before the time is taken

    def begin():
        flags = FlagClient(url, "token", cache=None)
        return lambda: flags.is_enabled(FLAG, user="p")

    return begin


@start("Croupier: OpenFeature provider, set_provider_and_wait")
def _provider(url):
    from openfeature import api

    from croupier.sdk import FlagClient, connection  # noqa: F401 -- as above
    from croupier.sdk.openfeature import CroupierProvider

    def begin():
        api.set_provider_and_wait(CroupierProvider(FlagClient(url, "token", cache=None)))
        client = api.get_client()
        return lambda: client.get_boolean_value(FLAG, False)

    return begin


@start("LaunchDarkly")
def _launchdarkly(url):
    from ldclient import Config, Context, LDClient

    def begin():
        client = LDClient(Config("k", base_uri=url, stream_uri=url, events_uri=url))
        return lambda: client.variation(FLAG, Context.create("p"), False)

    return begin


@start("Unleash")
def _unleash(url):
    from UnleashClient import UnleashClient

    def begin():
        client = UnleashClient(url + "/api", "a", cache_directory=tempfile.mkdtemp())
        client.initialize_client()
        return lambda: client.is_enabled(FLAG, {"userId": "p"})

    return begin


@start("GrowthBook")
def _growthbook(url):
    from growthbook import GrowthBook

    def begin():
        client = GrowthBook(attributes={"id": "p"}, api_host=url, client_key="sdk-x")
        client.load_features()
        return lambda: client.is_on(FLAG)

    return begin


@start("Flagsmith, local evaluation")
def _flagsmith(url):
    from flagsmith import Flagsmith

    def begin():
        client = Flagsmith("ser.key", api_url=url + "/api/v1/", enable_local_evaluation=True)
        return lambda: client.get_identity_flags("p").is_feature_enabled(FLAG)

    return begin


@start("flagd provider, in-process, set_provider_and_wait")
def _flagd(url):
    from openfeature import api
    from openfeature.contrib.provider.flagd import FlagdProvider
    from openfeature.contrib.provider.flagd.config import ResolverType

    def begin():
        port = urlsplit(url).port
        api.set_provider_and_wait(FlagdProvider(resolver_type=ResolverType.IN_PROCESS, host="127.0.0.1", port=port))
        client = api.get_client()
        return lambda: client.get_boolean_value(FLAG, False)

    return begin


@start("Statsig server core (Rust)")
def _statsig(url):
    from statsig_python_core import Statsig, StatsigOptions, StatsigUser

    def begin():
        options = StatsigOptions()
        options.specs_url = url + "/v2/download_config_specs"
        options.log_event_url = url + "/v1/log_event"
        options.output_log_level = "none"
        client = Statsig("secret-k", options)
        client.initialize().wait()
        return lambda: client.check_gate(StatsigUser("p"), FLAG)

    return begin


@start("PostHog, local evaluation")
def _posthog(url):
    from posthog import Posthog

    def begin():
        client = Posthog("phc_x", host=url, personal_api_key="phx_x")
        return lambda: client.feature_enabled(FLAG, "p", send_feature_flag_events=False)

    return begin


@start("GO Feature Flag, in-process, set_provider_and_wait")
def _goff(url):
    from gofeatureflag_python_provider.options import GoFeatureFlagOptions
    from gofeatureflag_python_provider.provider import GoFeatureFlagProvider
    from openfeature import api

    def begin():
        api.set_provider_and_wait(GoFeatureFlagProvider(options=GoFeatureFlagOptions(endpoint=url)))
        client = api.get_client()
        return lambda: client.get_boolean_value(FLAG, False)

    return begin


@start("Flipt client (Rust)")
def _flipt(url):
    from flipt_client import FliptClient
    from flipt_client.models import ClientOptions, ErrorStrategy

    def begin():
        client = FliptClient(ClientOptions(url=url, error_strategy=ErrorStrategy.FALLBACK))
        return lambda: client.evaluate_boolean(FLAG, "p", {}).enabled

    return begin


def main(name, url):
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    begin = STARTS[name](url)
    said = {"imported": True}
    print("RESULT " + json.dumps(said), flush=True)
    ask, began = None, time.perf_counter()
    try:
        ask = begin()
        said["start"] = "returns"
    except BaseException as error:  # noqa: BLE001 -- whatever it is, it is the result
        said["start"] = f"raises {type(error).__name__}"
    said["start_s"] = time.perf_counter() - began
    print("RESULT " + json.dumps(said), flush=True)
    if ask is not None:
        began = time.perf_counter()
        try:
            said["answer"] = repr(ask())
        except BaseException as error:  # noqa: BLE001 -- as above
            said["answer"] = f"raises {type(error).__name__}"
        said["answer_ms"] = (time.perf_counter() - began) * 1e3
        print("RESULT " + json.dumps(said), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
