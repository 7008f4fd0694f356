"""The algorithms by the names that declarations and lines use."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from croupier.core.flags.bucketing.algorithm import Algorithm
from croupier.core.flags.bucketing.flagd import FLAGD_1, FLAGD_2, FLAGD_3, FLAGD_3_VALUE
from croupier.core.flags.bucketing.growthbook import GROWTHBOOK_1, GROWTHBOOK_2
from croupier.core.flags.bucketing.launchdarkly import LAUNCHDARKLY_1
from croupier.core.flags.bucketing.native import NATIVE_1
from croupier.core.flags.bucketing.unleash import UNLEASH_1
from croupier.core.flags.model import NATIVE

ALGORITHMS: Final[Mapping[str, Algorithm]] = MappingProxyType(
    {
        NATIVE: NATIVE_1,
        "flagd.1": FLAGD_1,
        "flagd.2": FLAGD_2,
        "flagd.3": FLAGD_3,
        "flagd.3.value": FLAGD_3_VALUE,
        "growthbook.1": GROWTHBOOK_1,
        "growthbook.2": GROWTHBOOK_2,
        "launchdarkly.1": LAUNCHDARKLY_1,
        "unleash.1": UNLEASH_1,
    }
)
