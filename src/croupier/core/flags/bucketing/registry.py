"""The algorithms by the names that declarations and lines use."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from croupier.core.flags.bucketing.algorithm import Algorithm
from croupier.core.flags.bucketing.native import NATIVE_1
from croupier.core.flags.model import NATIVE

ALGORITHMS: Final[Mapping[str, Algorithm]] = MappingProxyType({NATIVE: NATIVE_1})
