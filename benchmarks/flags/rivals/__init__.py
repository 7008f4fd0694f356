"""The flag SDKs that ours is measured beside, one file each; they live in an environment of their own."""

from importlib import import_module

PACKAGES = (
    "launchdarkly-server-sdk",
    "UnleashClient",
    "growthbook",
    "flagsmith",
    "openfeature-sdk",
    "openfeature-provider-flagd",
    "statsig-python-core",
    "statsig",
    "posthog",
    "flipt-client",
    "gofeatureflag-python-provider",
    "mmh3",
    "xxhash",
)
"""From PyPI, never in our lock. One that is missing is reported as left out."""

_MODULES = (
    "_croupier",
    "_floors",
    "_openfeature",
    "_launchdarkly",
    "_unleash",
    "_flagsmith",
    "_statsig",
    "_flipt",
)


def load() -> None:
    """Register all systems."""
    for name in _MODULES:
        import_module(f"{__name__}.{name}")
