"""OpenFeature: ``CroupierProvider`` for any OpenFeature client, and ``get_client`` for one that is quick.

Needs the extra ``croupier[openfeature]``.
"""

from croupier.sdk.openfeature.provider import CroupierProvider
from croupier.sdk.openfeature.quick import QuickClient, get_client

__all__ = ["CroupierProvider", "QuickClient", "get_client"]
