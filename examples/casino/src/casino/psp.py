"""Simulated payment providers: they take time, issuers decline, and now and then they fail technically.

Like real ones they are idempotent: one reference always gets one decision, however often it is asked, also after
a crash of ours. That is what lets a pending payment be finished by whoever finds it.
"""

from __future__ import annotations

import asyncio
import random
from enum import StrEnum

from casino.world import PROVIDERS

LATENCY_SIGMA = 0.35
LONGEST_LATENCY_S = 2.0


class Decision(StrEnum):
    """A provider's answer."""

    APPROVED = "approved"
    DECLINED = "declined"
    FAILED = "failed"


async def ask(psp: str, direction: str, reference: str, attempt: int = 0) -> Decision:
    """Have the provider charge (deposit) or pay out (withdrawal) under our reference."""
    dice = random.Random(f"{psp}:{direction}:{reference}:{attempt}")
    provider = PROVIDERS[psp]
    await asyncio.sleep(min(LONGEST_LATENCY_S, provider.median_latency_s * dice.lognormvariate(0, LATENCY_SIGMA)))
    return decide(psp, direction, reference, attempt)


def decide(psp: str, direction: str, reference: str, attempt: int = 0) -> Decision:
    """The decision itself: a function of the reference (declines) and of the attempt (technical failures)."""
    provider = PROVIDERS[psp]
    if random.Random(f"{psp}:{direction}:{reference}:error:{attempt}").random() < provider.error_share:
        return Decision.FAILED
    declined = provider.decline_share if direction == "deposit" else provider.decline_share / 10
    if random.Random(f"{psp}:{direction}:{reference}:issuer").random() < declined:
        return Decision.DECLINED
    return Decision.APPROVED
